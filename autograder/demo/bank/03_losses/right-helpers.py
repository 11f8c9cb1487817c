# Every answer right, with a helper that the cells share, formulas the other way round, and work in place on tensors of one's
# own.

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
        n = out.shape[self.dim]
        rows = out.transpose(self.dim, -1).reshape(-1, n)
        g = grad_output.transpose(self.dim, -1).reshape(-1, n)
        grad = g.clone()
        grad -= torch.bmm(g[:, None, :], rows[:, :, None]).squeeze(-1)
        grad *= rows
        return grad.reshape(out.transpose(self.dim, -1).shape).transpose(self.dim, -1)


# %% log_loss
def share_of_each(loss, grad_output, count, axis=False):
    """What one of the losses gets of the gradient."""
    share = grad_output.clone()
    if loss.reduction == "mean":
        share /= count
    return share.unsqueeze(-1) if axis else share


class LogLoss(Module):
    def __init__(self, reduction="mean"):
        self.reduction = reduction

    def forward(self, x, target):
        self.save(x=x, target=target)
        return reduce(-(target * torch.log(x)).sum(dim=1), self.reduction)

    def backward(self, grad_output):
        share = share_of_each(self, grad_output, len(self.saved["x"]), axis=True)
        ratio = self.saved["target"].div(self.saved["x"])
        return ratio.mul_(-share), torch.log(1 / self.saved["x"]) * share


# %% cross_entropy_loss
class CrossEntropyLoss(Module):
    def __init__(self, reduction="mean"):
        self.reduction = reduction

    def forward(self, x, target):
        self.save(x=x, target=target)
        return reduce(F.cross_entropy(x, target, reduction="none"), self.reduction)

    def backward(self, grad_output):
        x, target = self.saved["x"], self.saved["target"]
        grad = (x - torch.logsumexp(x, dim=1, keepdim=True)).exp_()
        grad[torch.arange(len(x)), target] -= 1
        return grad.mul_(share_of_each(self, grad_output, len(x), axis=True)), None


# %% bce_with_logits_loss
class BCEWithLogitsLoss(Module):
    def __init__(self, reduction="mean"):
        self.reduction = reduction

    def forward(self, x, target):
        self.save(x=x, target=target)
        return reduce((1 - target) * x - F.logsigmoid(x), self.reduction)

    def backward(self, grad_output):
        x, y = self.saved["x"], self.saved["target"]
        share = share_of_each(self, grad_output, x.numel())
        right = torch.sigmoid(-x)
        return share * ((1 - y) * (1 - right) - y * right), share.neg() * x


# %% hinge_loss
class HingeLoss(Module):
    def __init__(self, reduction="mean"):
        self.reduction = reduction

    def forward(self, x, target):
        self.save(x=x, target=target)
        return reduce(torch.relu(1 - target * x), self.reduction)

    def backward(self, grad_output):
        x, y = self.saved["x"], self.saved["target"]
        share = share_of_each(self, grad_output, x.numel())
        pull = torch.where((1 - y * x) > 0, -share, torch.zeros_like(x))
        return pull * y, pull * x
