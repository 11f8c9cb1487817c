# The class has another name than the check asks for, and the Euclidean loss returns one gradient of two: neither earns
# anything.
# points: euclidean_loss 0
# points: hinge_loss 0

# %% euclidean_loss
class EuclideanLoss(Module):
    def forward(self, x, target):
        self.save(x=x, target=target)
        return 0.5 * ((target - x) ** 2).sum(dim=1)

    def backward(self, grad_output):
        return grad_output[:, None] * (self.saved["x"] - self.saved["target"])


# %% hinge_loss
class Hinge(Module):
    def __init__(self, reduction="mean"):
        self.reduction = reduction

    def forward(self, x, target):
        self.save(x=x, target=target)
        return reduce(torch.relu(1 - target * x), self.reduction)

    def backward(self, grad_output):
        x, y = self.saved["x"], self.saved["target"]
        g = grad_output / x.numel() if self.reduction == "mean" else grad_output
        inside = y * x < 1
        return -g * y * inside, -g * x * inside
