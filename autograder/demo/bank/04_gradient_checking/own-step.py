# Takes a step of its own and not the one that it is given: right wherever the step does not show, so 6 are missing. And its
# relative error has a floor below it, added to the denominator, under which tiny numbers disappear: 1 is missing.
# points: numerical_gradient 10
# points: relative_error 7

# %% numerical_gradient
def numerical_gradient(f, x, epsilon=6e-6):
    epsilon = 1e-5
    numeric = torch.zeros_like(x)
    for i in range(x.numel()):
        move = torch.zeros_like(x)
        move.view(-1)[i] = epsilon
        numeric.view(-1)[i] = (f(x + move) - f(x - move)) / (2 * epsilon)
    return numeric


# %% relative_error
def relative_error(a, b):
    return (a - b).abs().max() / (torch.maximum(a.abs(), b.abs()).max() + 1e-8)
