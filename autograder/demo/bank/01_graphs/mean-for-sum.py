# Takes a mean over the elements where the parameter's gradient is their sum.
# points: cosine_unit 12
# mistake: cosine_unit: mean for sum

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
        self.theta.grad += (grad_output * slope * x).mean()
        return grad_output * slope * theta
