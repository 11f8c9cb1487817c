# Returns the slope itself and never looks at grad_output. ∂L/∂x is lost: 7 of 10 for sigmoid and tanh, 8 of 10 for ReLU.
# points: sigmoid 3
# points: tanh 3
# points: relu 2
# mistake: sigmoid: upstream ignored
# mistake: tanh: upstream ignored
# mistake: relu: upstream ignored

# %% sigmoid
class Sigmoid(Module):
    def forward(self, x):
        out = torch.sigmoid(x)
        self.save(out=out)
        return out

    def backward(self, grad_output):
        return self.saved["out"] * (1 - self.saved["out"])


# %% tanh
class Tanh(Module):
    def forward(self, x):
        out = torch.tanh(x)
        self.save(out=out)
        return out

    def backward(self, grad_output):
        return 1 - self.saved["out"] ** 2


# %% relu
class ReLU(Module):
    def forward(self, x):
        self.save(x=x)
        return torch.relu(x)

    def backward(self, grad_output):
        return (self.saved["x"] > 0).float()
