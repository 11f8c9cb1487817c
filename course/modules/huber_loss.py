"""Huber's loss: squared near the target, straight far from it, so that outliers count less."""

from collections.abc import Iterator

import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.module import Example
from course.modules._loss import _Loss
from course.modules._reduction import grad_of_losses, reduce


class HuberLoss(_Loss):
    """L_i = ½ r_i² where |r_i| ≤ δ, and δ (|r_i| − δ/2) beyond, with r_i = x_i − target_i and δ = `delta`.

    Clipping the residual says both at once: with c_i = min(max(r_i, −δ), δ), L_i = c_i (r_i − c_i/2). The
    mean of all L_i by default, with `reduction` their sum or each by itself. With g_i = ∂L/∂L_i, which is g/n
    for a mean over n (lecture 07):
        ∂L/∂x_i = g_i c_i    ∂L/∂target_i = −g_i c_i

    Raises:
        ValueError: `delta` is not positive.
    """

    formula = (
        r"L_i = \begin{cases} r_i^2 / 2 & |r_i| \le \delta \\ \delta (|r_i| - \delta / 2) & |r_i| > "
        r"\delta \end{cases}"
    )
    source = "Huber: Robust estimation of a location parameter, Annals of Mathematical Statistics 35 (1964)"
    lecture = 7
    counterpart = "torch.nn.HuberLoss"

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        if not delta > 0:
            raise ValueError(
                f"HuberLoss: delta is {delta}, but the squared part must have a width: pass delta > 0"
            )
        super().__init__(reduction)
        self.delta = delta

    def forward(
        self, x: Float[Tensor, "*shape"], target: Float[Tensor, "*shape"]
    ) -> Float[Tensor, "*shape"] | Float[Tensor, ""]:
        residual = x - target
        clipped = residual.clamp(-self.delta, self.delta)
        self.save(clipped=clipped)
        return reduce(clipped * (residual - 0.5 * clipped), self.reduction)

    def backward(
        self, grad_output: Float[Tensor, "*loss_shape"]
    ) -> tuple[Float[Tensor, "*shape"], Float[Tensor, "*shape"]]:
        clipped = self.saved["clipped"]
        grad = grad_of_losses(grad_output, self.reduction, clipped.numel()) * clipped
        return grad, -grad

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, 4 * scale, 3)
        target = x + 2 * randn(rng, 4 * scale, 3)
        for reduction, delta in (("mean", 1.0), ("sum", 0.5), ("none", 2.0)):
            reference = lambda m, x, target: F.huber_loss(x, target, reduction=m.reduction, delta=m.delta)  # noqa: E731
            yield Example(
                cls(reduction, delta), (x, target), reference=reference, label=f"{reduction}, delta={delta}"
            )
