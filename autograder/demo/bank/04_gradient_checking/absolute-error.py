# Compares sizes as they are: a wrong gradient that is small passes, 1, and torch's broadcasting makes one of a wrong shape
# fit, 2.
# points: check_gradient 13

# %% check_gradient
def check_gradient(module, x):
    grad_output = torch.randn_like(module(x))
    analytic = module.backward(grad_output)
    numeric = numerical_gradient(lambda moved: (grad_output * module(moved)).sum(), x)
    return bool((analytic - numeric).abs().max() < 1e-6)
