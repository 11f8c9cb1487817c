# Right for modules made without arguments, wrong for others. LeakyReLU has 0.01 typed in (∂L/∂x, 10, is lost), PReLU gives all slopes one sum
# (∂L/∂weight, 6), the softplus knows no β (the two other bends, 3 + 1).
# points: leaky_relu 2
# points: prelu 10
# points: softplus 6
# mistake: leaky_relu: wrong factor

# %% leaky_relu
class LeakyReLU(Module):
    def __init__(self, negative_slope=0.01):
        self.negative_slope = negative_slope

    def forward(self, x):
        self.save(x=x)
        return torch.where(x > 0, x, self.negative_slope * x)

    def backward(self, grad_output):
        return torch.where(self.saved["x"] > 0, grad_output, 0.01 * grad_output)


# %% prelu
class PReLU(Module):
    def __init__(self, num_parameters=1):
        self.num_parameters = num_parameters
        self.weight = Parameter(tensor([0.25] * num_parameters))

    def forward(self, x):
        self.save(x=x)
        return torch.where(x > 0, x, self.weight.value * x)

    def backward(self, grad_output):
        x = self.saved["x"]
        self.weight.grad += (grad_output * x)[x <= 0].sum()
        return torch.where(x > 0, grad_output, self.weight.value * grad_output)


# %% softplus
class Softplus(Module):
    def __init__(self, beta=1.0):
        self.beta = beta

    def forward(self, x):
        self.save(x=x)
        return torch.relu(x) + torch.log1p(torch.exp(-self.beta * x.abs())) / self.beta

    def backward(self, grad_output):
        return grad_output * torch.sigmoid(self.saved["x"])
