"""Kullback–Leibler divergence: how far predicted log-probabilities are from a target distribution."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.module import Example
from course.modules._loss import _Loss
from course.modules._reduction import grad_of_losses, reduce


class KLDivLoss(_Loss):
    """L_i = y_i (log y_i − x_i) for every element.

    x holds log-probabilities, and target holds probabilities y (log y if `log_target`).

    The mean of all L_i by default; with `reduction` "sum" their sum, "batchmean" their sum over the number of
    rows, which is the divergence itself, averaged over examples; "none" keeps each. With g_i = ∂L/∂L_i, which
    is g over the number of elements (or rows) for a mean, and t = log y (lecture 12):
        ∂L/∂x_i = −g_i y_i    ∂L/∂y_i = g_i (log y_i + 1 − x_i)    ∂L/∂t_i = g_i y_i (t_i + 1 − x_i)
    At y = 0 the loss is 0 and rises infinitely steeply: ∂L/∂y is −∞, where torch gives nan.
    """

    formula = r"L = \sum_i y_i (\log y_i - x_i)"
    source = "Kullback, Leibler: On information and sufficiency, Annals of Mathematical Statistics 22 (1951)"
    lecture = 12
    counterpart = "torch.nn.KLDivLoss"
    reductions = ("none", "mean", "sum", "batchmean")

    def __init__(self, reduction: str = "mean", log_target: bool = False) -> None:
        super().__init__(reduction)
        self.log_target = log_target

    def forward(
        self, x: Float[Tensor, "*shape"], target: Float[Tensor, "*shape"]
    ) -> Float[Tensor, "*shape"] | Float[Tensor, ""]:
        self.save(x=x, target=target)
        losses = target.exp() * (target - x) if self.log_target else torch.xlogy(target, target) - target * x
        if self.reduction == "batchmean":
            return losses.sum() / _rows(x)
        return reduce(losses, self.reduction)

    def backward(
        self, grad_output: Float[Tensor, "*loss_shape"]
    ) -> tuple[Float[Tensor, "*shape"], Float[Tensor, "*shape"]]:
        x, target = self.saved["x"], self.saved["target"]
        if self.reduction == "batchmean":
            grad_losses = grad_output / _rows(x)
        else:
            grad_losses = grad_of_losses(grad_output, self.reduction, x.numel())
        if self.log_target:
            grad_y = grad_losses * target.exp()
            return -grad_y, grad_y * (target + 1 - x)
        return -grad_losses * target, grad_losses * (target.log() + 1 - x)

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, 4 * scale, 3).log_softmax(dim=1)
        target = randn(rng, 4 * scale, 3).softmax(dim=1)
        for reduction, log_target in (("mean", False), ("sum", True), ("batchmean", False), ("none", True)):
            label = f"{reduction}, log_target={log_target}"
            yield Example(
                cls(reduction, log_target), (x, target.log() if log_target else target), _reference, label
            )
        yield Example(cls("batchmean"), (x[0], target[0]), _reference, "batchmean of one distribution")
        yield Example(cls("batchmean"), (x[0, 0], target[0, 0]), _reference, "batchmean of one number")


def _rows(x: Tensor) -> int:
    return x.shape[0] if x.dim() > 0 else 1


def _reference(m: KLDivLoss, x: Tensor, target: Tensor) -> Tensor:
    if m.reduction == "mean":  # of which F.kl_div warns that it divides by more than the rows
        return F.kl_div(x, target, reduction="none", log_target=m.log_target).mean()
    return F.kl_div(x, target, reduction=m.reduction, log_target=m.log_target)
