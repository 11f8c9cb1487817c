"""Negation: turns the sign of the gradient."""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.module import Example, Module


class Negate(Module):
    """a = −x, elementwise. With g = ∂L/∂a: ∂L/∂x = −g."""

    formula = r"a = -x"
    source = (
        "Rumelhart, Hinton, Williams: Learning representations by back-propagating errors, Nature 323 (1986)"
    )
    lecture = 3
    counterpart = "torch.neg"
    symbol = "×−1"
    local = ("−1",)

    def forward(self, x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        self.save()
        return -x

    def backward(self, grad_output: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        return -grad_output

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, 4 * scale, 3)
        yield Example(cls(), (x,), reference=lambda m, x: torch.neg(x))
