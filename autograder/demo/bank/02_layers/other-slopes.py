# Slopes of other functions: the sigmoid's for tanh (7 lost), ReLU's for the softplus. Far from 0 the softplus is as straight as ReLU, and those
# 3 points count; near 0 (4) and with the sharper bend (3) they are lost.
# points: tanh 3
# points: softplus 3
# mistake: tanh: other formula
# mistake: softplus: other formula

# %% tanh
class Tanh(Module):
    def forward(self, x):
        out = torch.tanh(x)
        self.save(out=out)
        return out

    def backward(self, grad_output):
        out = self.saved["out"]
        return grad_output * out * (1 - out)


# %% softplus
class Softplus(Module):
    def __init__(self, beta=1.0):
        self.beta = beta

    def forward(self, x):
        self.save(x=x)
        return torch.relu(x) + torch.log1p(torch.exp(-self.beta * x.abs())) / self.beta

    def backward(self, grad_output):
        return grad_output * (self.saved["x"] > 0)
