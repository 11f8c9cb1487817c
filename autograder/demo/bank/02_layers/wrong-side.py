# Has the gates open where they should be shut. ∂L/∂x is lost in ReLU (8) and LeakyReLU (10), ∂L/∂weight in PReLU (6): its slope belongs to
# the negative side, and it sums the positive one.
# points: relu 2
# points: leaky_relu 2
# points: prelu 10
# mistake: relu: wrong mask

# %% relu
class ReLU(Module):
    def forward(self, x):
        self.save(x=x)
        return torch.relu(x)

    def backward(self, grad_output):
        return grad_output * (self.saved["x"] < 0)


# %% leaky_relu
class LeakyReLU(Module):
    def __init__(self, negative_slope=0.01):
        self.negative_slope = negative_slope

    def forward(self, x):
        self.save(x=x)
        return torch.where(x > 0, x, self.negative_slope * x)

    def backward(self, grad_output):
        return torch.where(self.saved["x"] > 0, self.negative_slope * grad_output, grad_output)


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
        share = torch.where(x > 0, grad_output * x, 0.0)
        self.weight.grad += share.sum(dim=0) if self.num_parameters > 1 else share.sum()
        return torch.where(x > 0, grad_output, self.weight.value * grad_output)
