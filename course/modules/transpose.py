"""Two axes change places."""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.module import Example, Module
from course.modules._axis import axis_of


class Transpose(Module):
    """a = x with the axes `dim0` and `dim1` exchanged.

    With g = ∂L/∂a (lecture 04): ∂L/∂x is g with `dim0` and `dim1` exchanged again.

    Raises:
        RankError: there is no such axis.
    """

    formula = r"a = x^\top"
    source = "Goodfellow, Bengio, Courville: Deep Learning (2016), section 2.1"
    lecture = 4
    counterpart = "torch.transpose"
    symbol = "ᵀ"

    def __init__(self, dim0: int = -2, dim1: int = -1) -> None:
        self.dim0, self.dim1 = dim0, dim1

    def forward(self, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        axes = axis_of(self, x, self.dim0), axis_of(self, x, self.dim1)
        self.save()
        return x.transpose(*axes)

    def backward(self, grad_output: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        return grad_output.transpose(self.dim0, self.dim1)

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, 2 * scale, 3, 2)
        yield Example(cls(), (x,), reference=lambda m, x: torch.einsum("ijk->ikj", x))
        yield Example(cls(0, 1), (x,), reference=lambda m, x: torch.einsum("ijk->jik", x), label="other axes")
