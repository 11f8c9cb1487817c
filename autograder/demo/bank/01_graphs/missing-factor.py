# Forgets the inner derivative: θ for x, x for θ.
# points: cosine_unit 6
# mistake: cosine_unit: missing factor

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
        self.theta.grad += (grad_output * slope).sum()
        return grad_output * slope
