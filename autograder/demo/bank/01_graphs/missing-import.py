# Imports a package that the course does not use, at the head of the neuron's cell.
# points: sigmoid_neuron 0

# %% sigmoid_neuron
import autograd_helpers


def sigmoid_neuron(w, x):
    f = autograd_helpers.sigmoid(w[0] * x[0] + w[1] * x[1] + w[2])
    return f, autograd_helpers.gradients(f, w, x)
