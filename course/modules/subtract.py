"""Subtraction: hands the gradient on to its first input, and its negative to the second."""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.module import Example, Module


class Subtract(Module):
    """a = x − y, elementwise; shapes broadcast as torch's do.

    With g = ∂L/∂a: ∂L/∂x = g and ∂L/∂y = −g, summed over the axes along which that input was broadcast.
    """

    formula = r"a = x - y"
    source = (
        "Rumelhart, Hinton, Williams: Learning representations by back-propagating errors, Nature 323 (1986)"
    )
    lecture = 3
    counterpart = "torch.sub"
    symbol = "−"
    local = ("1", "−1")

    def forward(self, x: Float[Tensor, "*#shape"], y: Float[Tensor, "*#shape"]) -> Float[Tensor, "*shape"]:
        self.save(x_shape=x.shape, y_shape=y.shape)
        return x - y

    def backward(
        self, grad_output: Float[Tensor, "*shape"]
    ) -> tuple[Float[Tensor, "*x_shape"], Float[Tensor, "*y_shape"]]:
        return grad_output.sum_to_size(self.saved["x_shape"]), (-grad_output).sum_to_size(
            self.saved["y_shape"]
        )

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, 4 * scale, 3)
        y = randn(rng, 4 * scale, 3)
        yield Example(cls(), (x, y), reference=lambda m, x, y: torch.sub(x, y), label="same shape")
        yield Example(
            cls(),
            (x, y[:, :1]),
            reference=lambda m, x, y: torch.sub(x, y),
            label="a column for every feature",
        )
        yield Example(
            cls(), (x[0], y), reference=lambda m, x, y: torch.sub(x, y), label="every example from one row"
        )
