# All right, by other formulas: the sigmoid's slope from tanh, tanh's from cosh, the softplus's from its output (e to the power of -a is
# 1/(1 + e to the power of x)), gates from signs, and the weight's gradient as a sum of outer products.

# %% linear
class Linear(Module):
    def __init__(self, in_features, out_features):
        self.weight = Parameter.uniform((out_features, in_features), in_features**-0.5)
        self.bias = Parameter.uniform((out_features,), in_features**-0.5)

    def forward(self, x):
        self.save(x=x)
        return x @ self.weight.value.T + self.bias.value

    def backward(self, grad_output):
        x = self.saved["x"]
        outer = grad_output.unsqueeze(2) * x.unsqueeze(1)
        self.weight.grad = self.weight.grad + outer.sum(0)
        self.bias.grad = self.bias.grad + grad_output.new_ones(len(grad_output)) @ grad_output
        return (self.weight.value.T @ grad_output.T).T


# %% sigmoid
class Sigmoid(Module):
    def forward(self, x):
        self.save(x=x)
        return 0.5 + 0.5 * torch.tanh(x / 2)

    def backward(self, grad_output):
        return grad_output * (1 - torch.tanh(self.saved["x"] / 2) ** 2) / 4


# %% tanh
class Tanh(Module):
    def forward(self, x):
        self.save(x=x)
        return 2 / (1 + torch.exp(-2 * x)) - 1

    def backward(self, grad_output):
        return grad_output / torch.cosh(self.saved["x"]) ** 2


# %% relu
class ReLU(Module):
    def forward(self, x):
        self.save(x=x)
        return torch.relu(x)

    def backward(self, grad_output):
        return grad_output * (1 + torch.sign(self.saved["x"])) / 2


# %% leaky_relu
class LeakyReLU(Module):
    def __init__(self, negative_slope=0.01):
        self.negative_slope = negative_slope

    def forward(self, x):
        self.save(x=x)
        return torch.where(x > 0, x, self.negative_slope * x)

    def backward(self, grad_output):
        x, slope = self.saved["x"], self.negative_slope
        return grad_output * ((1 + slope) / 2 + (1 - slope) / 2 * torch.sign(x))


# %% prelu
class PReLU(Module):
    def __init__(self, num_parameters=1):
        self.num_parameters = num_parameters
        self.weight = Parameter(tensor([0.25] * num_parameters))

    def forward(self, x):
        self.save(x=x)
        return torch.where(x > 0, x, self.weight.value * x)

    def backward(self, grad_output):
        x, weight = self.saved["x"], self.weight.value
        shares = (grad_output * (x - torch.relu(x))).sum(dim=0)
        self.weight.grad += shares if self.num_parameters > 1 else shares.sum()
        return grad_output * (weight + (1 - weight) * (x > 0))


# %% softplus
class Softplus(Module):
    def __init__(self, beta=1.0):
        self.beta = beta

    def forward(self, x):
        out = torch.logaddexp(self.beta * x, torch.zeros_like(x)) / self.beta
        self.save(out=out)
        return out

    def backward(self, grad_output):
        return -grad_output * torch.expm1(-self.beta * self.saved["out"])
