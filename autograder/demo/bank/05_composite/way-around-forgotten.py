# The ways around carry no gradient back: a module's own gradient alone is returned. Each case of residual has a wrong ∂L/∂x:
# the way around is missing in it, and the weights of a shortcut get nothing. scaled_residual loses ∂L/∂x (4).
# points: residual 0
# points: scaled_residual 8
# mistake: residual: path lost

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
        return self.module.backward(grad_output)


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
        return self.module.backward(self.alpha.value * grad_output)
