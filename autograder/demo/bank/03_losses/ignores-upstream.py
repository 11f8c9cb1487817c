# Starts from a gradient of ones. For softmax that gives zeros. The shapes are right in the Euclidean loss, and None is right
# for whole numbers.
# points: softmax 2
# points: euclidean_loss 4
# points: log_loss 2
# points: cross_entropy_loss 4
# points: bce_with_logits_loss 2
# points: hinge_loss 2
# mistake: euclidean_loss: upstream ignored
# mistake: log_loss: upstream ignored
# mistake: cross_entropy_loss: upstream ignored
# mistake: bce_with_logits_loss: upstream ignored
# mistake: hinge_loss: upstream ignored

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
        return out - out * out.sum(dim=self.dim, keepdim=True)


# %% euclidean_loss
class EuclideanLoss(Module):
    def forward(self, x, target):
        self.save(x=x, target=target)
        return 0.5 * ((target - x) ** 2).sum(dim=1)

    def backward(self, grad_output):
        difference = self.saved["target"] - self.saved["x"]
        return -difference, difference


# %% log_loss
class LogLoss(Module):
    def __init__(self, reduction="mean"):
        self.reduction = reduction

    def forward(self, x, target):
        self.save(x=x, target=target)
        return reduce(-(target * torch.log(x)).sum(dim=1), self.reduction)

    def backward(self, grad_output):
        p, y = self.saved["x"], self.saved["target"]
        n = len(p) if self.reduction == "mean" else 1
        return -y / p / n, -torch.log(p) / n


# %% cross_entropy_loss
class CrossEntropyLoss(Module):
    def __init__(self, reduction="mean"):
        self.reduction = reduction

    def forward(self, x, target):
        self.save(x=x, target=target)
        return reduce(F.cross_entropy(x, target, reduction="none"), self.reduction)

    def backward(self, grad_output):
        x, target = self.saved["x"], self.saved["target"]
        n = len(x) if self.reduction == "mean" else 1
        return (torch.softmax(x, dim=1) - F.one_hot(target, x.shape[1])) / n, None


# %% bce_with_logits_loss
class BCEWithLogitsLoss(Module):
    def __init__(self, reduction="mean"):
        self.reduction = reduction

    def forward(self, x, target):
        self.save(x=x, target=target)
        return reduce((1 - target) * x - F.logsigmoid(x), self.reduction)

    def backward(self, grad_output):
        x, y = self.saved["x"], self.saved["target"]
        n = x.numel() if self.reduction == "mean" else 1
        return (torch.sigmoid(x) - y) / n, -x / n


# %% hinge_loss
class HingeLoss(Module):
    def __init__(self, reduction="mean"):
        self.reduction = reduction

    def forward(self, x, target):
        self.save(x=x, target=target)
        return reduce(torch.relu(1 - target * x), self.reduction)

    def backward(self, grad_output):
        x, y = self.saved["x"], self.saved["target"]
        n = x.numel() if self.reduction == "mean" else 1
        inside = y * x < 1
        return -y * inside / n, -x * inside / n
