"""The absolute value."""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.module import Example, Module


class Abs(Module):
    """a = |x|, elementwise. With g = ∂L/∂a (lecture 03): ∂L/∂x = g · sign(x), 0 at the kink x = 0."""

    formula = r"a = |x|"
    source = "Goodfellow, Bengio, Courville: Deep Learning (2016), section 6.5"
    lecture = 3
    counterpart = "torch.abs"
    symbol = "|x|"
    local = ("sign(x)",)

    def forward(self, x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        self.save(x=x)
        return x.abs()

    def backward(self, grad_output: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        return grad_output * self.saved["x"].sign()

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, 4 * scale, 3)
        away = x + 0.1 * x.sign()  # finite differences must not step over the kink at 0
        yield Example(cls(), (away,), reference=lambda m, x: torch.maximum(x, -x))
