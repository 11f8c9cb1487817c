# Never divides: right where losses are kept apart or added up, wrong where they are averaged, and so in what must hold in
# every case. In the cross-entropy the None for whole numbers is right, too.
# points: log_loss 6
# points: cross_entropy_loss 8
# points: bce_with_logits_loss 6
# points: hinge_loss 6
# mistake: log_loss: missing 1/N
# mistake: cross_entropy_loss: missing 1/N
# mistake: bce_with_logits_loss: missing 1/N
# mistake: hinge_loss: missing 1/N

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
        return grad_output[..., None] * (torch.softmax(x, dim=1) - F.one_hot(target, x.shape[1])), None


# %% bce_with_logits_loss
class BCEWithLogitsLoss(Module):
    def __init__(self, reduction="mean"):
        self.reduction = reduction

    def forward(self, x, target):
        self.save(x=x, target=target)
        return reduce((1 - target) * x - F.logsigmoid(x), self.reduction)

    def backward(self, grad_output):
        x, y = self.saved["x"], self.saved["target"]
        return grad_output * (torch.sigmoid(x) - y), -grad_output * x


# %% hinge_loss
class HingeLoss(Module):
    def __init__(self, reduction="mean"):
        self.reduction = reduction

    def forward(self, x, target):
        self.save(x=x, target=target)
        return reduce(torch.relu(1 - target * x), self.reduction)

    def backward(self, grad_output):
        x, y = self.saved["x"], self.saved["target"]
        inside = y * x < 1
        return -grad_output * y * inside, -grad_output * x * inside
