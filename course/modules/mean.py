"""An average: every term gets an equal share of the gradient."""

import math
from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.module import Example
from course.modules._axis import _OverAxes, kept_shape, reduced_axes


class Mean(_OverAxes):
    """a = (1/n) Σ x, over all axes or over those in `dim`, n being how many numbers are averaged.

    With g = ∂L/∂a (lecture 07): ∂L/∂x = g / n for every term.
    """

    formula = r"a = \frac{1}{n} \sum_i x_i"
    source = "Goodfellow, Bengio, Courville: Deep Learning (2016), section 6.5"
    lecture = 7
    counterpart = "torch.mean"
    symbol = "mean"

    def forward(self, x: Float[Tensor, "*shape"]) -> Float[Tensor, "..."]:
        axes = reduced_axes(self, x, self.dim)
        self.save(shape=x.shape, axes=axes)
        return x.mean(dim=axes, keepdim=self.keepdim)

    def backward(self, grad_output: Float[Tensor, "..."]) -> Float[Tensor, "*shape"]:
        shape, axes = self.saved["shape"], self.saved["axes"]
        averaged = math.prod(shape[axis] for axis in axes if shape)
        return (grad_output / averaged).reshape(kept_shape(shape, axes)).expand(shape)

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, 4 * scale, 3, 2)
        yield Example(
            cls(), (x,), reference=lambda m, x: torch.einsum("ijk->", x) / x.numel(), label="everything"
        )
        yield Example(cls(1), (x,), reference=lambda m, x: torch.einsum("ijk->ik", x) / 3, label="one axis")
        kept = lambda m, x: torch.einsum("ijk->i", x)[:, None, None] / 6  # noqa: E731
        yield Example(cls((1, 2), keepdim=True), (x,), reference=kept, label="two axes kept")
