# Local derivatives alone: grad_output is not used. radial_basis keeps accumulation (2), shapes (2) and repeatable (1). Residual
# hands on its own 1 but gives the modules inside ones: all cases lost. own_module keeps accumulation (3) and leaves inputs
# alone (2). L2Normalize: the gradient of the sum of its outputs, all lost.
# points: radial_basis 5
# points: residual 0
# points: l2_normalize 0
# points: own_module 5
# mistake: radial_basis: upstream ignored
# mistake: residual: upstream ignored
# mistake: l2_normalize: upstream ignored
# mistake: own_module: upstream ignored

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
        grad_output = torch.ones_like(grad_output)
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
        grad_output = torch.ones_like(grad_output)
        grad = self.module.backward(grad_output)
        around = grad_output if self.shortcut is None else self.shortcut.backward(grad_output)
        return grad + around


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
        along = torch.where(norm >= self.eps, out.sum(dim=self.dim, keepdim=True), 0.0)
        return (1 - along * out) / norm.clamp(min=self.eps)


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
        self.theta.grad += (-(x**2) / below**2 * 2 * theta).sum(dim=0)
        return 2 * x * (1 + theta**2) / below**2
