# Waits for a number of x that never comes: it is stopped after a while. check_gradient calls it, and is stopped as well.
# points: numerical_gradient 0
# points: check_gradient 0

# %% numerical_gradient
def numerical_gradient(f, x, epsilon=6e-6):
    numeric, i = torch.zeros_like(x), 0
    while i < x.numel():
        move = torch.zeros_like(x)
        move.view(-1)[i] = epsilon
        numeric.view(-1)[i] = (f(x + move) - f(x - move)) / (2 * epsilon)
    return numeric
