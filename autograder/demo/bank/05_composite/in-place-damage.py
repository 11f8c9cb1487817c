# Saves memory in place. RadialBasis multiplies the saved bumps: the first backward is right, the second starts from damaged
# ones, so that the parameters do not double (accumulation, 2) and ∂L/∂x is another one (repeatable, 1). Residual adds into
# grad_output: every case is lost. The own module overwrites grad_output: 2 points for leaving it alone, and as the second
# backward gets what is left of it, 3 for accumulation.
# points: radial_basis 21
# points: residual 0
# points: own_module 13
# mistake: radial_basis: saved changed
# mistake: residual: saved changed
# mistake: own_module: saved changed

# %% radial_basis
class RadialBasis(Module):
    def __init__(self, in_features, num_centers, out_features=1):
        self.centers = Parameter.uniform((num_centers, in_features), 1.0)
        self.beta = Parameter(torch.ones_like(self.centers.value[:, 0]))
        self.weight = Parameter.uniform((out_features, num_centers), num_centers**-0.5)

    def forward(self, x):
        offset = x[:, None, :] - self.centers.value
        squared = (offset**2).sum(dim=2)
        hidden = torch.exp(-self.beta.value * squared)
        self.save(offset=offset, squared=squared, hidden=hidden)
        return hidden @ self.weight.value.T

    def backward(self, grad_output):
        offset, squared, hidden = self.saved["offset"], self.saved["squared"], self.saved["hidden"]
        self.weight.grad += grad_output.T @ hidden
        gamma = hidden.mul_(grad_output @ self.weight.value)
        pull = 2 * (self.beta.value * gamma)[:, :, None] * offset
        self.centers.grad += pull.sum(dim=0)
        self.beta.grad -= (gamma * squared).sum(dim=0)
        return -pull.sum(dim=1)


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
        grad = self.module.backward(grad_output)
        around = grad_output if self.shortcut is None else self.shortcut.backward(grad_output)
        grad_output.mul_(2)
        return grad + around


# %% own_module
class OwnModule(Module):
    """a = x² / (1 + θ² + x²), one θ for each feature."""

    def __init__(self):
        self.theta = Parameter.uniform((3,), 1.0)

    def forward(self, x):
        below = 1 + self.theta.value**2 + x**2
        self.save(x=x, below=below)
        return x**2 / below

    def backward(self, grad_output):
        x, below, theta = self.saved["x"], self.saved["below"], self.theta.value
        self.theta.grad += (grad_output * -(x**2) / below**2 * 2 * theta).sum(dim=0)
        return grad_output.mul_(2 * x * (1 + theta**2) / below**2)
