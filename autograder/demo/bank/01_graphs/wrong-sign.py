# The derivative of cos without its minus sign; and Add as if it were a difference.
# points: add 5
# points: cosine_unit 6
# mistake: add: sign
# mistake: cosine_unit: sign

# %% add
class Add(Module):
    def forward(self, x, y):
        self.save()
        return x + y

    def backward(self, grad_output):
        return grad_output, -grad_output


# %% cosine_unit
class CosineUnit(Module):
    def __init__(self):
        self.theta = Parameter.uniform((), 1.0)

    def forward(self, x):
        self.save(x=x)
        return torch.cos(self.theta.value * x) + torch.pi

    def backward(self, grad_output):
        x, theta = self.saved["x"], self.theta.value
        slope = torch.sin(theta * x)
        self.theta.grad += (grad_output * slope * x).sum()
        return grad_output * slope * theta
