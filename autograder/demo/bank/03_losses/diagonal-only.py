# Treats softmax as an elementwise module, with the slope of a sigmoid. Only what needs no numbers is left: inputs are not
# changed.
# points: softmax 2
# mistake: softmax: diagonal only

# %% softmax
class Softmax(Module):
    def __init__(self, dim):
        self.dim = dim

    def forward(self, x):
        out = torch.softmax(x, self.dim)
        self.save(out=out)
        return out

    def backward(self, grad_output):
        out = self.saved["out"]
        return grad_output * out * (1 - out)
