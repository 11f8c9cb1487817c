"""Concatenation: puts inputs side by side, and cuts the gradient at the seams."""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.errors import InputCountError, RankError, SizeError
from course.module import Example, Module


class Concatenate(Module):
    """a = [x₀, x₁, …] along the axis `dim`; the inputs agree in all other axes.

    With g = ∂L/∂a (lecture 02): ∂L/∂x_i is the part of g where x_i stands.

    Raises:
        InputCountError: nothing to concatenate.
        RankError: the inputs differ in how many axes they have, or have no such axis.
        SizeError: the inputs differ in another axis.
    """

    formula = r"a = [x_0, x_1, \dots]"
    source = "Goodfellow, Bengio, Courville: Deep Learning (2016), section 6.5"
    lecture = 2
    counterpart = "torch.cat"
    symbol = "[ , ]"

    def __init__(self, dim: int = 0) -> None:
        self.dim = dim

    def forward(self, *inputs: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        if not inputs:
            raise InputCountError("Concatenate: no inputs, expected at least one")
        for position, x in enumerate(inputs):
            shapes = f"input {position} has shape {tuple(x.shape)}, input 0 {tuple(inputs[0].shape)}"
            if x.dim() != inputs[0].dim() or not -x.dim() <= self.dim < x.dim():
                raise RankError(f"Concatenate: {shapes}, expected as many axes, axis {self.dim} among them")
            rest, first = list(x.shape), list(inputs[0].shape)
            del rest[self.dim], first[self.dim]
            if rest != first:
                raise SizeError(f"Concatenate: {shapes}, expected the same but for axis {self.dim}")
        self.save(sizes=[x.shape[self.dim] for x in inputs])
        return torch.cat(inputs, self.dim)

    def backward(self, grad_output: Float[Tensor, "..."]) -> tuple[Tensor, ...] | Tensor:
        parts = list(grad_output.split(self.saved["sizes"], self.dim))
        return tuple(parts) if len(parts) > 1 else parts[0]

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, 4 * scale, 3)
        y = randn(rng, 4 * scale, 2)
        yield Example(cls(1), (x, y), reference=lambda m, *inputs: torch.hstack(inputs), label="features")
        yield Example(
            cls(), (x, x + 1, x[:1]), reference=lambda m, *inputs: torch.vstack(inputs), label="rows of three"
        )
        yield Example(cls(-1), (x,), reference=lambda m, x: x.clone(), label="one alone")
