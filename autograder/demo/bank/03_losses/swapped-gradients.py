# Gives each of the two inputs the other's gradient; in the Euclidean loss, that looks like a wrong sign, and the shapes are
# the same.
# points: euclidean_loss 4
# points: log_loss 2
# points: hinge_loss 2
# mistake: log_loss: swapped gradients
# mistake: hinge_loss: swapped gradients

# %% euclidean_loss
class EuclideanLoss(Module):
    def forward(self, x, target):
        self.save(x=x, target=target)
        return 0.5 * ((target - x) ** 2).sum(dim=1)

    def backward(self, grad_output):
        difference = self.saved["target"] - self.saved["x"]
        g = grad_output[:, None]
        return g * difference, -g * difference


# %% log_loss
class LogLoss(Module):
    def __init__(self, reduction="mean"):
        self.reduction = reduction

    def forward(self, x, target):
        self.save(x=x, target=target)
        return reduce(-(target * torch.log(x)).sum(dim=1), self.reduction)

    def backward(self, grad_output):
        p, y = self.saved["x"], self.saved["target"]
        g = grad_output[..., None] / (len(p) if self.reduction == "mean" else 1)
        return -g * torch.log(p), -g * y / p


# %% hinge_loss
class HingeLoss(Module):
    def __init__(self, reduction="mean"):
        self.reduction = reduction

    def forward(self, x, target):
        self.save(x=x, target=target)
        return reduce(torch.relu(1 - target * x), self.reduction)

    def backward(self, grad_output):
        x, y = self.saved["x"], self.saved["target"]
        g = grad_output / x.numel() if self.reduction == "mean" else grad_output
        inside = y * x < 1
        return -g * x * inside, -g * y * inside
