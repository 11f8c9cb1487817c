"""A gated linear unit: one half of the features gates the other half."""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.errors import RankError, SizeError
from course.module import Example, Module
from course.modules._axis import axis_of


class GLU(Module):
    """a = x₁ σ(x₂), where x₁ and x₂ are the two halves of x along the axis `dim`.

    With g = ∂L/∂a (lecture 14) and s = σ(x₂): ∂L/∂x₁ = g s and ∂L/∂x₂ = g x₁ s (1 − s).

    Raises:
        RankError: there is no such axis.
        SizeError: the axis cannot be halved.
    """

    formula = r"a = x_1 \odot \sigma(x_2)"
    source = "Dauphin, Fan, Auli, Grangier: Language modeling with gated convolutional networks, ICML (2017)"
    lecture = 14
    counterpart = "torch.nn.GLU"
    symbol = "GLU"

    def __init__(self, dim: int = -1) -> None:
        self.dim = dim

    def forward(self, x: Float[Tensor, "*shape"]) -> Float[Tensor, "..."]:
        if not x.dim():
            raise RankError(
                f"GLU: argument 'x' has shape (), expected one with an axis to halve, dim={self.dim}"
            )
        if x.shape[axis_of(self, x, self.dim)] % 2:
            even = "expected an even number along axis"
            raise SizeError(f"GLU: argument 'x' has shape {tuple(x.shape)}, {even} {self.dim}")
        value, gate = x.chunk(2, self.dim)
        gate = torch.sigmoid(gate)
        self.save(value=value, gate=gate)
        return value * gate

    def backward(self, grad_output: Float[Tensor, "..."]) -> Float[Tensor, "*shape"]:
        value, gate = self.saved["value"], self.saved["gate"]
        return torch.cat([grad_output * gate, grad_output * value * gate * (1 - gate)], self.dim)

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, 4 * scale, 6)
        yield Example(
            cls(), (x,), reference=lambda m, x: x[:, :3] / (1 + torch.exp(-x[:, 3:])), label="features"
        )
        half = 2 * scale
        yield Example(
            cls(0), (x,), reference=lambda m, x: x[:half] / (1 + torch.exp(-x[half:])), label="rows"
        )
