"""Smooth absolute error: slope ±1 far from the target, rounded off near it."""

from collections.abc import Iterator

import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.module import Example
from course.modules._loss import _Loss
from course.modules._reduction import grad_of_losses, reduce


class SmoothL1Loss(_Loss):
    """L_i = r_i² / 2β where |r_i| < β, and |r_i| − β/2 beyond; |r_i| for β = 0.

    Here r_i = x_i − target_i and β = `beta`.

    It is Huber's loss divided by its δ = β. With the slope s_i = min(max(r_i/β, −1), 1), or sign(r_i) for β =
    0, L_i = s_i (r_i − β s_i / 2). The mean of all L_i by default, with `reduction` their sum or each by
    itself. With g_i = ∂L/∂L_i, which is g/n for a mean over n (lecture 07):
        ∂L/∂x_i = g_i s_i    ∂L/∂target_i = −g_i s_i

    Raises:
        ValueError: `beta` is negative.
    """

    formula = (
        r"L_i = \begin{cases} r_i^2 / 2\beta & |r_i| < \beta \\ |r_i| - \beta / 2 & |r_i| \ge \beta "
        r"\end{cases}"
    )
    source = "Girshick: Fast R-CNN, ICCV (2015)"
    lecture = 7
    counterpart = "torch.nn.SmoothL1Loss"

    def __init__(self, reduction: str = "mean", beta: float = 1.0) -> None:
        if not beta >= 0:
            raise ValueError(
                f"SmoothL1Loss: beta is {beta}, but it is the width of the rounded part: pass beta >= 0"
            )
        super().__init__(reduction)
        self.beta = beta

    def forward(
        self, x: Float[Tensor, "*shape"], target: Float[Tensor, "*shape"]
    ) -> Float[Tensor, "*shape"] | Float[Tensor, ""]:
        residual = x - target
        slope = (residual / self.beta).clamp(-1, 1) if self.beta > 0 else residual.sign()
        self.save(slope=slope)
        return reduce(slope * (residual - 0.5 * self.beta * slope), self.reduction)

    def backward(
        self, grad_output: Float[Tensor, "*loss_shape"]
    ) -> tuple[Float[Tensor, "*shape"], Float[Tensor, "*shape"]]:
        slope = self.saved["slope"]
        grad = grad_of_losses(grad_output, self.reduction, slope.numel()) * slope
        return grad, -grad

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, 4 * scale, 3)
        residual = randn(rng, 4 * scale, 3)
        target = x - residual - 0.1 * residual.sign()  # away from the kink at x = target that beta = 0 has
        for reduction, beta in (("mean", 1.0), ("sum", 0.5), ("none", 0.0)):
            reference = lambda m, x, target: F.smooth_l1_loss(x, target, reduction=m.reduction, beta=m.beta)  # noqa: E731
            yield Example(
                cls(reduction, beta), (x, target), reference=reference, label=f"{reduction}, beta={beta}"
            )
