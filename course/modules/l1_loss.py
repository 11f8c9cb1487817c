"""Mean absolute error: the distance of every number from its target, without a square."""

from collections.abc import Iterator

import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.module import Example
from course.modules._loss import _Loss
from course.modules._reduction import grad_of_losses, reduce


class L1Loss(_Loss):
    """L_i = |x_i − target_i| for every element.

    The loss is the mean of all by default, with `reduction` their sum or each by itself.

    With g_i = ∂L/∂L_i, which is g/n for a mean over n elements (lecture 07):
        ∂L/∂x_i = g_i sign(x_i − target_i)    ∂L/∂target_i = −g_i sign(x_i − target_i)
    and 0 where x_i = target_i. An outlier pulls no harder than its neighbors: the slope is never beyond ±g_i.
    """

    formula = r"L = \frac{1}{n} \sum_i |x_i - y_i|"
    source = "Hastie, Tibshirani, Friedman: The Elements of Statistical Learning (2009), section 10.6"
    lecture = 7
    counterpart = "torch.nn.L1Loss"

    def forward(
        self, x: Float[Tensor, "*shape"], target: Float[Tensor, "*shape"]
    ) -> Float[Tensor, "*shape"] | Float[Tensor, ""]:
        residual = x - target
        self.save(residual=residual)
        return reduce(residual.abs(), self.reduction)

    def backward(
        self, grad_output: Float[Tensor, "*loss_shape"]
    ) -> tuple[Float[Tensor, "*shape"], Float[Tensor, "*shape"]]:
        residual = self.saved["residual"]
        grad = residual.sign().mul_(grad_of_losses(grad_output, self.reduction, residual.numel()))
        return grad, -grad

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, 4 * scale, 3)
        residual = randn(rng, 4 * scale, 3)
        target = x - residual - 0.1 * residual.sign()  # away from the kink at x = target
        for reduction in ("mean", "sum", "none"):
            reference = lambda m, x, target: F.l1_loss(x, target, reduction=m.reduction)  # noqa: E731
            yield Example(cls(reduction), (x, target), reference=reference, label=reduction)
