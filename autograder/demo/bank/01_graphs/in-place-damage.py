# Saves memory by writing into what it was given: the first gradients are right, and the inputs are lost.
# points: multiply 10
# points: max 12
# mistake: multiply: saved changed

# %% multiply
class Multiply(Module):
    def forward(self, x, y):
        self.save(x=x, y=y)
        return x * y

    def backward(self, grad_output):
        x, y = self.saved["x"], self.saved["y"]
        grad_x = grad_output * y
        grad_y = x.mul_(grad_output)
        return grad_x, grad_y


# %% max
class Max(Module):
    def forward(self, x, y):
        self.save(x=x, y=y)
        return torch.maximum(x, y)

    def backward(self, grad_output):
        x_wins = self.saved["x"] > self.saved["y"]
        grad_y = grad_output * ~x_wins
        grad_output *= x_wins
        return grad_output, grad_y
