# All right, with Python loops over rows, centers and coordinates, and prints left in, which cost nothing. The own formula has
# one theta for all features.

# %% bump
def bump(x, mu, beta, u):
    offset = x - mu
    squared = (offset**2).sum()
    hidden = torch.exp(-beta * squared)
    a = u * hidden
    print("bump goes backward")
    grad_u = hidden.clone()
    grad_beta = -u * squared * hidden
    grad_x, grad_mu = torch.zeros_like(x), torch.zeros_like(mu)
    for d in range(len(x)):
        grad_x[d] = -2 * u * beta * hidden * (x[d] - mu[d])
        grad_mu[d] = 2 * u * beta * hidden * (x[d] - mu[d])
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
        offset, squared, hidden = (self.saved[name] for name in ("offset", "squared", "hidden"))
        batch, centers, features = offset.shape
        grad_x = torch.zeros(batch, features, dtype=grad_output.dtype, device=grad_output.device)
        for n in range(batch):
            for k in range(centers):
                arrives = (grad_output[n] * self.weight.value[:, k]).sum()
                self.weight.grad[:, k] += grad_output[n] * hidden[n, k]
                self.beta.grad[k] -= arrives * hidden[n, k] * squared[n, k]
                for d in range(features):
                    pull = 2 * arrives * self.beta.value[k] * hidden[n, k] * offset[n, k, d]
                    self.centers.grad[k, d] += pull
                    grad_x[n, d] -= pull
        return grad_x


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
        out, norm = self.saved["out"].movedim(self.dim, 0), self.saved["norm"].movedim(self.dim, 0)
        grads = grad_output.movedim(self.dim, 0).clone()
        for column in range(out.shape[1]):
            n = norm[0, column]
            if n < self.eps:
                grads[:, column] /= self.eps
                continue
            a, g = out[:, column], grads[:, column].clone()
            for j in range(len(a)):
                grads[j, column] = (g[j] - a[j] * sum(g[i] * a[i] for i in range(len(a)))) / n
        return grads.movedim(0, self.dim)


# %% own_module
class OwnModule(Module):
    """a = sin(x) eᶿˣ, with one number θ."""

    def __init__(self):
        self.theta = Parameter(tensor(0.0))

    def forward(self, x):
        print("theta is", self.theta.value)
        self.save(x=x)
        return torch.sin(x) * torch.exp(self.theta.value * x)

    def backward(self, grad_output):
        x, theta = self.saved["x"], self.theta.value
        grad_x = torch.zeros_like(x)
        for n in range(x.shape[0]):
            for d in range(x.shape[1]):
                g, power = grad_output[n, d], torch.exp(theta * x[n, d])
                grad_x[n, d] = g * (torch.cos(x[n, d]) + theta * torch.sin(x[n, d])) * power
                self.theta.grad += g * x[n, d] * torch.sin(x[n, d]) * power
        return grad_x
