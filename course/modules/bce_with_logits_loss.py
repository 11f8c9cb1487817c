"""Binary cross-entropy on logits: sigmoid and logarithm joined, so that the gradient is p − y."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.module import Example
from course.modules._loss import _Loss
from course.modules._reduction import grad_of_losses, optional_buffer, reduce, require_broadcast


class BCEWithLogitsLoss(_Loss):
    """L_i = −w_i (v_i y_i log p_i + (1 − y_i) log(1 − p_i)) for every element, with p = σ(x).

    x holds logits, and y is the target.

    `weight` holds the w and `pos_weight` the v, which counts positive answers more or less; both broadcast
    over the elements (1 if None). The mean of all L_i by default, with `reduction` their sum or each by
    itself.

    Since log(1 − σ(x)) = log σ(x) − x, no logarithm of a rounded probability is needed:
        L_i = w_i ((1 − y_i) x_i − s_i log σ(x_i)), with s_i = 1 + (v_i − 1) y_i

    With g_i = ∂L/∂L_i, which is g/n for a mean over n elements, and ∂log σ(x)/∂x = 1 − p (lecture 07):
        ∂L/∂x_i = g_i w_i (s_i p_i − v_i y_i), which is g_i w_i (p_i − y_i) for v_i = 1
        ∂L/∂y_i = −g_i w_i (x_i + (v_i − 1) log p_i)

    Raises:
        SizeError: `weight` or `pos_weight` does not broadcast to the shape of x.
    """

    formula = r"L_i = -y_i \log \sigma(x_i) - (1 - y_i) \log (1 - \sigma(x_i))"
    source = "Bishop: Pattern Recognition and Machine Learning (2006), section 4.3.2"
    lecture = 7
    counterpart = "torch.nn.BCEWithLogitsLoss"

    def __init__(
        self, weight: Tensor | None = None, reduction: str = "mean", pos_weight: Tensor | None = None
    ) -> None:
        self.weight, self.pos_weight = optional_buffer(weight), optional_buffer(pos_weight)
        super().__init__(reduction)

    def forward(
        self, x: Float[Tensor, "*shape"], target: Float[Tensor, "*shape"]
    ) -> Float[Tensor, "*shape"] | Float[Tensor, ""]:
        require_broadcast(self, "weight", self.weight, x.shape)
        require_broadcast(self, "pos_weight", self.pos_weight, x.shape)
        log_p = F.logsigmoid(x)
        losses = (1 - target) * x - (log_p if self.pos_weight is None else self._strength(target) * log_p)
        self.save(x=x, target=target)
        return reduce(losses if self.weight is None else losses * self.weight.value, self.reduction)

    def backward(
        self, grad_output: Float[Tensor, "*loss_shape"]
    ) -> tuple[Float[Tensor, "*shape"], Float[Tensor, "*shape"]]:
        x, target = self.saved["x"], self.saved["target"]
        grad_losses = grad_of_losses(grad_output, self.reduction, x.numel())
        if self.weight is not None:
            grad_losses = grad_losses * self.weight.value
        if self.pos_weight is None:
            return grad_losses * (x.sigmoid() - target), -grad_losses * x
        v = self.pos_weight.value
        grad_x = grad_losses * (self._strength(target) * x.sigmoid() - v * target)
        return grad_x, -grad_losses * (x + (v - 1) * F.logsigmoid(x))

    def _strength(self, target: Tensor) -> Tensor:
        """How much log p counts where positive answers have weights: s = 1 + (v − 1) y."""
        assert self.pos_weight is not None
        return 1 + (self.pos_weight.value - 1) * target

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, 4 * scale, 3)
        target = torch.rand(4 * scale, 3, generator=rng, device=rng.device)
        weight = torch.rand(4 * scale, 1, generator=rng, device=rng.device) + 0.5
        pos_weight = torch.rand(3, generator=rng, device=rng.device) + 0.5

        def reference(m: BCEWithLogitsLoss, x: Tensor, target: Tensor) -> Tensor:
            weight, pos_weight = (None if held is None else held.value for held in (m.weight, m.pos_weight))
            return F.binary_cross_entropy_with_logits(
                x, target, weight, reduction=m.reduction, pos_weight=pos_weight
            )

        yield Example(cls(), (x, target), reference=reference, label="mean")
        yield Example(cls(weight, "sum"), (x, target), reference=reference, label="weighted sum")
        yield Example(
            cls(weight, "none", pos_weight),
            (x, target),
            reference=reference,
            label="none, positives weighted",
        )
