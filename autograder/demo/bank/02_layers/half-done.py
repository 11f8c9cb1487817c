# Linear hands on its gradient, and has nothing for its parameters yet: the shapes (2), ∂L/∂x (6) and the undamaged inputs (2) count, not the
# accumulation of nothing. Sigmoid is finished; everything else is as it was handed out.
# answers: handed out
# points: linear 10
# points: sigmoid 10
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
        return grad_output @ self.weight.value


# %% sigmoid
class Sigmoid(Module):
    def forward(self, x):
        out = torch.sigmoid(x)
        self.save(out=out)
        return out

    def backward(self, grad_output):
        return grad_output * self.saved["out"] * (1 - self.saved["out"])


# %% written
It saves memory, I think because Linear has the same numbers.
