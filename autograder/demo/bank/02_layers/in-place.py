# Computes in place. Sigmoid writes into what it saved: right once, another gradient the second time (2). Tanh and ReLU write into grad_output;
# tanh's second gradient is another one, too (2 + 1), a ReLU applied twice is the same (2). LeakyReLU makes slopes of its input (2). The
# softplus does so as well, and gives points by situation, each of which asks for no damage.
# points: sigmoid 8
# points: tanh 7
# points: relu 8
# points: leaky_relu 10
# points: softplus 0
# mistake: sigmoid: saved changed
# mistake: tanh: saved changed
# mistake: relu: saved changed
# mistake: leaky_relu: saved changed

# %% sigmoid
class Sigmoid(Module):
    def forward(self, x):
        out = torch.sigmoid(x)
        self.save(out=out)
        return out

    def backward(self, grad_output):
        out = self.saved["out"]
        out -= out.square()
        return grad_output * out


# %% tanh
class Tanh(Module):
    def forward(self, x):
        out = torch.tanh(x)
        self.save(out=out)
        return out

    def backward(self, grad_output):
        grad_output *= 1 - self.saved["out"] ** 2
        return grad_output


# %% relu
class ReLU(Module):
    def forward(self, x):
        self.save(x=x)
        return torch.relu(x)

    def backward(self, grad_output):
        grad_output[self.saved["x"] <= 0] = 0
        return grad_output


# %% leaky_relu
class LeakyReLU(Module):
    def __init__(self, negative_slope=0.01):
        self.negative_slope = negative_slope

    def forward(self, x):
        self.save(x=x)
        return torch.where(x > 0, x, self.negative_slope * x)

    def backward(self, grad_output):
        slope = self.saved["x"]
        is_open = slope > 0
        slope[is_open], slope[~is_open] = 1.0, self.negative_slope
        return grad_output * slope


# %% softplus
class Softplus(Module):
    def __init__(self, beta=1.0):
        self.beta = beta

    def forward(self, x):
        self.save(x=x)
        return torch.relu(x) + torch.log1p(torch.exp(-self.beta * x.abs())) / self.beta

    def backward(self, grad_output):
        return self.saved["x"].mul_(self.beta).sigmoid_().mul_(grad_output)
