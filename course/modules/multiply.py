"""Multiplication: scales the gradient for each input by the other input."""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.module import Example, Module


class Multiply(Module):
    """a = x · y, elementwise; shapes broadcast as torch's do.

    With g = ∂L/∂a: ∂L/∂x = g · y and ∂L/∂y = g · x, summed over the axes along which that input was
    broadcast.
    """

    formula = r"a = x \cdot y"
    source = (
        "Rumelhart, Hinton, Williams: Learning representations by back-propagating errors, Nature 323 (1986)"
    )
    lecture = 3
    counterpart = "torch.mul"
    symbol = "×"
    local = ("y", "x")

    def forward(self, x: Float[Tensor, "*#shape"], y: Float[Tensor, "*#shape"]) -> Float[Tensor, "*shape"]:
        self.save(x=x, y=y)
        return x * y

    def backward(
        self, grad_output: Float[Tensor, "*shape"]
    ) -> tuple[Float[Tensor, "*x_shape"], Float[Tensor, "*y_shape"]]:
        x, y = self.saved["x"], self.saved["y"]
        return (grad_output * y).sum_to_size(x.shape), (grad_output * x).sum_to_size(y.shape)

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, 4 * scale, 3)
        y = randn(rng, 4 * scale, 3)
        yield Example(cls(), (x, y), reference=lambda m, x, y: torch.mul(x, y), label="same shape")
        yield Example(
            cls(), (x, y[0]), reference=lambda m, x, y: torch.mul(x, y), label="a row for every example"
        )
        yield Example(cls(), (x[0, 0], y), reference=lambda m, x, y: torch.mul(x, y), label="a scalar")
