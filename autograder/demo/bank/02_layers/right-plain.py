# Every answer right, written the plain way. The others take the answers that they do not give from here.

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
        self.weight.grad += grad_output.T @ x
        self.bias.grad += grad_output.sum(dim=0)
        return grad_output @ self.weight.value


# %% sigmoid
class Sigmoid(Module):
    def forward(self, x):
        out = torch.sigmoid(x)
        self.save(out=out)
        return out

    def backward(self, grad_output):
        out = self.saved["out"]
        return grad_output * out * (1 - out)


# %% tanh
class Tanh(Module):
    def forward(self, x):
        out = torch.tanh(x)
        self.save(out=out)
        return out

    def backward(self, grad_output):
        out = self.saved["out"]
        return grad_output * (1 - out**2)


# %% relu
class ReLU(Module):
    def forward(self, x):
        self.save(x=x)
        return torch.relu(x)

    def backward(self, grad_output):
        return grad_output * (self.saved["x"] > 0)


# %% leaky_relu
class LeakyReLU(Module):
    def __init__(self, negative_slope=0.01):
        self.negative_slope = negative_slope

    def forward(self, x):
        self.save(x=x)
        return torch.where(x > 0, x, self.negative_slope * x)

    def backward(self, grad_output):
        slope = torch.where(self.saved["x"] > 0, 1.0, self.negative_slope)
        return grad_output * slope


# %% written
1. Linear saves its own input, which is the activation's output: the same tensor is kept once and read twice. The activation's input is
kept by nobody else. 2. ReLU can: the output is positive exactly where the input is. LeakyReLU can for 0.01, since the output then has the
sign of the input, but not for -0.5: x = 1 and x = -2 both give 1. 3. No. Below 0, two inputs give the same output, with a falling and a
rising slope, and the output does not say which of them it was.

# %% prelu
class PReLU(Module):
    def __init__(self, num_parameters=1):
        self.num_parameters = num_parameters
        self.weight = Parameter(tensor([0.25] * num_parameters))

    def forward(self, x):
        self.save(x=x)
        return torch.where(x > 0, x, self.weight.value * x)

    def backward(self, grad_output):
        x = self.saved["x"]
        shut = x <= 0
        share = grad_output * x * shut
        if self.num_parameters == 1:
            self.weight.grad += share.sum()
        else:
            self.weight.grad += share.sum(dim=0)
        return torch.where(shut, self.weight.value * grad_output, grad_output)


# %% softplus
class Softplus(Module):
    def __init__(self, beta=1.0):
        self.beta = beta

    def forward(self, x):
        self.save(x=x)
        return torch.relu(x) + torch.log1p(torch.exp(-self.beta * x.abs())) / self.beta

    def backward(self, grad_output):
        return grad_output * torch.sigmoid(self.beta * self.saved["x"])
