"""The input times the hyperbolic tangent of its softplus."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.module import Example, Module


class Mish(Module):
    """a = x t, elementwise, with t = tanh(ln(1 + eˣ)).

    With g = ∂L/∂a (lecture 06): ∂L/∂x = g · (t + x (1 − t²) σ(x)).
    """

    formula = r"a = x \tanh(\ln(1 + e^x))"
    source = "Misra: Mish, a self regularized non-monotonic activation function, BMVC (2020)"
    lecture = 6
    counterpart = "torch.nn.Mish"
    symbol = "mish"
    local = ("t + x·(1 − t²)·σ(x), t = tanh(softplus(x))",)

    def forward(self, x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        self.save(x=x)
        return F.mish(x)

    def backward(self, grad_output: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        x = self.saved["x"]
        t = torch.tanh(F.softplus(x))
        return grad_output * (t + x * (1 - t * t) * torch.sigmoid(x))

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, 4 * scale, 3)
        yield Example(cls(), (x,), reference=lambda m, x: x * torch.tanh(torch.log1p(torch.exp(x))))
