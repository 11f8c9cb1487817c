# A bracket is not closed in the cell of the log loss, and the hinge's backward returns a dictionary. All others are right.
# points: log_loss 0
# points: hinge_loss 0

# %% log_loss
class LogLoss(Module):
    def __init__(self, reduction="mean"):
        self.reduction = reduction

    def forward(self, x, target):
        self.save(x=x, target=target)
        return reduce(-(target * torch.log(x)).sum(dim=1), self.reduction)

    def backward(self, grad_output):
        p, y = self.saved["x"], self.saved["target"]
        g = grad_output[..., None] / (len(p) if self.reduction == "mean" else 1
        return -g * y / p, -g * torch.log(p)


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
        return {"x": -g * y * inside, "target": -g * x * inside}
