# Takes means over the examples where sums belong. Linear: ∂L/∂weight (7) and ∂L/∂bias (4) are lost, 24 - 11 = 13. PReLU: ∂L/∂weight (6)
# is lost, 16 - 6 = 10. A second backward doubles a mean as well, so that the accumulation counts.
# points: linear 13
# mistake: linear: mean for sum
# points: prelu 10
# mistake: prelu: mean for sum

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
        self.weight.grad += grad_output.T @ x / len(x)
        self.bias.grad += grad_output.mean(dim=0)
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
        share = torch.where(x > 0, 0.0, grad_output * x)
        self.weight.grad += share.mean(dim=0) if self.num_parameters > 1 else share.mean()
        return torch.where(x > 0, grad_output, self.weight.value * grad_output)
