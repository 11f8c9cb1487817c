"""Negative log-likelihood: minus the log-probability that was given to the true class."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Generator, Tensor

from course.device import randn
from course.module import Example
from course.modules._class_target import class_axis, read_classes, require_class_shape, share_of_each
from course.modules._loss import _Loss
from course.modules._reduction import optional_buffer


class NLLLoss(_Loss):
    """L_i = −w_y x_{iy} with y = target_i, for log-probabilities x.

    x is examples × classes × any further axes, or only classes.

    `weight` holds a w for each class (1 if None). Positions whose target is `ignore_index` count for nothing.
    By default L is the weighted mean Σ_i L_i / Σ_i w_y, with `reduction` the sum of all L_i or each by
    itself. With g_i = ∂L/∂L_i, which is g / Σ_i w_y for the mean (lecture 07):
        ∂L/∂x_{ic} = −g_i w_y where c = y, and 0 for all other classes

    Raises:
        SizeError: the target has not the shape of x without the classes, or `weight` has not one number for
            each class.
        IndexError: a target is no class of x.
    """

    formula = r"L = -\frac{\sum_i w_{y_i} x_{i y_i}}{\sum_i w_{y_i}}"
    source = "Goodfellow, Bengio, Courville: Deep Learning (2016), section 5.5"
    lecture = 7
    counterpart = "torch.nn.NLLLoss"

    def __init__(
        self, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean"
    ) -> None:
        self.weight = optional_buffer(weight)
        super().__init__(reduction)
        self.ignore_index = ignore_index

    def forward(
        self,
        x: Float[Tensor, "batch classes *positions"] | Float[Tensor, " classes"],
        target: Int[Tensor, "*target_shape"],
    ) -> Float[Tensor, "*target_shape"] | Float[Tensor, ""]:
        require_class_shape(self, x, target, self.weight)
        index, kept = read_classes(self, target, x.shape[class_axis(x)], self.ignore_index)
        weight = None if self.weight is None else self.weight.value
        self.save(x_shape=x.shape, index=index, kept=kept)
        checked = index if kept is None else target.long()
        return F.nll_loss(x, checked, weight, ignore_index=self.ignore_index, reduction=self.reduction)

    def backward(
        self, grad_output: Float[Tensor, "*loss_shape"]
    ) -> tuple[Float[Tensor, "batch classes *positions"] | Float[Tensor, " classes"], None]:
        index, kept = self.saved["index"], self.saved["kept"]
        grad = grad_output.new_zeros(self.saved["x_shape"])
        weight = None if self.weight is None else self.weight.value
        share = share_of_each(grad, index, kept, weight, self.reduction)
        at_true_class = -(grad_output * share).expand(index.shape)
        axis = class_axis(grad)
        return grad.scatter_(axis, index.unsqueeze(axis), at_true_class.unsqueeze(axis)), None

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, 4 * scale, 3).log_softmax(dim=1)
        images = randn(rng, 2 * scale, 3, 2, 2).log_softmax(dim=1)
        target = torch.randint(3, (4 * scale,), generator=rng, device=rng.device)
        pixels = torch.randint(3, (2 * scale, 2, 2), generator=rng, device=rng.device)
        weight = torch.rand(3, generator=rng, device=rng.device) + 0.5

        def reference(m: NLLLoss, x: Tensor, target: Tensor) -> Tensor:
            weight = None if m.weight is None else m.weight.value
            return F.nll_loss(x, target, weight, ignore_index=m.ignore_index, reduction=m.reduction)

        yield Example(cls(), (x, target), reference=reference, label="mean")
        yield Example(cls(weight), (images, pixels), reference=reference, label="weighted mean over pixels")
        yield Example(
            cls(weight, ignore_index=1, reduction="sum"),
            (x, target),
            reference=reference,
            label="class 1 ignored",
        )
        yield Example(cls(reduction="none"), (x, target), reference=reference, label="none")
        yield Example(
            cls(weight, reduction="sum"), (x[0], target[0]), reference=reference, label="a single example"
        )
