# Every answer right, number by number in loops, with a print left in.

# %% softmax
class Softmax(Module):
    def __init__(self, dim):
        self.dim = dim

    def forward(self, x):
        out = torch.softmax(x, self.dim)
        self.save(out=out)
        return out

    def backward(self, grad_output):
        out, g = self.saved["out"].movedim(self.dim, 0), grad_output.movedim(self.dim, 0)
        grad = torch.zeros_like(out)
        for j in range(len(out)):
            for i in range(len(out)):
                slope = out[i] * (1 - out[i]) if i == j else -out[i] * out[j]
                grad[j] += g[i] * slope
        print("softmax", tuple(grad.shape))
        return grad.movedim(0, self.dim)


# %% euclidean_loss
class EuclideanLoss(Module):
    def forward(self, x, target):
        self.save(x=x, target=target)
        return 0.5 * ((target - x) ** 2).sum(dim=1)

    def backward(self, grad_output):
        x, target = self.saved["x"], self.saved["target"]
        grad_x, grad_target = torch.zeros_like(x), torch.zeros_like(target)
        for i in range(x.shape[0]):
            for j in range(x.shape[1]):
                grad_x[i, j] = -grad_output[i] * (target[i, j] - x[i, j])
                grad_target[i, j] = grad_output[i] * (target[i, j] - x[i, j])
        return grad_x, grad_target


# %% log_loss
class LogLoss(Module):
    def __init__(self, reduction="mean"):
        self.reduction = reduction

    def forward(self, x, target):
        self.save(x=x, target=target)
        return reduce(-(target * torch.log(x)).sum(dim=1), self.reduction)

    def backward(self, grad_output):
        p, y = self.saved["x"], self.saved["target"]
        grad_p, grad_y = torch.zeros_like(p), torch.zeros_like(y)
        for i in range(len(p)):
            g = grad_output[i] if self.reduction == "none" else grad_output
            if self.reduction == "mean":
                g = g / len(p)
            for c in range(p.shape[1]):
                grad_p[i, c] = -g * y[i, c] / p[i, c]
                grad_y[i, c] = -g * torch.log(p[i, c])
        return grad_p, grad_y


# %% cross_entropy_loss
class CrossEntropyLoss(Module):
    def __init__(self, reduction="mean"):
        self.reduction = reduction

    def forward(self, x, target):
        self.save(x=x, target=target)
        return reduce(F.cross_entropy(x, target, reduction="none"), self.reduction)

    def backward(self, grad_output):
        x, target = self.saved["x"], self.saved["target"]
        grad = torch.zeros_like(x)
        for i, row in enumerate(x):
            g = grad_output[i] if self.reduction == "none" else grad_output
            powers = torch.exp(row - row.max())
            grad[i] = g * powers / powers.sum()
            grad[i, target[i]] -= g
            if self.reduction == "mean":
                grad[i] /= len(x)
        return grad, None


# %% bce_with_logits_loss
class BCEWithLogitsLoss(Module):
    def __init__(self, reduction="mean"):
        self.reduction = reduction

    def forward(self, x, target):
        self.save(x=x, target=target)
        return reduce((1 - target) * x - F.logsigmoid(x), self.reduction)

    def backward(self, grad_output):
        x, y = self.saved["x"].flatten(), self.saved["target"].flatten()
        g = grad_output.flatten()
        grad_x, grad_y = [], []
        for i in range(len(x)):
            share = g[i] if self.reduction == "none" else g[0]
            if self.reduction == "mean":
                share = share / len(x)
            grad_x.append(share * (1 / (1 + torch.exp(-x[i])) - y[i]))
            grad_y.append(-share * x[i])
        shape = self.saved["x"].shape
        return torch.stack(grad_x).reshape(shape), torch.stack(grad_y).reshape(shape)


# %% hinge_loss
class HingeLoss(Module):
    def __init__(self, reduction="mean"):
        self.reduction = reduction

    def forward(self, x, target):
        self.save(x=x, target=target)
        return reduce(torch.relu(1 - target * x), self.reduction)

    def backward(self, grad_output):
        x, y = self.saved["x"], self.saved["target"]
        g = grad_output.expand(x.shape) / (x.numel() if self.reduction == "mean" else 1)
        grad_x, grad_y = torch.zeros_like(x), torch.zeros_like(y)
        for place in torch.nonzero(torch.ones_like(x)).tolist():
            at = tuple(place)
            if y[at] * x[at] < 1:
                grad_x[at] = -g[at] * y[at]
                grad_y[at] = -g[at] * x[at]
        return grad_x, grad_y
