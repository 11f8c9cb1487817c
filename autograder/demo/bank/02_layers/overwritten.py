# Assigns the parameters' gradients where they must be added: all right after one backward. The accumulation (3) is lost twice.
# points: linear 21
# points: prelu 13
# mistake: linear: overwritten
# mistake: prelu: overwritten

# %% linear
class Linear(Module):
    def __init__(self, in_features, out_features):
        self.weight = Parameter.uniform((out_features, in_features), in_features**-0.5)
        self.bias = Parameter.uniform((out_features,), in_features**-0.5)

    def forward(self, x):
        self.save(x=x)
        return x @ self.weight.value.T + self.bias.value

    def backward(self, grad_output):
        self.weight.grad = grad_output.T @ self.saved["x"]
        self.bias.grad = grad_output.sum(dim=0)
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
        share = grad_output * x * (x <= 0)
        self.weight.grad = share.sum(dim=0, keepdim=True)[0] if self.num_parameters > 1 else share.sum().reshape(1)
        return torch.where(x > 0, grad_output, self.weight.value * grad_output)
