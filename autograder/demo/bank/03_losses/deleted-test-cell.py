# The log loss forgets the y in one gradient and the test cell is gone; it is put back, and gives what the other gradient
# deserves.
# delete: log_loss_test
# points: log_loss 6

# %% log_loss
class LogLoss(Module):
    def __init__(self, reduction="mean"):
        self.reduction = reduction

    def forward(self, x, target):
        self.save(x=x, target=target)
        return reduce(-(target * torch.log(x)).sum(dim=1), self.reduction)

    def backward(self, grad_output):
        p = self.saved["x"]
        g = grad_output[..., None] / (p.shape[0] if self.reduction == "mean" else 1)
        return -g * p ** -1, g * p.log().neg()
