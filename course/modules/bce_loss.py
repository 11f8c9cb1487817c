"""Binary cross-entropy on probabilities: one yes-or-no question for every element."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor

from course.module import Example
from course.modules._loss import _Loss
from course.modules._reduction import grad_of_losses, optional_buffer, reduce, require_broadcast

# torch.nn.BCELoss's bounds: a certain answer that is wrong costs 100 rather than infinity,
LEAST_LOG = -100.0
LEAST_VARIANCE = 1e-12  # and its gradient is finite, too


class BCELoss(_Loss):
    """L_i = −w_i (y_i log p_i + (1 − y_i) log(1 − p_i)) for every element.

    x holds probabilities p, and target holds y from 0 to 1.

    `weight` holds the w, broadcast over the elements (1 if None). The mean of all L_i by default, with
    `reduction` their sum or each by itself. Logarithms are at least −100. With g_i = ∂L/∂L_i, which is g/n
    for a mean over n elements (lecture 07):
        ∂L/∂p_i = g_i w_i ((1 − y_i)/(1 − p_i) − y_i/p_i) = g_i w_i (p_i − y_i) / (p_i (1 − p_i))
        ∂L/∂y_i = g_i w_i (log(1 − p_i) − log p_i)
    where the division is by at least 1e-12. At p = 0 and p = 1, ∂L/∂y is that of the bounded logarithms,
    ±100; torch gives ±∞ there, though its loss is bounded, too. BCEWithLogitsLoss, joined with the sigmoid,
    needs no such bounds.

    Raises:
        ValueError: x or target holds a number that is not from 0 to 1.
        SizeError: `weight` does not broadcast to the shape of x.
    """

    formula = r"L_i = -y_i \log p_i - (1 - y_i) \log (1 - p_i)"
    source = "Bishop: Pattern Recognition and Machine Learning (2006), section 4.3.2"
    lecture = 7
    counterpart = "torch.nn.BCELoss"

    def __init__(self, weight: Tensor | None = None, reduction: str = "mean") -> None:
        self.weight = optional_buffer(weight)
        super().__init__(reduction)

    def forward(
        self, x: Float[Tensor, "*shape"], target: Float[Tensor, "*shape"]
    ) -> Float[Tensor, "*shape"] | Float[Tensor, ""]:
        require_broadcast(self, "weight", self.weight, x.shape)
        for name, value in (("x", x), ("target", target)):
            _require_probabilities(name, value)
        log_p, log_not_p = x.log().clamp(min=LEAST_LOG), (-x).log1p().clamp(min=LEAST_LOG)
        self.save(x=x, target=target)
        return reduce(self._weighted((target - 1) * log_not_p - target * log_p), self.reduction)

    def backward(
        self, grad_output: Float[Tensor, "*loss_shape"]
    ) -> tuple[Float[Tensor, "*shape"], Float[Tensor, "*shape"]]:
        x, target = self.saved["x"], self.saved["target"]
        grad_losses = self._weighted(grad_of_losses(grad_output, self.reduction, x.numel()))
        grad_x = grad_losses * (x - target) / (x * (1 - x)).clamp(min=LEAST_VARIANCE)
        grad_target = grad_losses * ((-x).log1p().clamp(min=LEAST_LOG) - x.log().clamp(min=LEAST_LOG))
        return grad_x, grad_target

    def _weighted(self, losses: Tensor) -> Tensor:
        return losses if self.weight is None else losses * self.weight.value

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = torch.rand(4 * scale, 3, generator=rng, device=rng.device) * 0.8 + 0.1
        target = torch.rand(4 * scale, 3, generator=rng, device=rng.device) * 0.8 + 0.1
        weight = torch.rand(3, generator=rng, device=rng.device) + 0.5

        def reference(m: BCELoss, x: Tensor, target: Tensor) -> Tensor:
            return F.binary_cross_entropy(
                x, target, None if m.weight is None else m.weight.value, reduction=m.reduction
            )

        yield Example(cls(), (x, target), reference=reference, label="mean")
        yield Example(cls(weight, reduction="sum"), (x, target), reference=reference, label="weighted sum")
        yield Example(cls(reduction="none"), (x, target), reference=reference, label="none")


def _require_probabilities(name: str, value: Tensor) -> None:
    if value.numel() == 0:
        return
    low, high = map(float, value.detach().aminmax())
    if not (low >= 0 and high <= 1):
        outside, cure = low if not low >= 0 else high, "apply a sigmoid first, or use BCEWithLogitsLoss"
        raise ValueError(
            f"BCELoss: argument '{name}' holds {outside:g}, expected probabilities from 0 to 1: {cure}"
        )
