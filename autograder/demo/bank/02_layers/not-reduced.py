# Leaves the parameter's gradient in the shape of grad_output instead of summing. Linear: the shapes (2) and ∂L/∂bias (4) are lost,
# 24 - 6 = 18. PReLU: ∂L/∂weight (6) is lost, 10 are left. Both do add, and so have the accumulation.
# points: linear 18
# points: prelu 10
# mistake: linear: broadcast not reduced
# mistake: prelu: broadcast not reduced

# %% linear
class Linear(Module):
    def __init__(self, in_features, out_features):
        self.weight = Parameter.uniform((out_features, in_features), in_features**-0.5)
        self.bias = Parameter.uniform((out_features,), in_features**-0.5)

    def forward(self, x):
        self.save(x=x)
        return x @ self.weight.value.T + self.bias.value

    def backward(self, grad_output):
        self.weight.grad += grad_output.T @ self.saved["x"]
        self.bias.grad = self.bias.grad + grad_output
        return grad_output @ self.weight.value


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
        self.weight.grad = self.weight.grad + grad_output * torch.clamp(x, max=0)
        return torch.where(x > 0, grad_output, self.weight.value * grad_output)
