# Saves the input, and uses it where the formula has the output. ∂L/∂x (7) is lost twice.
# points: sigmoid 3
# points: tanh 3
# mistake: sigmoid: input for output
# mistake: tanh: input for output

# %% sigmoid
class Sigmoid(Module):
    def forward(self, x):
        self.save(x=x)
        return torch.sigmoid(x)

    def backward(self, grad_output):
        x = self.saved["x"]
        return grad_output * x * (1 - x)


# %% tanh
class Tanh(Module):
    def forward(self, x):
        self.save(x=x)
        return torch.tanh(x)

    def backward(self, grad_output):
        return grad_output * (1 - self.saved["x"] ** 2)
