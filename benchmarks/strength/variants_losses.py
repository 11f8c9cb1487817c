"""Correct variants, written by hand: losses."""
# ruff: noqa: D101, D102 - what each class does otherwise is said beside it, in by_hand
# pyright: reportOptionalMemberAccess=false, reportArgumentType=false, reportOptionalOperand=false

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.strength._variant import by_hand
from course import modules as library


def shares(grad_output: Tensor, like: Tensor, reduction: str) -> Tensor:
    """The upstream gradient of each single loss, in full."""
    return grad_output.expand_as(like) / (like.numel() if reduction == "mean" else 1)


@by_hand("2/n times the difference, from both inputs")
class MSELossFromInputs(library.MSELoss):
    def forward(self, x, target):
        self.save(x=x, target=target)
        losses = (x - target) ** 2
        return losses if self.reduction == "none" else getattr(losses, self.reduction)()

    def backward(self, grad_output):
        x, target = self.saved["x"], self.saved["target"]
        g = shares(grad_output, x, self.reduction)
        return 2 * g * (x - target), 2 * g * (target - x)


@by_hand("a scalar loss, filled element by element", 0, 1)
class MSELossByLoop(library.MSELoss):
    def backward(self, grad_output):
        residual = self.saved["residual"]
        scale = 2 * grad_output.item() / (residual.numel() if self.reduction == "mean" else 1)
        flat = torch.tensor(
            [scale * r for r in residual.flatten().tolist()], dtype=residual.dtype, device=residual.device
        )
        return flat.view_as(residual), flat.neg().view_as(residual)


@by_hand("boolean-mask indexing")
class L1LossByMask(library.L1Loss):
    def backward(self, grad_output):
        residual = self.saved["residual"]
        grad = shares(grad_output, residual, self.reduction).clone()
        grad[residual < 0] *= -1
        return [grad, -grad]


@by_hand("two branches with torch.where")
class HuberLossByBranch(library.HuberLoss):
    def forward(self, x, target):
        self.save(residual=x - target)
        return F.huber_loss(x, target, reduction=self.reduction, delta=self.delta)

    def backward(self, grad_output):
        r = self.saved["residual"]
        slope = torch.where(r.abs() < self.delta, r, self.delta * r.sign())
        grad = shares(grad_output, r, self.reduction) * slope
        return grad, -1 * grad


@by_hand("a loop over elements")
class HingeLossByLoop(library.HingeLoss):
    def backward(self, grad_output):
        x, target = self.saved["x"], self.saved["target"]
        g = shares(grad_output, x, self.reduction)
        grad_x, grad_target = torch.zeros_like(x), torch.zeros_like(target)
        for i, j in (target * x < 1).nonzero().tolist():
            grad_x[i, j] -= g[i, j] * target[i, j]
            grad_target[i, j] -= g[i, j] * x[i, j]
        return grad_x, grad_target


@by_hand("softmax minus one-hot", 0)
class CrossEntropyByOneHot(library.CrossEntropyLoss):
    def forward(self, x, target):
        p = torch.softmax(x, 1)
        self.save(p=p, hot=F.one_hot(target, x.shape[1]))
        return -p.gather(1, target[:, None]).log().mean()

    def backward(self, grad_output):
        p = self.saved["p"]
        return grad_output * (p - self.saved["hot"]) / len(p), None


@by_hand("a loop over rows", 0)
class CrossEntropyByLoop(library.CrossEntropyLoss):
    def forward(self, x, target):
        self.save(x=x, target=target)
        return F.cross_entropy(x, target)

    def backward(self, grad_output):
        x, target = self.saved["x"], self.saved["target"]
        grad = torch.empty_like(x)
        for row, (scores, y) in enumerate(zip(x, target.tolist(), strict=True)):
            e = torch.exp(scores - scores.max())
            grad[row] = e / e.sum()
            grad[row, y] -= 1
        grad *= grad_output / len(x)
        return grad, None


