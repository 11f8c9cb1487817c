# Forgets that the half cancels the two; multiplies with the sigmoid's slope, which the joined loss has no longer; leaves out
# the y of the log loss. In the last two the other gradient is right.
# points: euclidean_loss 4
# points: bce_with_logits_loss 6
# points: log_loss 6
# mistake: euclidean_loss: constant factor

# %% euclidean_loss
class EuclideanLoss(Module):
    def forward(self, x, target):
        self.save(x=x, target=target)
        return 0.5 * ((target - x) ** 2).sum(dim=1)

    def backward(self, grad_output):
        grad_x = 2 * grad_output[:, None] * (self.saved["x"] - self.saved["target"])
        return grad_x, -grad_x


# %% log_loss
class LogLoss(Module):
    def __init__(self, reduction="mean"):
        self.reduction = reduction

    def forward(self, x, target):
        self.save(x=x, target=target)
        return reduce(-(target * torch.log(x)).sum(dim=1), self.reduction)

    def backward(self, grad_output):
        p = self.saved["x"]
        g = grad_output[..., None] / (len(p) if self.reduction == "mean" else 1)
        return -g / p, -g * torch.log(p)


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
        p = torch.sigmoid(x)
        return g * (p - y) * p * (1 - p), -g * x
