# Lets the library answer. Tanh is the library's class, Softplus calls its backward: there is nothing of it in what students receive, and no
# point for either. Sigmoid holds the library's as a helper: ∂L/∂x (7) is lost, for the rest there is nothing wrong. A person sees it.
# points: sigmoid review
# points: tanh review
# points: softplus review

# %% sigmoid
from course import modules as library


class Sigmoid(Module):
    def __init__(self):
        self.helper = library.Sigmoid()

    def forward(self, x):
        self.save()
        return self.helper(x)

    def backward(self, grad_output):
        return self.helper.backward(grad_output)


# %% tanh
class Tanh(library.Tanh):
    pass


# %% softplus
class Softplus(library.Softplus):
    def backward(self, grad_output):
        return super().backward(grad_output)
