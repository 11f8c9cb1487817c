"""The logistic sigmoid, an S-shaped squashing of any number into (0, 1)."""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.module import Example, Module


class Sigmoid(Module):
    """a = σ(x) = 1 / (1 + e⁻ˣ), elementwise.

    With g = ∂L/∂a (lecture 03): ∂L/∂x = g · (1 − a) · a, at most a quarter of g.
    """

    formula = r"a = \sigma(x) = \frac{1}{1 + e^{-x}}"
    source = (
        "Rumelhart, Hinton, Williams: Learning representations by back-propagating errors, Nature 323 (1986)"
    )
    lecture = 3
    counterpart = "torch.nn.Sigmoid"
    symbol = "σ"
    local = ("(1 − out)·out",)

    def forward(self, x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        out = torch.sigmoid(x)
        self.save(out=out)
        return out

    def backward(self, grad_output: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        out = self.saved["out"]
        return grad_output * (1 - out) * out

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, 4 * scale, 3)
        yield Example(cls(), (x,), reference=lambda m, x: torch.nn.functional.sigmoid(x))
        yield Example(
            cls(), (20 * x,), reference=lambda m, x: torch.nn.functional.sigmoid(x), label="saturated"
        )
