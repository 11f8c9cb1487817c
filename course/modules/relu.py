"""The rectifier: lets positive numbers through and stops the others."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.module import Example, Module


class ReLU(Module):
    """a = max(0, x), elementwise.

    With g = ∂L/∂a (lecture 06): ∂L/∂x = g where x > 0, else 0; at the kink x = 0 the gradient is 0, as in
    torch.
    """

    formula = r"a = \max(0, x)"
    source = "Nair, Hinton: Rectified linear units improve restricted Boltzmann machines, ICML (2010)"
    lecture = 6
    counterpart = "torch.nn.ReLU"
    symbol = "ReLU"
    local = ("1 if x > 0 else 0",)

    def forward(self, x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        out = torch.relu(x)
        # x > 0 exactly where out > 0, and the next module saves out as its input: no memory of our own
        self.save(out=out)
        return out

    def backward(self, grad_output: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        return torch.where(self.saved["out"] <= 0, 0.0, grad_output)  # a product with 0 would turn ∞ into NaN

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, 4 * scale, 3)
        away = x + 0.1 * x.sign()  # finite differences must not step over the kink at 0
        yield Example(cls(), (away,), reference=lambda m, x: F.relu(x))
        yield Example(cls(), (away.T,), reference=lambda m, x: F.relu(x), label="transposed")
