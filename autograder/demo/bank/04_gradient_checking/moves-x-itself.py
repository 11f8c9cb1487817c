# Moves the numbers of x itself, there and back, and rounds on each of the ways: the slopes are right, but x is not what it
# was. The check protects itself with a copy.
# points: numerical_gradient 14

# %% numerical_gradient
def numerical_gradient(f, x, epsilon=6e-6):
    numeric = torch.zeros_like(x)
    numbers = x.view(-1)
    for i in range(x.numel()):
        numbers[i] += epsilon
        up = f(x).item()
        numbers[i] -= 2 * epsilon
        down = f(x).item()
        numbers[i] += epsilon
        numeric.view(-1)[i] = (up - down) / (2 * epsilon)
    return numeric


# %% check_gradient
def check_gradient(module, x):
    grad_output = torch.randn_like(module(x))
    analytic = module.backward(grad_output)
    numeric = numerical_gradient(lambda moved: (grad_output * module(moved)).sum(), x.clone())
    return analytic.shape == x.shape and bool(relative_error(analytic, numeric) < 1e-6)
