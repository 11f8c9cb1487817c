# Takes the difference the other way round, truth minus answer. Shapes, None for whole numbers, and inputs are as they should
# be.
# points: euclidean_loss 4
# points: cross_entropy_loss 4
# points: bce_with_logits_loss 6
# mistake: euclidean_loss: sign
# mistake: cross_entropy_loss: sign
# mistake: bce_with_logits_loss: sign

# %% euclidean_loss
class EuclideanLoss(Module):
    def forward(self, x, target):
        self.save(x=x, target=target)
        return 0.5 * ((target - x) ** 2).sum(dim=1)

    def backward(self, grad_output):
        difference = self.saved["target"] - self.saved["x"]
        g = grad_output[:, None]
        return g * difference, -g * difference


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
        return g * (F.one_hot(target, x.shape[1]) - torch.softmax(x, dim=1)), None


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
        return g * (y - torch.sigmoid(x)), -g * x
