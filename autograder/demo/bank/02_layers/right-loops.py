# All right, number by number in Python loops; a print and a warning were left in, which cost nothing.
# float() and math round nothing off that counts: Python's numbers are float64, as the checks are.

# %% linear
import math
import sys
import warnings


class Linear(Module):
    def __init__(self, in_features, out_features):
        self.weight = Parameter.uniform((out_features, in_features), in_features**-0.5)
        self.bias = Parameter.uniform((out_features,), in_features**-0.5)

    def forward(self, x):
        self.save(x=x)
        return x @ self.weight.value.T + self.bias.value

    def backward(self, grad_output):
        x, weight = self.saved["x"], self.weight.value
        print("linear goes backward, grad_output:", grad_output, file=sys.stderr)
        examples, outputs = grad_output.shape
        grad_x = torch.zeros_like(x)
        for n in range(examples):
            for i in range(outputs):
                self.bias.grad[i] += grad_output[n, i]
                for j in range(x.shape[1]):
                    self.weight.grad[i, j] += grad_output[n, i] * x[n, j]
                    grad_x[n, j] += grad_output[n, i] * weight[i, j]
        return grad_x


# %% sigmoid
class Sigmoid(Module):
    def forward(self, x):
        out = torch.sigmoid(x)
        self.save(out=out)
        return out

    def backward(self, grad_output):
        grad_x = torch.empty_like(grad_output)
        for i, (g, a) in enumerate(zip(grad_output.flatten().tolist(), self.saved["out"].flatten().tolist())):
            grad_x.view(-1)[i] = g * a * (1 - a)
        return grad_x


# %% tanh
class Tanh(Module):
    def forward(self, x):
        out = torch.tanh(x)
        self.save(out=out)
        return out

    def backward(self, grad_output):
        warnings.warn("is a list allowed?")
        slopes = [1 - a * a for a in self.saved["out"].flatten().tolist()]
        return grad_output * torch.tensor(slopes, dtype=grad_output.dtype, device=grad_output.device).reshape(grad_output.shape)


# %% relu
class ReLU(Module):
    def forward(self, x):
        self.save(x=x)
        return torch.relu(x)

    def backward(self, grad_output):
        grad_x = grad_output.clone()
        flat, xs = grad_x.view(-1), self.saved["x"].flatten().tolist()
        for i in range(len(xs)):
            if xs[i] <= 0:
                flat[i] = 0
        return grad_x


# %% leaky_relu
class LeakyReLU(Module):
    def __init__(self, negative_slope=0.01):
        self.negative_slope = negative_slope

    def forward(self, x):
        self.save(x=x)
        return torch.where(x > 0, x, self.negative_slope * x)

    def backward(self, grad_output):
        grad_x = grad_output.clone()
        for i, x in enumerate(self.saved["x"].flatten().tolist()):
            if not x > 0:
                grad_x.view(-1)[i] *= self.negative_slope
        return grad_x


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
        grad_x = torch.zeros_like(x)
        for n in range(x.shape[0]):
            for j in range(x.shape[1]):
                k = j if self.num_parameters > 1 else 0
                if x[n, j] > 0:
                    grad_x[n, j] = grad_output[n, j]
                else:
                    grad_x[n, j] = grad_output[n, j] * self.weight.value[k]
                    self.weight.grad[k] += grad_output[n, j] * x[n, j]
        return grad_x


# %% softplus
class Softplus(Module):
    def __init__(self, beta=1.0):
        self.beta = beta

    def forward(self, x):
        self.save(x=x)
        return torch.relu(x) + torch.log1p(torch.exp(-self.beta * x.abs())) / self.beta

    def backward(self, grad_output):
        def slope(x):
            if x >= 0:
                return 1 / (1 + math.exp(-self.beta * x))
            return math.exp(self.beta * x) / (1 + math.exp(self.beta * x))

        slopes = [slope(x) for x in self.saved["x"].flatten().tolist()]
        return grad_output * torch.tensor(slopes, dtype=grad_output.dtype, device=grad_output.device).reshape(grad_output.shape)
