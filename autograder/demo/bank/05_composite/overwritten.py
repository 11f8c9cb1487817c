# Gradients of parameters are assigned where they must be added: each is right after the first backward, and wrong after a
# second. Only accumulation is lost: radial_basis 2, scaled_residual 2, own_module 3.
# points: radial_basis 22
# points: scaled_residual 10
# points: own_module 15
# mistake: radial_basis: overwritten
# mistake: scaled_residual: overwritten
# mistake: own_module: overwritten

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
        gamma = grad_output @ self.weight.value * hidden
        pull = 2 * (self.beta.value * gamma)[:, :, None] * offset
        self.centers.grad = pull.sum(dim=0)
        self.beta.grad = -(gamma * squared).sum(dim=0)
        self.weight.grad = grad_output.T @ hidden
        return -pull.sum(dim=1)


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
        self.alpha.grad = (grad_output * self.saved["added"]).sum()
        return grad_output + self.module.backward(self.alpha.value * grad_output)


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
        self.theta.grad = (grad_output * -(x**2) / below**2 * 2 * theta).sum(dim=0)
        return grad_output * 2 * x * (1 + theta**2) / below**2
