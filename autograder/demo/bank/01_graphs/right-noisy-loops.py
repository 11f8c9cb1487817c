# All right, element by element in Python loops; prints and warnings were left in, which cost nothing.

# %% multiply
import sys
import warnings


class Multiply(Module):
    def forward(self, x, y):
        self.save(x=x, y=y)
        return x * y

    def backward(self, grad_output):
        x, y = self.saved["x"], self.saved["y"]
        print("multiply goes backward, grad_output:", grad_output, file=sys.stderr)
        warnings.warn("is this the right way round?")
        grad_x = torch.zeros_like(x)
        grad_y = torch.zeros_like(y)
        for i in range(x.numel()):
            grad_x.view(-1)[i] = grad_output.reshape(-1)[i] * y.reshape(-1)[i]
            grad_y.view(-1)[i] = grad_output.reshape(-1)[i] * x.reshape(-1)[i]
        return grad_x, grad_y


# %% max
class Max(Module):
    def forward(self, x, y):
        self.save(x=x, y=y)
        return torch.maximum(x, y)

    def backward(self, grad_output):
        grad_x = torch.zeros_like(grad_output)
        grad_y = torch.zeros_like(grad_output)
        xs, ys, gs = (t.reshape(-1).tolist() for t in (self.saved["x"], self.saved["y"], grad_output))
        for i in range(len(gs)):
            if xs[i] > ys[i]:
                grad_x.view(-1)[i] = gs[i]
            else:
                grad_y.view(-1)[i] = gs[i]
        return grad_x, grad_y


# %% cosine_unit
import math


class CosineUnit(Module):
    def __init__(self):
        self.theta = Parameter.uniform((), 1.0)

    def forward(self, x):
        self.save(x=x)
        return torch.cos(self.theta.value * x) + torch.pi

    def backward(self, grad_output):
        theta = self.theta.value.item()
        grad_x, total = [], 0.0
        for x, g in zip(self.saved["x"].reshape(-1).tolist(), grad_output.reshape(-1).tolist()):
            grad_x.append(-g * theta * math.sin(theta * x))
            total += -g * x * math.sin(theta * x)
        self.theta.grad += total
        return torch.tensor(grad_x, dtype=grad_output.dtype, device=grad_output.device).reshape(grad_output.shape)
