"""The square root."""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from course.module import Example, Module


class Sqrt(Module):
    """a = √x, elementwise. With g = ∂L/∂a (lecture 03): ∂L/∂x = g / 2√x = g / 2a, infinite at x = 0."""

    formula = r"a = \sqrt{x}"
    source = "Goodfellow, Bengio, Courville: Deep Learning (2016), section 6.5"
    lecture = 3
    counterpart = "torch.sqrt"
    symbol = "√"
    local = ("1/(2·out)",)

    def forward(self, x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        out = torch.sqrt(x)
        self.save(out=out)
        return out

    def backward(self, grad_output: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        return grad_output / (2 * self.saved["out"])

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = 0.5 + torch.rand(4 * scale, 3, generator=rng, device=rng.device)
        yield Example(cls(), (x,), reference=lambda m, x: x**0.5)
