"""The exponential function, which is its own derivative."""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.module import Example, Module


class Exp(Module):
    """a = eˣ, elementwise. With g = ∂L/∂a: ∂L/∂x = g · eˣ = g · a, so that backward needs the output."""

    formula = r"a = e^x"
    source = "Goodfellow, Bengio, Courville: Deep Learning (2016), section 6.5"
    lecture = 3
    counterpart = "torch.exp"
    symbol = "exp"
    local = ("out",)

    def forward(self, x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        out = torch.exp(x)
        self.save(out=out)
        return out

    def backward(self, grad_output: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        return grad_output * self.saved["out"]

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, 4 * scale, 3)
        yield Example(cls(), (x,), reference=lambda m, x: torch.exp(x))
