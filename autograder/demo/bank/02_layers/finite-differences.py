# Central differences of its own forward: ∂L/∂x (7) is no answer. What forward saved is another thing afterwards, so that a second backward
# differs (2). The inputs are undamaged (1). A person looks at it.
# points: sigmoid review
# points: tanh review

# %% sigmoid
class Sigmoid(Module):
    def forward(self, x):
        self.save(x=x)
        return torch.sigmoid(x)

    def backward(self, grad_output):
        x, step = self.saved["x"], 1e-4
        return grad_output * (self.forward(x + step) - self.forward(x - step)) / (2 * step)


# %% tanh
class Tanh(Module):
    def forward(self, x):
        self.save(x=x)
        return torch.tanh(x)

    def backward(self, grad_output):
        x, step = self.saved["x"], 1e-4
        return grad_output * (self(x + step) - self(x - step)) / (2 * step)
