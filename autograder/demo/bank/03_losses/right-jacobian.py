# Every answer right, by other algebra: softmax with its Jacobian written out, and contractions by einsum.

# %% softmax
class Softmax(Module):
    def __init__(self, dim):
        self.dim = dim

    def forward(self, x):
        out = torch.softmax(x, self.dim)
        self.save(out=out)
        return out

    def backward(self, grad_output):
        out = self.saved["out"].movedim(self.dim, -1)
        g = grad_output.movedim(self.dim, -1)
        jacobian = torch.diag_embed(out) - torch.einsum("...i,...j->...ij", out, out)
        return torch.einsum("...i,...ij->...j", g, jacobian).movedim(-1, self.dim)


# %% euclidean_loss
class EuclideanLoss(Module):
    def forward(self, x, target):
        self.save(x=x, target=target)
        return 0.5 * ((target - x) ** 2).sum(dim=1)

    def backward(self, grad_output):
        residual = self.saved["x"] - self.saved["target"]
        grad_x = torch.einsum("i,ij->ij", grad_output, residual)
        return grad_x, torch.einsum("i,ij->ij", -grad_output, residual)


# %% log_loss
class LogLoss(Module):
    def __init__(self, reduction="mean"):
        self.reduction = reduction

    def forward(self, x, target):
        self.save(x=x, target=target)
        return reduce(-(target * torch.log(x)).sum(dim=1), self.reduction)

    def backward(self, grad_output):
        p, y = self.saved["x"], self.saved["target"]
        each = {"none": grad_output, "sum": grad_output.expand(len(p)), "mean": grad_output.expand(len(p)) / len(p)}[self.reduction]
        return torch.diag(each) @ (-y / p), torch.diag(each) @ -p.log()


# %% cross_entropy_loss
class CrossEntropyLoss(Module):
    def __init__(self, reduction="mean"):
        self.reduction = reduction

    def forward(self, x, target):
        self.save(x=x, target=target)
        return reduce(F.cross_entropy(x, target, reduction="none"), self.reduction)

    def backward(self, grad_output):
        x, target = self.saved["x"], self.saved["target"]
        each = {"none": grad_output, "sum": grad_output.expand(len(x)), "mean": grad_output.expand(len(x)) / len(x)}[self.reduction]
        error = torch.eye(x.shape[1], dtype=x.dtype)[target] - x.softmax(dim=1)
        return torch.einsum("i,ij->ij", -each, error), None


# %% bce_with_logits_loss
class BCEWithLogitsLoss(Module):
    def __init__(self, reduction="mean"):
        self.reduction = reduction

    def forward(self, x, target):
        self.save(x=x, target=target)
        return reduce((1 - target) * x - F.logsigmoid(x), self.reduction)

    def backward(self, grad_output):
        x, y = self.saved["x"], self.saved["target"]
        each = torch.full_like(x, 1 / x.numel() if self.reduction == "mean" else 1.0) * grad_output
        grad_x = each * (1 - y) - each * torch.exp(F.logsigmoid(-x))
        return grad_x, each * -x


# %% hinge_loss
class HingeLoss(Module):
    def __init__(self, reduction="mean"):
        self.reduction = reduction

    def forward(self, x, target):
        self.save(x=x, target=target)
        return reduce(torch.relu(1 - target * x), self.reduction)

    def backward(self, grad_output):
        x, y = self.saved["x"], self.saved["target"]
        each = torch.full_like(x, 1 / x.numel() if self.reduction == "mean" else 1.0) * grad_output
        step = torch.heaviside(1 - y * x, torch.zeros((), dtype=x.dtype))
        return -(each * step * y), -(each * step * x)
