"""The input times its own sigmoid, a gate that opens for itself; also called swish."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.module import Example, Module


class SiLU(Module):
    """a = x σ(x), elementwise.

    With g = ∂L/∂a (lecture 06): ∂L/∂x = g · σ(x) (1 + x (1 − σ(x))).
    """

    formula = r"a = x\,\sigma(x)"
    source = "Elfwing, Uchibe, Doya: Sigmoid-weighted linear units, Neural Networks 107 (2018)"
    lecture = 6
    counterpart = "torch.nn.SiLU"
    symbol = "SiLU"
    local = ("σ(x)·(1 + x·(1 − σ(x)))",)

    def forward(self, x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        self.save(x=x)
        return F.silu(x)

    def backward(self, grad_output: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        x = self.saved["x"]
        sigmoid = torch.sigmoid(x)
        return grad_output * sigmoid * (1 + x * (1 - sigmoid))

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, 4 * scale, 3)
        yield Example(cls(), (x,), reference=lambda m, x: x / (1 + torch.exp(-x)))
