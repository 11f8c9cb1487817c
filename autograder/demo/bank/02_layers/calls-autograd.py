# Lets torch.autograd do what was to be done by hand, in Linear and in PReLU. It is noticed, and a person looks at it.
# points: linear review
# points: prelu review

# %% linear
class Linear(Module):
    def __init__(self, in_features, out_features):
        self.weight = Parameter.uniform((out_features, in_features), in_features**-0.5)
        self.bias = Parameter.uniform((out_features,), in_features**-0.5)

    def forward(self, x):
        self.save(x=x)
        return x @ self.weight.value.T + self.bias.value

    def backward(self, grad_output):
        with torch.enable_grad():
            leaves = [t.clone().requires_grad_() for t in (self.saved["x"], self.weight.value, self.bias.value)]
            out = leaves[0] @ leaves[1].T + leaves[2]
        grad_x, grad_weight, grad_bias = torch.autograd.grad(out, leaves, grad_output)
        self.weight.grad += grad_weight
        self.bias.grad += grad_bias
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
        x = self.saved["x"].clone().requires_grad_()
        weight = self.weight.value.clone().requires_grad_()
        with torch.enable_grad():
            torch.where(x > 0, x, weight * x).backward(grad_output)
        self.weight.grad += weight.grad
        return x.grad
