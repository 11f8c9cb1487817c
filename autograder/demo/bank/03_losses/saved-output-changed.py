# Softmax works in the tensor that forward saved: no input changes, the first gradient is right, a second one is not.
# points: softmax 10
# mistake: softmax: saved changed

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
        average = (grad_output * out).sum(dim=self.dim, keepdim=True)
        return out.mul_(grad_output - average)
