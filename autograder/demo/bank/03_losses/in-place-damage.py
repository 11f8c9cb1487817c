# Saves memory by writing into what it was given. The first gradients are right, so that ∂L/∂x, ∂L/∂target and shapes earn
# their points; a second backward is wrong, and with it each case as a whole.
# points: softmax 8
# points: euclidean_loss 9
# points: bce_with_logits_loss 10
# mistake: softmax: saved changed
# mistake: euclidean_loss: saved changed
# mistake: bce_with_logits_loss: saved changed

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
        grad_output *= out
        return grad_output - out * grad_output.sum(dim=self.dim, keepdim=True)


# %% euclidean_loss
class EuclideanLoss(Module):
    def forward(self, x, target):
        self.save(x=x, target=target)
        return 0.5 * ((target - x) ** 2).sum(dim=1)

    def backward(self, grad_output):
        residual = self.saved["x"].sub_(self.saved["target"])
        grad_x = residual * grad_output[:, None]
        return grad_x, -grad_x


# %% bce_with_logits_loss
class BCEWithLogitsLoss(Module):
    def __init__(self, reduction="mean"):
        self.reduction = reduction

    def forward(self, x, target):
        self.save(x=x, target=target)
        return reduce((1 - target) * x - F.logsigmoid(x), self.reduction)

    def backward(self, grad_output):
        x, y = self.saved["x"], self.saved["target"]
        g = grad_output / x.numel() if self.reduction == "mean" else grad_output
        grad_x = g * (torch.sigmoid(x) - y)
        return grad_x, x.mul_(-g)
