"""The natural logarithm."""

import math
from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from course.module import Example, Module


class Log(Module):
    """a = ln x, elementwise. With g = ∂L/∂a (lecture 03): ∂L/∂x = g / x."""

    formula = r"a = \ln x"
    source = "Goodfellow, Bengio, Courville: Deep Learning (2016), section 6.5"
    lecture = 3
    counterpart = "torch.log"
    symbol = "ln"
    local = ("1/x",)

    def forward(self, x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        self.save(x=x)
        return torch.log(x)

    def backward(self, grad_output: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        return grad_output / self.saved["x"]

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = 0.5 + torch.rand(4 * scale, 3, generator=rng, device=rng.device)
        yield Example(cls(), (x,), reference=lambda m, x: torch.log2(x) * math.log(2))
