"""Mean squared error: the squared distance of every number from its target."""

from collections.abc import Iterator

import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.module import Example
from course.modules._loss import _Loss
from course.modules._reduction import grad_of_losses, reduce


class MSELoss(_Loss):
    """L_i = (x_i − target_i)² for every element.

    The loss is the mean of all by default, with `reduction` their sum or each by itself.

    With g_i = ∂L/∂L_i, which is g/n for a mean over n elements (lecture 07):
        ∂L/∂x_i = 2 g_i (x_i − target_i)    ∂L/∂target_i = −2 g_i (x_i − target_i)
    """

    formula = r"L = \frac{1}{n} \sum_i (x_i - y_i)^2"
    source = "Bishop: Pattern Recognition and Machine Learning (2006), section 3.1.1"
    lecture = 7
    counterpart = "torch.nn.MSELoss"

    def forward(
        self, x: Float[Tensor, "*shape"], target: Float[Tensor, "*shape"]
    ) -> Float[Tensor, "*shape"] | Float[Tensor, ""]:
        residual = x - target
        self.save(residual=residual)
        return reduce(residual.square(), self.reduction)

    def backward(
        self, grad_output: Float[Tensor, "*loss_shape"]
    ) -> tuple[Float[Tensor, "*shape"], Float[Tensor, "*shape"]]:
        residual = self.saved["residual"]
        grad = grad_of_losses(2 * grad_output, self.reduction, residual.numel()) * residual
        return grad, -grad

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, 4 * scale, 3)
        target = randn(rng, 4 * scale, 3)
        for reduction in ("mean", "sum", "none"):
            reference = lambda m, x, target: F.mse_loss(x, target, reduction=m.reduction)  # noqa: E731
            yield Example(cls(reduction), (x, target), reference=reference, label=reduction)
