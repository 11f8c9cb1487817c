# Every answer right, written the plain way. The others take the answers that they do not give from here.

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
        weighted = grad_output * out
        return weighted - out * weighted.sum(dim=self.dim, keepdim=True)


# %% euclidean_loss
class EuclideanLoss(Module):
    def forward(self, x, target):
        self.save(x=x, target=target)
        return 0.5 * ((target - x) ** 2).sum(dim=1)

    def backward(self, grad_output):
        difference = self.saved["target"] - self.saved["x"]
        g = grad_output[:, None]
        return -g * difference, g * difference


# %% log_loss
class LogLoss(Module):
    def __init__(self, reduction="mean"):
        self.reduction = reduction

    def forward(self, x, target):
        self.save(x=x, target=target)
        return reduce(-(target * torch.log(x)).sum(dim=1), self.reduction)

    def backward(self, grad_output):
        p, y = self.saved["x"], self.saved["target"]
        g = grad_output[..., None]
        if self.reduction == "mean":
            g = g / p.shape[0]
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
        g = grad_output[..., None]
        if self.reduction == "mean":
            g = g / x.shape[0]
        p, y = torch.softmax(x, dim=1), F.one_hot(target, x.shape[1])
        return g * (p - y), None


# %% written
In float32, softmax gives p = (0, 1). LogLoss then hands back −y/p = (−∞, 0), or (−∞, NaN) if 0/0 is computed anywhere, and softmax multiplies
minus infinity by p = 0: NaN, and all weights below are lost. CrossEntropyLoss hands back p − y = (−1, 1), since the p cancels before any
number is rounded. It is as large as it can be when the network is most wrong, and never larger than 1. The Euclidean loss would hand (−1, 1) to
softmax, whose slopes are all 0 there, so that nothing is learned.


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
        return g * (torch.sigmoid(x) - y), -g * x


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
        return -g * y * inside, -g * x * inside
