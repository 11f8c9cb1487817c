# ∂L/∂weight is assigned, and the wrong way round. Lost: the shapes (2), ∂L/∂weight (7) and the accumulation (3), 24 - 12 = 12.
# points: linear 12
# mistake: linear: transposed
# mistake: linear: overwritten

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
        self.weight.grad = x.T @ grad_output
        self.bias.grad += grad_output.sum(dim=0)
        return grad_output @ self.weight.value
