# ∂L/∂x multiplies with the transposed weight. That fits a square matrix only: in all other situations backward raises, before anything
# can be seen, and nothing of the exercise counts. (The parameters' gradients were added by then, but no backward ended.)
# points: linear 0
# mistake: linear: missing transpose

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
        self.weight.grad += grad_output.T @ x
        self.bias.grad += grad_output.sum(dim=0)
        return grad_output @ self.weight.value.T
