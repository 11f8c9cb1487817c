# Steps to one side only, and takes a long step by default. Any difference quotient will do for the plain cases, 3 + 3 + 2,
# and x is left alone, 2; only a central difference earns the other 6. check_gradient uses the default step: only the two
# cases of a sum, which is a straight line, are told apart, 2 + 2; every bent right module is called wrong.
# points: numerical_gradient 10
# points: check_gradient 4

# %% numerical_gradient
def numerical_gradient(f, x, epsilon=1e-2):
    slope = torch.zeros_like(x)
    for i in range(x.numel()):
        ahead = x.clone()
        ahead.view(-1)[i] += epsilon
        slope.view(-1)[i] = (f(ahead) - f(x)) / epsilon
    return slope
