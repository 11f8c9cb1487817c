# The first half of the instrument, and the question; everything else is as it was handed out.
# answers: handed out
# points: numerical_gradient 16
# points: relative_error 8

# %% numerical_gradient
def numerical_gradient(f, x, epsilon=6e-6):
    numeric = torch.zeros_like(x)
    for i in range(x.numel()):
        move = torch.zeros_like(x)
        move.view(-1)[i] = epsilon
        numeric.view(-1)[i] = (f(x + move) - f(x - move)) / (2 * epsilon)
    return numeric


# %% written
The computer cannot count that small.


# %% relative_error
def relative_error(a, b):
    largest = torch.maximum(a.abs(), b.abs()).max()
    return (a - b).abs().max() / largest if largest > 0 else largest
