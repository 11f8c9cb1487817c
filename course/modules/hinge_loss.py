"""Hinge loss: nothing for answers that are right by a margin, a straight line for all others."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.module import Example
from course.modules._loss import _Loss
from course.modules._reduction import grad_of_losses, reduce


class HingeLoss(_Loss):
    """L_i = max(0, 1 − y_i x_i) for every element: x holds scores, target y the labels −1 and 1.

    The mean of all L_i by default, with `reduction` their sum ("sum") or each by itself ("none").

    With g_i = ∂L/∂L_i, which is g/n for a mean over n elements (lecture 07):
        ∂L/∂x_i = −g_i y_i and ∂L/∂y_i = −g_i x_i where y_i x_i < 1, and 0 elsewhere, as of a ReLU at its kink
    """

    formula = r"L_i = \max(0, 1 - y_i x_i)"
    source = "Cortes, Vapnik: Support-vector networks, Machine Learning 20 (1995)"
    lecture = 7

    def forward(
        self, x: Float[Tensor, "*shape"], target: Float[Tensor, "*shape"]
    ) -> Float[Tensor, "*shape"] | Float[Tensor, ""]:
        margin = torch.relu(1 - target * x)
        self.save(x=x, target=target)
        return reduce(margin, self.reduction)

    def backward(
        self, grad_output: Float[Tensor, "*loss_shape"]
    ) -> tuple[Float[Tensor, "*shape"], Float[Tensor, "*shape"]]:
        x, target = self.saved["x"], self.saved["target"]
        grad_margin = -grad_of_losses(grad_output, self.reduction, x.numel()) * (target * x < 1)
        return grad_margin * target, grad_margin * x

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        target = randn(rng, 4 * scale, 3).sign()
        beyond = 2 * randn(rng, 4 * scale, 3)
        x = target * (1 + beyond + 0.1 * beyond.sign())  # away from the kink at y x = 1
        each = lambda m, x, target: F.relu(1 - target * x)  # noqa: E731
        yield Example(cls(), (x, target), reference=lambda m, x, y: each(m, x, y).mean(), label="mean")
        yield Example(cls("sum"), (x, target), reference=lambda m, x, y: each(m, x, y).sum(), label="sum")
        yield Example(cls("none"), (x, target), reference=each, label="none")
        target = target * (0.5 + 1.5 * torch.rand(4 * scale, 3, generator=rng, device=rng.device))
        x = (1 + beyond + 0.1 * beyond.sign()) / target
        yield Example(
            cls(), (x, target), reference=lambda m, x, y: each(m, x, y).mean(), label="labels of any size"
        )
