# What the batch or the outputs share is not summed: gradients of the centers and beta keep the axis of the batch and cannot be
# added to theirs. The first of these lines raises an error, so backward gives nothing but what it added before: all of
# radial_basis is lost. The own theta.grad is assigned with its batch: ∂L/∂theta (6) and accumulation (3) are lost.
# points: radial_basis 0
# points: own_module 9
# mistake: own_module: broadcast not reduced

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
        self.centers.grad += pull
        self.beta.grad -= gamma * squared
        self.weight.grad += grad_output.T @ hidden
        return -pull.sum(dim=1)


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
        self.theta.grad = grad_output * -(x**2) / below**2 * 2 * theta
        return grad_output * 2 * x * (1 + theta**2) / below**2
