"""The sine, whose derivative is the cosine."""

import math
from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.module import Example, Module


class Sin(Module):
    """a = sin x, elementwise. With g = ∂L/∂a (lecture 04): ∂L/∂x = g · cos x."""

    formula = r"a = \sin x"
    source = "Goodfellow, Bengio, Courville: Deep Learning (2016), section 6.5"
    lecture = 4
    counterpart = "torch.sin"
    symbol = "sin"
    local = ("cos(x)",)

    def forward(self, x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        self.save(x=x)
        return torch.sin(x)

    def backward(self, grad_output: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        return grad_output * torch.cos(self.saved["x"])

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, 4 * scale, 3)
        yield Example(cls(), (x,), reference=lambda m, x: torch.cos(x - math.pi / 2))
