# Goes back through softmax and the log loss one after the other, and through sigmoid and binary cross-entropy: right where
# numbers are tame. Where the network is sure of a wrong answer, 0 times infinity makes NaN of ∂L/∂x, which must hold in every
# case.
# points: cross_entropy_loss 12
# points: bce_with_logits_loss 10

# %% cross_entropy_loss
class CrossEntropyLoss(Module):
    def __init__(self, reduction="mean"):
        self.reduction = reduction

    def forward(self, x, target):
        self.save(x=x, target=target)
        return reduce(F.cross_entropy(x, target, reduction="none"), self.reduction)

    def backward(self, grad_output):
        x, target = self.saved["x"], self.saved["target"]
        softmax, loss = Softmax(dim=1), LogLoss(self.reduction)
        loss(softmax(x), F.one_hot(target, x.shape[1]).to(x.dtype))
        grad_p, _ = loss.backward(grad_output)
        return softmax.backward(grad_p), None


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
        grad_p = (p - y) / (p * (1 - p))
        return g * grad_p * p * (1 - p), -g * x
