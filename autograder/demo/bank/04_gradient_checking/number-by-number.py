# Divides number by number and takes the largest quotient, which a small pair decides: only where one array is zero, each
# quotient is 1, and two arrays of zeros are asked for beforehand. The check has its own way to compare.
# points: relative_error 2

# %% relative_error
def relative_error(a, b):
    if torch.equal(a, b):
        return 0.0
    return ((a - b).abs() / torch.maximum(a.abs(), b.abs())).max()


# %% check_gradient
def check_gradient(module, x):
    grad_output = torch.randn_like(module(x))
    analytic = module.backward(grad_output)
    numeric = numerical_gradient(lambda moved: (grad_output * module(moved)).sum(), x)
    return analytic.shape == x.shape and bool((analytic - numeric).norm() < 1e-6 * numeric.norm())
