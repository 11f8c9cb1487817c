# Returns None for every target, as torch would for data; and a gradient for the whole numbers of the cross-entropy. What has
# to do with x is right. No case holds as a whole.
# points: euclidean_loss 6
# points: log_loss 7
# points: cross_entropy_loss 10
# points: bce_with_logits_loss 8
# points: hinge_loss 6

# %% euclidean_loss
class EuclideanLoss(Module):
    def forward(self, x, target):
        self.save(x=x, target=target)
        return 0.5 * ((target - x) ** 2).sum(dim=1)

    def backward(self, grad_output):
        return grad_output[:, None] * (self.saved["x"] - self.saved["target"]), None


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
        return -g * y / p, None


# %% cross_entropy_loss
class CrossEntropyLoss(Module):
    def __init__(self, reduction="mean"):
        self.reduction = reduction

    def forward(self, x, target):
        self.save(x=x, target=target)
        return reduce(F.cross_entropy(x, target, reduction="none"), self.reduction)

    def backward(self, grad_output):
        x, target = self.saved["x"], self.saved["target"]
        g = grad_output[..., None] / (len(x) if self.reduction == "mean" else 1)
        return g * (torch.softmax(x, dim=1) - F.one_hot(target, x.shape[1])), torch.zeros(target.shape)


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
        return g * (torch.sigmoid(x) - y), None


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
        return -g * y * (y * x < 1), None
