# The softplus's slope as it is derived, e to the power of x in the numerator and in the denominator: infinity divided by infinity far to the right.
# The 3 points for numbers far from 0 are lost.
# points: softplus 7

# %% softplus
class Softplus(Module):
    def __init__(self, beta=1.0):
        self.beta = beta

    def forward(self, x):
        self.save(x=x)
        return torch.relu(x) + torch.log1p(torch.exp(-self.beta * x.abs())) / self.beta

    def backward(self, grad_output):
        power = torch.exp(self.beta * self.saved["x"])
        return grad_output * power / (1 + power)
