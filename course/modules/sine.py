"""A sine wave with trainable frequencies."""

import math
from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.module import Example, Module, Parameter


class Sine(Module):
    """a = sin(ω ⊙ x), one frequency ω_f = `frequency` for each feature, the last axis of x.

    With g = ∂L/∂a (lecture 08): ∂L/∂x = g ω cos(ω x) and ∂L/∂ω_f = Σ g x cos(ω x) over all rows.
    """

    formula = r"a = \sin(\omega \odot x)"
    source = (
        "Sitzmann et al.: Implicit neural representations with periodic activation functions, NeurIPS (2020)"
    )
    lecture = 8
    symbol = "sin"

    def __init__(self, features: int, *, rng: Generator | None = None) -> None:
        self.features = features
        self.frequency = Parameter.uniform((features,), math.pi, rng)

    def forward(self, x: Float[Tensor, "*batch features"]) -> Float[Tensor, "*batch features"]:
        self.save(x=x)
        return torch.sin(self.frequency.value * x)

    def backward(self, grad_output: Float[Tensor, "*batch features"]) -> Float[Tensor, "*batch features"]:
        x, frequency = self.saved["x"], self.frequency.value
        slope = grad_output * torch.cos(frequency * x)
        self.frequency.grad += (slope * x).sum_to_size(frequency.shape)
        return slope * frequency

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, 4 * scale, 3)
        reference = lambda m, x: torch.cos(m.frequency.value * x - math.pi / 2)  # noqa: E731
        yield Example(cls(3, rng=rng), (x,), reference=reference)
