# Residual takes the way around for the identity, also where it has weights of its own: that case fails (5); the gradient even
# has the wrong shape, as the shortcut changes the number of features. In ScaledResidual, the module inside gets grad_output,
# which is scaled with alpha only afterwards: ∂L/∂x is right, but the weight inside gets a gradient too large by 1/alpha, and
# not zero where alpha is 0 (3).
# points: residual 9
# points: scaled_residual 9

# %% residual
class Residual(Module):
    def __init__(self, module, shortcut=None):
        self.module = module
        self.shortcut = shortcut

    def forward(self, x):
        around = x if self.shortcut is None else self.shortcut(x)
        self.save()
        return self.module(x) + around

    def backward(self, grad_output):
        return self.module.backward(grad_output) + grad_output


# %% scaled_residual
class ScaledResidual(Module):
    def __init__(self, module):
        self.module = module
        self.alpha = Parameter(tensor(0.0))

    def forward(self, x):
        added = self.module(x)
        self.save(added=added)
        return x + self.alpha.value * added

    def backward(self, grad_output):
        self.alpha.grad += (grad_output * self.saved["added"]).sum()
        return grad_output + self.alpha.value * self.module.backward(grad_output)
