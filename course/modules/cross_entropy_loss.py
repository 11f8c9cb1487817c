"""Cross-entropy of logits: softmax and the negative log-likelihood joined, so that the gradient is p − y."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Generator, Tensor

from course.device import randn
from course.module import Example
from course.modules._class_target import (
    class_axis,
    read_classes,
    require_class_shape,
    share_of_each,
    total_weight,
)
from course.modules._loss import _Loss
from course.modules._reduction import optional_buffer


class CrossEntropyLoss(_Loss):
    """L_i = −Σ_c q_{ic} log p_{ic} with p = softmax(x), for logits x.

    x is examples × classes × any further axes, or only classes.

    The target is a class index y for each position, or a probability for each class (floating-point, in the
    shape of x). With y as probabilities (1 at the true class, 0 elsewhere), w_c from `weight` (1 if None), ε
    = `label_smoothing` and C classes, q_{ic} = w_c ((1 − ε) y_{ic} + ε/C). Positions whose class index is
    `ignore_index` count for nothing. By default L is the mean: Σ_i L_i / Σ_i w_y for class indices, divided
    by the number of positions for probabilities; with `reduction` the sum of all L_i or each by itself.

    From log p_c = x_c − log Σ_k e^{x_k} follows ∂log p_c/∂x_k = 1[c = k] − p_k, hence with g_i = ∂L/∂L_i
    (lecture 07):
        ∂L/∂x_i = g_i (p_i Σ_c q_{ic} − q_i), which is g_i w_y (p_i − y_i) for class indices without smoothing
        ∂L/∂y_{ic} = −g_i (1 − ε) w_c log p_{ic}

    Raises:
        ValueError: `label_smoothing` is not between 0 and 1.
        SizeError: the target or `weight` do not fit the shape of x.
        IndexError: a target is no class of x.
    """

    formula = r"L = -\frac{1}{n} \sum_i \sum_c y_{ic} \log \frac{e^{x_{ic}}}{\sum_k e^{x_{ik}}}"
    source = "Bishop: Pattern Recognition and Machine Learning (2006), section 4.3.4"
    lecture = 7
    counterpart = "torch.nn.CrossEntropyLoss"

    def __init__(
        self,
        weight: Tensor | None = None,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        if not 0 <= label_smoothing <= 1:
            raise ValueError(
                f"CrossEntropyLoss: label_smoothing is {label_smoothing}, but it is a share: pass 0 to 1"
            )
        self.weight = optional_buffer(weight)
        super().__init__(reduction)
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing

    def forward(
        self,
        x: Float[Tensor, "batch classes *positions"] | Float[Tensor, " classes"],
        target: Int[Tensor, "*target_shape"] | Float[Tensor, "*target_shape"],
    ) -> Float[Tensor, "*loss_shape"]:
        require_class_shape(self, x, target, self.weight)
        axis = class_axis(x)
        log_p, weight = x.log_softmax(axis), None if self.weight is None else self.weight.value
        if target.is_floating_point():
            y, kept, total = target, None, target.numel() // max(x.shape[axis], 1)
        else:
            index, kept = read_classes(self, target, x.shape[axis], self.ignore_index)
            if self.label_smoothing == 0:  # the usual case needs no y of the size of x
                self.save(log_p=log_p, index=index, kept=kept)
                return F.nll_loss(
                    log_p, target.long(), weight, ignore_index=self.ignore_index, reduction=self.reduction
                )
            y, total = (
                torch.zeros_like(x).scatter_(axis, index.unsqueeze(axis), 1),
                total_weight(index, kept, weight),
            )
        smooth = (
            y
            if self.label_smoothing == 0
            else (1 - self.label_smoothing) * y + self.label_smoothing / x.shape[axis]
        )
        q = self._times_weight(smooth)
        losses, count = -(q * log_p).sum(axis), total if self.reduction == "mean" else 1
        share = torch.ones_like(losses) / count
        if kept is not None:
            losses, share = losses.masked_fill(~kept, 0), share.masked_fill(~kept, 0)
        self.save(log_p=log_p, q=q, share=share, target=target)
        return losses if self.reduction == "none" else losses.sum() / count

    def _times_weight(self, y: Tensor) -> Tensor:
        """w_c y_c for every class c."""
        return (
            y if self.weight is None else y * self.weight.value.view(-1, *[1] * (y.dim() - class_axis(y) - 1))
        )

    def backward(
        self, grad_output: Float[Tensor, "*loss_shape"]
    ) -> tuple[Float[Tensor, "*x_shape"], Float[Tensor, "*x_shape"] | None]:
        log_p = self.saved["log_p"]
        axis = class_axis(log_p)
        grad = log_p.exp()  # p
        if "index" in self.saved:
            index, kept = self.saved["index"], self.saved["kept"]
            weight = None if self.weight is None else self.weight.value
            scale = grad_output * share_of_each(log_p, index, kept, weight, self.reduction)
            grad.scatter_(axis, index.unsqueeze(axis), -1.0, reduce="add")  # p − y
            return grad.mul_(scale.unsqueeze(axis) if scale.dim() > 0 else scale), None
        q, scale = self.saved["q"], grad_output * self.saved["share"]
        scale = scale.unsqueeze(axis) if scale.dim() > 0 else scale
        grad.mul_(q.sum(axis, keepdim=True)).sub_(q).mul_(scale)
        has_grad = self.saved["target"].is_floating_point()
        grad_y = (self.label_smoothing - 1) * self._times_weight(log_p * scale) if has_grad else None
        return grad, grad_y

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, 4 * scale, 3)
        images = randn(rng, 2 * scale, 3, 2, 2)
        target = torch.randint(3, (4 * scale,), generator=rng, device=rng.device)
        pixels = torch.randint(3, (2 * scale, 2, 2), generator=rng, device=rng.device)
        probabilities = randn(rng, 4 * scale, 3).softmax(dim=1)
        weight = torch.rand(3, generator=rng, device=rng.device) + 0.5

        def reference(m: CrossEntropyLoss, x: Tensor, target: Tensor) -> Tensor:
            weight = None if m.weight is None else m.weight.value
            options = {
                "ignore_index": m.ignore_index,
                "reduction": m.reduction,
                "label_smoothing": m.label_smoothing,
            }
            return F.cross_entropy(x, target, weight, **options)

        yield Example(cls(), (x, target), reference=reference, label="mean")
        yield Example(
            cls(weight, ignore_index=1),
            (images, pixels),
            reference=reference,
            label="pixels, class 1 ignored",
        )
        smoothed = cls(weight, reduction="sum", label_smoothing=0.1)
        yield Example(smoothed, (x, target), reference=reference, label="weighted sum, smoothed")
        yield Example(cls(reduction="none"), (x, probabilities), reference=reference, label="probabilities")
        yield Example(
            cls(weight, label_smoothing=0.2), (x[0], target[0]), reference=reference, label="a single example"
        )
        of_pixels = randn(rng, 2 * scale, 3, 2, 2).softmax(dim=1)
        smoothed = cls(weight, label_smoothing=0.3)
        yield Example(
            smoothed,
            (images, of_pixels),
            reference=reference,
            label="probabilities of pixels, weighted, smoothed",
        )
