"""A squashing that saturates slowly, like 1/|x|."""

from collections.abc import Iterator

import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.module import Example, Module


class Softsign(Module):
    """a = x / (1 + |x|), elementwise, in (−1, 1).

    With g = ∂L/∂a (lecture 06): ∂L/∂x = g / (1 + |x|)².
    """

    formula = r"a = \frac{x}{1 + |x|}"
    source = (
        "Glorot, Bengio: Understanding the difficulty of training deep feedforward neural networks, "
        "AISTATS (2010)"
    )
    lecture = 6
    counterpart = "torch.nn.Softsign"
    symbol = "softsign"
    local = ("1/(1 + |x|)²",)

    def forward(self, x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        denominator = 1 + x.abs()
        self.save(denominator=denominator)
        return x / denominator

    def backward(self, grad_output: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        return grad_output / self.saved["denominator"].square()

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, 4 * scale, 3)
        yield Example(cls(), (x,), reference=lambda m, x: F.softsign(x))
