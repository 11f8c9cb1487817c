# Assigns the parameter's gradient where it must be added, so that a second backward pass forgets the first.
# points: cosine_unit 14
# mistake: cosine_unit: overwritten

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
