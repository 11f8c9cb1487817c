# Hands grad_output on as it came: ∂L/∂x is lost (sigmoid 7, ReLU 8, PReLU 5). The softplus gives points by situation, and all are wrong.
# points: sigmoid 3
# points: relu 2
# points: prelu 11
# points: softplus 0
# mistake: sigmoid: local derivative ignored
# mistake: relu: mask missing
# mistake: softplus: local derivative ignored

# %% sigmoid
class Sigmoid(Module):
    def forward(self, x):
        out = torch.sigmoid(x)
        self.save(out=out)
        return out

    def backward(self, grad_output):
        return grad_output


# %% relu
class ReLU(Module):
    def forward(self, x):
        self.save(x=x)
        return torch.relu(x)

    def backward(self, grad_output):
        return grad_output


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
        self.weight.grad += share.sum() if self.num_parameters == 1 else share.sum(dim=0)
        return grad_output


# %% softplus
class Softplus(Module):
    def __init__(self, beta=1.0):
        self.beta = beta

    def forward(self, x):
        self.save(x=x)
        return torch.relu(x) + torch.log1p(torch.exp(-self.beta * x.abs())) / self.beta

    def backward(self, grad_output):
        return grad_output
