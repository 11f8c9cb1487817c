# All right, with a base class for whatever acts on single numbers: each bend says its slope, and backward is written once.

# %% sigmoid
class Bend(Module):
    def backward(self, grad_output):
        return grad_output * self.slope(**self.saved)


def gate(x):
    return (x > 0).double()


class Sigmoid(Bend):
    def forward(self, x):
        out = torch.sigmoid(x)
        self.save(out=out)
        return out

    def slope(self, out):
        return out - out**2


# %% tanh
class Tanh(Bend):
    def forward(self, x):
        out = torch.tanh(x)
        self.save(out=out)
        return out

    def slope(self, out):
        return (1 - out) * (1 + out)


# %% relu
class ReLU(Bend):
    def forward(self, x):
        self.save(x=x)
        return torch.relu(x)

    def slope(self, x):
        return gate(x)


# %% leaky_relu
class LeakyReLU(Bend):
    def __init__(self, negative_slope=0.01):
        self.negative_slope = negative_slope

    def forward(self, x):
        self.save(x=x)
        return torch.where(x > 0, x, self.negative_slope * x)

    def slope(self, x):
        return gate(x) + self.negative_slope * gate(-x)


# %% prelu
class PReLU(Bend):
    def __init__(self, num_parameters=1):
        self.num_parameters = num_parameters
        self.weight = Parameter(tensor([0.25] * num_parameters))

    def forward(self, x):
        self.save(x=x)
        return torch.where(x > 0, x, self.weight.value * x)

    def slope(self, x):
        return gate(x) + self.weight.value * gate(-x)

    def backward(self, grad_output):
        x = self.saved["x"]
        share = grad_output * x * gate(-x)
        self.weight.grad += share.sum(dim=0 if self.num_parameters > 1 else (0, 1))
        return super().backward(grad_output)


# %% softplus
class Softplus(Bend):
    def __init__(self, beta=1.0):
        self.beta = beta

    def forward(self, x):
        self.save(x=x)
        return torch.relu(x) + torch.log1p(torch.exp(-self.beta * x.abs())) / self.beta

    def slope(self, x):
        return torch.special.expit(self.beta * x)
