# Returns local derivatives alone, right only where the gradient that arrives is 1; replaces theta's gradient instead of adding to it.
# points: add 2
# points: multiply 2
# points: max 2
# points: cosine_unit 14
# mistake: add: upstream ignored
# mistake: multiply: upstream ignored
# mistake: max: upstream ignored

# %% add
class Add(Module):
    def forward(self, x, y):
        self.save()
        return x + y

    def backward(self, grad_output):
        return torch.ones_like(grad_output), torch.ones_like(grad_output)


# %% multiply
class Multiply(Module):
    def forward(self, x, y):
        self.save(x=x, y=y)
        return x * y

    def backward(self, grad_output):
        return self.saved["y"], self.saved["x"]


# %% max
class Max(Module):
    def forward(self, x, y):
        self.save(x=x, y=y)
        return torch.maximum(x, y)

    def backward(self, grad_output):
        x_wins = (self.saved["x"] > self.saved["y"]).to(grad_output)
        return x_wins, 1 - x_wins


# %% cosine_unit
class CosineUnit(Module):
    def __init__(self):
        self.theta = Parameter.uniform((), 1.0)

    def forward(self, x):
        self.save(x=x)
        return torch.cos(self.theta.value * x) + torch.pi

    def backward(self, grad_output):
        x, theta = self.saved["x"], self.theta.value
        slope = -torch.sin(theta * x)
        self.theta.grad = (grad_output * slope * x).sum()
        return grad_output * slope * theta
