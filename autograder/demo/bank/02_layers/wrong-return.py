# Right numbers, not handed over. Linear returns all three gradients and adds none: only its undamaged inputs (2) count. Sigmoid returns a list of
# numbers, which is no gradient at all. ReLU forgets to return; nothing is damaged (2).
# points: linear 2
# points: sigmoid 0
# points: relu 2
# mistake: linear: zero gradient

# %% linear
class Linear(Module):
    def __init__(self, in_features, out_features):
        self.weight = Parameter.uniform((out_features, in_features), in_features**-0.5)
        self.bias = Parameter.uniform((out_features,), in_features**-0.5)

    def forward(self, x):
        self.save(x=x)
        return x @ self.weight.value.T + self.bias.value

    def backward(self, grad_output):
        grad_weight = grad_output.T @ self.saved["x"]
        grad_bias = grad_output.sum(dim=0)
        return grad_output @ self.weight.value, grad_weight, grad_bias


# %% sigmoid
class Sigmoid(Module):
    def forward(self, x):
        out = torch.sigmoid(x)
        self.save(out=out)
        return out

    def backward(self, grad_output):
        out = self.saved["out"]
        return (grad_output * out * (1 - out)).tolist()


# %% relu
class ReLU(Module):
    def forward(self, x):
        self.save(x=x)
        return torch.relu(x)

    def backward(self, grad_output):
        grad_x = grad_output * (self.saved["x"] > 0)
