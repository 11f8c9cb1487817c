# The bump without the 2 of the square: ∂L/∂x (3) and ∂L/∂mu (3). RadialBasis without the factor β in what pulls on x and the
# centers: ∂L/∂x (6) and ∂L/∂centers (5). The own module leaves out the factor 1 + θ²: ∂L/∂x (7).
# points: bump 6
# points: radial_basis 13
# points: own_module 11
# mistake: bump: wrong slope

# %% bump
def bump(x, mu, beta, u):
    offset = x - mu
    squared = (offset**2).sum()
    hidden = torch.exp(-beta * squared)
    a = u * hidden
    grad_hidden, grad_u = u, hidden
    grad_exponent = grad_hidden * hidden
    grad_beta, grad_squared = grad_exponent * -squared, grad_exponent * -beta
    grad_offset = grad_squared * offset
    grad_x, grad_mu = grad_offset, -grad_offset
    return a, (grad_x, grad_mu, grad_beta, grad_u)


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
        pull = 2 * gamma[:, :, None] * offset
        self.centers.grad += pull.sum(dim=0)
        self.beta.grad -= (gamma * squared).sum(dim=0)
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
        self.theta.grad += (grad_output * -(x**2) / below**2 * 2 * theta).sum(dim=0)
        return grad_output * 2 * x / below**2
