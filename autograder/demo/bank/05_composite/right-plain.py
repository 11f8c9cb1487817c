# Every answer right, written the plain way. The others take the answers that they do not give from here.

# %% bump
def bump(x, mu, beta, u):
    offset = x - mu
    squared = (offset**2).sum()
    hidden = torch.exp(-beta * squared)
    a = u * hidden
    grad_hidden, grad_u = u, hidden
    grad_exponent = grad_hidden * hidden
    grad_beta, grad_squared = grad_exponent * -squared, grad_exponent * -beta
    grad_offset = grad_squared * 2 * offset
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
        pull = 2 * (self.beta.value * gamma)[:, :, None] * offset
        self.centers.grad += pull.sum(dim=0)
        self.beta.grad -= (gamma * squared).sum(dim=0)
        self.weight.grad += grad_output.T @ hidden
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
        return grad + around


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
        return grad_output + self.module.backward(self.alpha.value * grad_output)


# %% written
Fifty slopes of one half multiply to about 10 to the power of -15: nothing is left. With the ways around each block has the slope 1.5; one
path leads around everything and hands the gradient on as it is, so it cannot vanish, but 1.5 to the power of 50 explodes. With alpha = 0
each block has exactly the slope 1, and the gradient arrives everywhere as it was.


# %% l2_normalize
class L2Normalize(Module):
    def __init__(self, dim=1, eps=1e-12):
        self.dim, self.eps = dim, eps

    def forward(self, x):
        norm = torch.linalg.vector_norm(x, dim=self.dim, keepdim=True)
        out = x / norm.clamp(min=self.eps)
        self.save(out=out, norm=norm)
        return out

    def backward(self, grad_output):
        out, norm = self.saved["out"], self.saved["norm"]
        along = (grad_output * out).sum(dim=self.dim, keepdim=True)
        along = torch.where(norm >= self.eps, along, 0.0)
        return (grad_output - along * out) / norm.clamp(min=self.eps)


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
        return grad_output * 2 * x * (1 + theta**2) / below**2
