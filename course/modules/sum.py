"""A sum: every term gets the whole gradient."""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.module import Example
from course.modules._axis import _OverAxes, kept_shape, reduced_axes


class Sum(_OverAxes):
    """a = Σ x, over all axes or over those in `dim`; with keepdim=True these stay, with length 1.

    With g = ∂L/∂a (lecture 03): ∂L/∂x = g for every term, so g is spread over the axes that were summed.
    """

    formula = r"a = \sum_i x_i"
    source = "Goodfellow, Bengio, Courville: Deep Learning (2016), section 6.5"
    lecture = 3
    counterpart = "torch.sum"
    symbol = "Σ"

    def forward(self, x: Float[Tensor, "*shape"]) -> Float[Tensor, "..."]:
        axes = reduced_axes(self, x, self.dim)
        self.save(shape=x.shape, axes=axes)
        return x.sum(dim=axes, keepdim=self.keepdim)

    def backward(self, grad_output: Float[Tensor, "..."]) -> Float[Tensor, "*shape"]:
        shape, axes = self.saved["shape"], self.saved["axes"]
        return grad_output.reshape(kept_shape(shape, axes)).expand(shape)

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, 4 * scale, 3, 2)
        yield Example(cls(), (x,), reference=lambda m, x: torch.einsum("ijk->", x), label="everything")
        yield Example(cls(1), (x,), reference=lambda m, x: torch.einsum("ijk->ik", x), label="one axis")
        yield Example(cls((0, -1)), (x,), reference=lambda m, x: torch.einsum("ijk->j", x), label="two axes")
        kept = lambda m, x: torch.einsum("ijk->ij", x)[..., None]  # noqa: E731
        yield Example(cls(-1, keepdim=True), (x,), reference=kept, label="an axis kept")
