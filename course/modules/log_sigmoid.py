"""The logarithm of the sigmoid, computed without taking a logarithm of 0."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.module import Example, Module


class LogSigmoid(Module):
    """a = ln σ(x) = −ln(1 + e⁻ˣ), elementwise.

    With g = ∂L/∂a (lecture 07): ∂L/∂x = g · (1 − σ(x)) = g · σ(−x).
    """

    formula = r"a = \ln \sigma(x) = -\ln(1 + e^{-x})"
    source = "Goodfellow, Bengio, Courville: Deep Learning (2016), section 6.2.2.2"
    lecture = 7
    counterpart = "torch.nn.LogSigmoid"
    symbol = "ln σ"
    local = ("1 − σ(x)",)

    def forward(self, x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        self.save(x=x)
        return F.logsigmoid(x)

    def backward(self, grad_output: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        return grad_output * torch.sigmoid(-self.saved["x"])

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, 4 * scale, 3)
        yield Example(cls(), (x,), reference=lambda m, x: -torch.logaddexp(-x, torch.zeros_like(x)))
