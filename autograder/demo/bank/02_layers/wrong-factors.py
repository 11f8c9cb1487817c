# A sign or a factor is wrong everywhere: ∂L/∂x of sigmoid and tanh (7 each), ∂L/∂weight of PReLU (6). The softplus has the inner derivative β
# but forgets the 1/β before it, which shows where β is not 1 (3 + 1).
# points: sigmoid 3
# points: tanh 3
# points: prelu 10
# points: softplus 6
# mistake: sigmoid: sign
# mistake: tanh: sign
# mistake: prelu: sign
# mistake: softplus: extra factor

# %% sigmoid
class Sigmoid(Module):
    def forward(self, x):
        out = torch.sigmoid(x)
        self.save(out=out)
        return out

    def backward(self, grad_output):
        out = self.saved["out"]
        return grad_output * out * (out - 1)


# %% tanh
class Tanh(Module):
    def forward(self, x):
        out = torch.tanh(x)
        self.save(out=out)
        return out

    def backward(self, grad_output):
        return grad_output * (self.saved["out"] ** 2 - 1)


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
        share = grad_output * x * (x <= 0)
        self.weight.grad -= share.sum(dim=0) if self.num_parameters > 1 else share.sum()
        return torch.where(x > 0, grad_output, self.weight.value * grad_output)


# %% softplus
class Softplus(Module):
    def __init__(self, beta=1.0):
        self.beta = beta

    def forward(self, x):
        self.save(x=x)
        return torch.relu(x) + torch.log1p(torch.exp(-self.beta * x.abs())) / self.beta

    def backward(self, grad_output):
        return grad_output * self.beta * torch.sigmoid(self.beta * self.saved["x"])
