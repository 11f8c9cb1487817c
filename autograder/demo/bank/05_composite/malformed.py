# A parenthesis is missing in the layer, so that its cell does not run and there is no RadialBasis; the test cell of Residual,
# which is wrong, was deleted (it is put back); ScaledResidual returns a pair where a tensor belongs: ∂L/∂x (4) is lost, while
# alpha (3), the weight inside (3) and accumulation (2) were added as they should be.
# delete: residual_test
# points: radial_basis 0
# points: residual 0
# points: scaled_residual 8

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
        self.beta.grad -= (gamma * squared.sum(dim=0)
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
        return grad_output, self.module.backward(self.alpha.value * grad_output)
