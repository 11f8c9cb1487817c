# Softmax, the Euclidean loss and the question are answered; everything else is as it was handed out.
# answers: handed out
# points: softmax 18
# points: euclidean_loss 11

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
        return out * (grad_output - (out * grad_output).sum(self.dim, keepdim=True))


# %% euclidean_loss
class EuclideanLoss(Module):
    def forward(self, x, target):
        self.save(x=x, target=target)
        return 0.5 * ((target - x) ** 2).sum(dim=1)

    def backward(self, grad_output):
        grad_x = grad_output[:, None] * (self.saved["x"] - self.saved["target"])
        return grad_x, -grad_x


# %% written
Because it is more stable: dividing by p = 0 gives infinity. The joined gradient is p − y.
