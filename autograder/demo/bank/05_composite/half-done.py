# The bump and the layer are half answered: ∂L/∂u and ∂L/∂beta of the bump (6 of 12), and of the layer the weight (4), beside
# zeros of the right shapes (2), twice the same (1); accumulation is lost where nothing was added. The way around is complete.
# Everything else is as it was handed out.
# answers: handed out
# points: bump 6
# points: radial_basis 7
# points: residual 14
# mistake: radial_basis: zero gradient

# %% bump
def bump(x, mu, beta, u):
    offset = x - mu
    squared = (offset**2).sum()
    hidden = torch.exp(-beta * squared)
    a = u * hidden
    grad_u = hidden
    grad_beta = -u * squared * hidden
    grad_x = torch.zeros_like(x)
    grad_mu = torch.zeros_like(mu)
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
        self.weight.grad += grad_output.T @ self.saved["hidden"]
        return torch.zeros_like(self.saved["offset"][:, 0])


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


# %% written
The way around has the slope 1, so that the gradient cannot vanish.
