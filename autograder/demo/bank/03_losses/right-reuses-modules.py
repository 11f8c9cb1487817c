# Every answer right: the joined losses go through softmax, and the student's own modules are used again where they do no
# harm.

# %% euclidean_loss
class EuclideanLoss(Module):
    def forward(self, x, target):
        self.save(x=x, target=target)
        return 0.5 * ((target - x) ** 2).sum(dim=1)

    def backward(self, grad_output):
        x, target = self.saved["x"], self.saved["target"]
        scaled = grad_output.unsqueeze(1).expand_as(x)
        return torch.mul(scaled, x) - torch.mul(scaled, target), torch.sub(target, x).mul(scaled)


# %% cross_entropy_loss
class CrossEntropyLoss(Module):
    def __init__(self, reduction="mean"):
        self.reduction = reduction

    def forward(self, x, target):
        self.save(x=x, target=target)
        return reduce(F.cross_entropy(x, target, reduction="none"), self.reduction)

    def backward(self, grad_output):
        x, target = self.saved["x"], self.saved["target"]
        probabilities = Softmax(dim=1)(x)
        wanted = torch.zeros_like(x).scatter(1, target.unsqueeze(1), 1.0)
        weight = grad_output.reshape(-1, 1) if self.reduction == "none" else grad_output
        gradient = EuclideanLoss()
        gradient(probabilities, wanted)
        error, _ = gradient.backward(torch.ones(len(x), dtype=x.dtype))
        return error * weight / (len(x) if self.reduction == "mean" else 1), None


# %% bce_with_logits_loss
class BCEWithLogitsLoss(Module):
    def __init__(self, reduction="mean"):
        self.reduction = reduction

    def forward(self, x, target):
        self.save(x=x, target=target)
        return reduce((1 - target) * x - F.logsigmoid(x), self.reduction)

    def backward(self, grad_output):
        x, y = self.saved["x"], self.saved["target"]
        p = Softmax(dim=0)(torch.stack([x, torch.zeros_like(x)]))[0]
        scale = torch.ones_like(x).mean() / x.numel() if self.reduction == "mean" else 1
        return (p - y) * grad_output * scale, x * grad_output * -scale


# %% hinge_loss
class HingeLoss(Module):
    def __init__(self, reduction="mean"):
        self.reduction = reduction

    def forward(self, x, target):
        self.save(x=x, target=target)
        return reduce(torch.relu(1 - target * x), self.reduction)

    def backward(self, grad_output):
        x, y = self.saved["x"], self.saved["target"]
        inside = torch.sign(torch.relu(1 - y * x))
        each = grad_output * inside
        if self.reduction == "mean":
            each = each / inside.numel()
        return each * -y, each * -x
