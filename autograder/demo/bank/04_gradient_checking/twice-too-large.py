# Divides by ε where the two sides are 2ε apart: all slopes are twice too large, and x is left alone, 2. Every right gradient
# is then half of the numeric one, so that check_gradient calls it wrong.
# points: numerical_gradient 2
# points: check_gradient 0

# %% numerical_gradient
def numerical_gradient(f, x, epsilon=6e-6):
    numeric = torch.zeros_like(x)
    for i in range(x.numel()):
        move = torch.zeros_like(x)
        move.view(-1)[i] = epsilon
        numeric.view(-1)[i] = (f(x + move) - f(x - move)) / epsilon
    return numeric
