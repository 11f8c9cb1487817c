# Divides by N whatever the reduction says: right only where losses are averaged. The cross-entropy has points for that case,
# and None is right for whole numbers.
# points: log_loss 2
# points: cross_entropy_loss 8
# points: bce_with_logits_loss 2
# mistake: log_loss: mean for sum
# mistake: cross_entropy_loss: mean for sum
# mistake: bce_with_logits_loss: mean for sum

# %% log_loss
class LogLoss(Module):
    def __init__(self, reduction="mean"):
        self.reduction = reduction

    def forward(self, x, target):
        self.save(x=x, target=target)
        return reduce(-(target * torch.log(x)).sum(dim=1), self.reduction)

    def backward(self, grad_output):
        p, y = self.saved["x"], self.saved["target"]
        g = grad_output[..., None] / len(p)
        return -g * y / p, -g * torch.log(p)


# %% cross_entropy_loss
class CrossEntropyLoss(Module):
    def __init__(self, reduction="mean"):
        self.reduction = reduction

    def forward(self, x, target):
        self.save(x=x, target=target)
        return reduce(F.cross_entropy(x, target, reduction="none"), self.reduction)

    def backward(self, grad_output):
        x, target = self.saved["x"], self.saved["target"]
        g = grad_output[..., None] / len(x)
        return g * (torch.softmax(x, dim=1) - F.one_hot(target, x.shape[1])), None


# %% bce_with_logits_loss
class BCEWithLogitsLoss(Module):
    def __init__(self, reduction="mean"):
        self.reduction = reduction

    def forward(self, x, target):
        self.save(x=x, target=target)
        return reduce((1 - target) * x - F.logsigmoid(x), self.reduction)

    def backward(self, grad_output):
        x, y = self.saved["x"], self.saved["target"]
        g = grad_output / x.numel()
        return g * (torch.sigmoid(x) - y), -g * x
