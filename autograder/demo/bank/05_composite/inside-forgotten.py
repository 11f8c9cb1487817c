# Only the way around carries the gradient back: the modules inside are not asked, and their parameters learn nothing. Every
# case of residual is lost. scaled_residual: ∂L/∂x (4) and the weight inside (3); accumulation (2) is lost as well, since the
# parameters inside have nothing to add up.
# points: residual 0
# points: scaled_residual 3
# mistake: residual: path lost
# mistake: scaled_residual: zero gradient

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
        return grad_output if self.shortcut is None else self.shortcut.backward(grad_output)


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
        return grad_output
