"""The hyperbolic tangent, a zero-centered S-shape."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.module import Example, Module


class Tanh(Module):
    """a = tanh(x) = 2 σ(2x) − 1, elementwise, in (−1, 1).

    With g = ∂L/∂a (lecture 06): ∂L/∂x = g · (1 − a²), at most g.
    """

    formula = r"a = \tanh(x) = 2\,\sigma(2x) - 1"
    source = "LeCun, Bottou, Orr, Müller: Efficient BackProp, Neural Networks: Tricks of the Trade (1998)"
    lecture = 6
    counterpart = "torch.nn.Tanh"
    symbol = "tanh"
    local = ("1 − out²",)

    def forward(self, x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        out = torch.tanh(x)
        self.save(out=out)
        return out

    def backward(self, grad_output: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        out = self.saved["out"]
        return grad_output * (1 - out * out)

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, 4 * scale, 3)
        yield Example(cls(), (x,), reference=lambda m, x: F.tanh(x))
        yield Example(cls(), (5 * x,), reference=lambda m, x: F.tanh(x), label="saturated")
