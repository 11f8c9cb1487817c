# Shapes that do not fit, or fit by accident. Softmax without keepdim works for a single row; for rows of a batch it raises an
# error, and where backward stops, nothing else can be seen. The Euclidean loss without a column of gradients stops at the
# batch of four.
# points: softmax 3
# points: euclidean_loss 0

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
        return out * (grad_output - (grad_output * out).sum(dim=self.dim))


# %% euclidean_loss
class EuclideanLoss(Module):
    def forward(self, x, target):
        self.save(x=x, target=target)
        return 0.5 * ((target - x) ** 2).sum(dim=1)

    def backward(self, grad_output):
        grad_x = grad_output * (self.saved["x"] - self.saved["target"])
        return grad_x, -grad_x
