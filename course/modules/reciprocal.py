"""The reciprocal of a number."""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.module import Example, Module


class Reciprocal(Module):
    """a = 1/x, elementwise. With g = ∂L/∂a: ∂L/∂x = −g/x² = −g · a²."""

    formula = r"a = 1 / x"
    source = "Goodfellow, Bengio, Courville: Deep Learning (2016), section 6.5"
    lecture = 3
    counterpart = "torch.reciprocal"
    symbol = "1/x"
    local = ("−1/x²",)

    def forward(self, x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        out = torch.reciprocal(x)
        self.save(out=out)
        return out

    def backward(self, grad_output: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        return -grad_output * self.saved["out"] ** 2

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = 1.5 + torch.rand(4 * scale, 3, generator=rng, device=rng.device)
        sign = randn(rng, 4 * scale, 3).sign()
        yield Example(cls(), (sign * x,), reference=lambda m, x: torch.reciprocal(x))
