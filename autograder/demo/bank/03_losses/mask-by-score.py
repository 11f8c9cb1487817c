# Compares the score with 1 and forgets the label: right only for the label 1.
# points: hinge_loss 2

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
        inside = x < 1
        return -g * y * inside, -g * x * inside
