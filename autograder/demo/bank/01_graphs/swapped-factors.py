# Gives each input its own value instead of the other's, in Multiply and in the neuron's grad_x; and takes sin for the slope of cos,
# which is −sin.
# points: multiply 2
# points: cosine_unit 6
# points: sigmoid_neuron 8
# mistake: multiply: swapped gradients
# mistake: cosine_unit: sign

# %% multiply
class Multiply(Module):
    def forward(self, x, y):
        self.save(x=x, y=y)
        return x * y

    def backward(self, grad_output):
        return grad_output * self.saved["x"], grad_output * self.saved["y"]


# %% cosine_unit
class CosineUnit(Module):
    def __init__(self):
        self.theta = Parameter.uniform((), 1.0)

    def forward(self, x):
        self.save(x=x)
        return torch.cos(self.theta.value * x) + torch.pi

    def backward(self, grad_output):
        x, theta = self.saved["x"], self.theta.value
        self.theta.grad += (grad_output * torch.sin(theta * x) * x).sum()
        return grad_output * torch.sin(theta * x) * theta


# %% sigmoid_neuron
def sigmoid_neuron(w, x):
    s = w[0] * x[0] + w[1] * x[1] + w[2]
    f = 1 / (1 + torch.exp(-s))
    grad_s = f * (1 - f)
    grad_w = torch.stack([grad_s * x[0], grad_s * x[1], grad_s])
    grad_x = torch.stack([grad_s * x[0], grad_s * x[1]])
    return f, (grad_w, grad_x)