@by_hand("log-softmax and the negative log-likelihood, one after the other", 0)
class CrossEntropyByStages(library.CrossEntropyLoss):
    def __init__(self):
        self.log_softmax, self.nll = library.LogSoftmax(1), library.NLLLoss()
        super().__init__()

    def forward(self, x, target):
        self.save()
        return self.nll(self.log_softmax(x), target)

    def backward(self, grad_output):
        grad, nothing = self.nll.backward(grad_output)
        return self.log_softmax.backward(grad), nothing

    @classmethod
    def examples(cls, rng, scale=1):
        example = next(iter(library.CrossEntropyLoss.examples(rng, scale)))
        yield type(example)(cls(), example.inputs, example.reference, example.label)


@by_hand("index_put_ at the true classes", 0)
class NLLLossByIndex(library.NLLLoss):
    def backward(self, grad_output):
        index = self.saved["index"]
        grad = torch.zeros(self.saved["x_shape"], dtype=grad_output.dtype, device=grad_output.device)
        grad[torch.arange(len(index), device=index.device), index] = -grad_output / len(index)
        return grad, None


@by_hand("two terms, one for each answer", 0, 2)
class BCELossByTerms(library.BCELoss):
    def backward(self, grad_output):
        x, target = self.saved["x"], self.saved["target"]
        g = shares(grad_output, x, self.reduction)
        return g * ((1 - target) / (1 - x) - target / x), g * torch.log((1 - x) / x)


@by_hand("through the sigmoid and the probabilities' loss", 0)
class BCEWithLogitsByStages(library.BCEWithLogitsLoss):
    def backward(self, grad_output):
        x, target = self.saved["x"], self.saved["target"]
        p, g = torch.sigmoid(x), grad_output / x.numel()
        grad_p = g * (p - target) / (p * (1 - p))
        return grad_p * p * (1 - p), g * ((1 - p).log() - p.log())


@by_hand("rows one at a time")
class LogLossByRow(library.LogLoss):
    def backward(self, grad_output):
        x, target = self.saved["x"], self.saved["target"]
        rows = x.shape[:-1].numel()
        g = grad_output.expand(x.shape[:-1]).reshape(-1) / (rows if self.reduction == "mean" else 1)
        flat = zip(g, x.reshape(-1, x.shape[-1]), target.reshape(-1, x.shape[-1]), strict=True)
        grads = [(-g_i * t / p, -g_i * p.log()) for g_i, p, t in flat]  # the textbook's formula, for p > 0
        return tuple(torch.stack(column).view(x.shape) for column in zip(*grads, strict=True))


@by_hand("a loop over pairs")
class ContrastiveLossByPair(library.ContrastiveLoss):
    def backward(self, grad_output):
        difference, alike = self.saved["difference"], self.saved["alike"]
        g = shares(grad_output, alike, self.reduction)
        grad = torch.zeros_like(difference)
        for i, (d, same) in enumerate(zip(difference, alike.tolist(), strict=True)):
            distance = d.square().sum().sqrt()
            if same:
                grad[i] = g[i] * d
            elif distance < self.margin:
                grad[i] = g[i] * (distance - self.margin) / distance * d
        return grad, -grad, None


@by_hand("entropy and cross term apart", 0, 2)
class KLDivLossByTerms(library.KLDivLoss):
    def backward(self, grad_output):
        x, target = self.saved["x"], self.saved["target"]
        count = x.numel() if self.reduction == "mean" else len(x)
        g = grad_output.expand_as(x) / count
        return -(g * target), g * (1 + target.log()) - g * x


@by_hand("diagonal matrices from the left")
class EuclideanLossByMatrix(library.EuclideanLoss):
    def backward(self, grad_output):
        grad = torch.diag(grad_output) @ self.saved["residual"]
        return -grad, grad


@by_hand("the clipped slope from torch.where")
class SmoothL1LossByBranch(library.SmoothL1Loss):
    def forward(self, x, target):
        self.save(residual=x - target)
        return F.smooth_l1_loss(x, target, reduction=self.reduction, beta=self.beta)

    def backward(self, grad_output):
        r = self.saved["residual"]
        near = r.abs() < self.beta
        slope = torch.where(near, r / (self.beta or 1.0), torch.sign(r))
        grad = shares(grad_output, r, self.reduction) * slope
        return grad, torch.zeros_like(grad) - grad
