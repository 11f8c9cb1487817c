"""A smooth rectifier."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.module import Example, Module


class Softplus(Module):
    """a = ln(1 + e^(βx)) / β, elementwise, computed as x where βx > `threshold`, so that nothing overflows.

    With g = ∂L/∂a (lecture 06): ∂L/∂x = g · σ(βx), and g itself above the threshold.
    """

    formula = r"a = \tfrac{1}{\beta} \ln(1 + e^{\beta x})"
    source = (
        "Dugas, Bengio, Bélisle, Nadeau, Garcia: Incorporating second-order functional knowledge, NIPS (2000)"
    )
    lecture = 6
    counterpart = "torch.nn.Softplus"
    symbol = "softplus"
    local = ("σ(βx)",)

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        self.beta, self.threshold = beta, threshold

    def forward(self, x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        self.save(x=x)
        return F.softplus(x, self.beta, self.threshold)

    def backward(self, grad_output: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        scaled = self.beta * self.saved["x"]
        return torch.where(scaled > self.threshold, grad_output, grad_output * torch.sigmoid(scaled))

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, 4 * scale, 3)
        reference = lambda m, x: torch.logaddexp(m.beta * x, torch.zeros_like(x)) / m.beta  # noqa: E731
        yield Example(cls(), (x,), reference=reference)
        yield Example(cls(beta=2.5), (x,), reference=reference, label="sharper")
        straight = lambda m, x: torch.where(m.beta * x > m.threshold, x, reference(m, x))  # noqa: E731
        yield Example(cls(threshold=0.5), (x,), reference=straight, label="a low threshold")
