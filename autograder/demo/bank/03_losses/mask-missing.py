# Lets the gradient pass everywhere, also where the answer is right by a margin and the loss is flat.
# points: hinge_loss 2
# mistake: hinge_loss: mask missing

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
        return -g * y, -g * x
