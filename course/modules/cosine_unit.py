"""A wave with a trainable frequency: the smallest module that has a parameter."""

import math
from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.module import Example, Module, Parameter


class CosineUnit(Module):
    """a = cos(θx) + π, elementwise, with one parameter `theta` (a scalar) for all of x.

    With g = ∂L/∂a (lecture 05): ∂L/∂x = −g · θ sin(θx) and ∂L/∂θ = Σ −g · x sin(θx), summed over all elements
    of x.
    """

    formula = r"a = \cos(\theta x) + \pi"
    source = (
        "Lecture 05; Goodfellow, Bengio, Courville: Deep Learning (2016), section 6.5, for the chain "
        "rule it uses"
    )
    lecture = 5
    symbol = "cos"
    local = ("−θ·sin(θx)",)

    def __init__(self, *, rng: Generator | None = None) -> None:
        self.theta = Parameter.uniform((), 1.0, rng)

    def forward(self, x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        self.save(x=x)
        return torch.cos(self.theta.value * x) + math.pi

    def backward(self, grad_output: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        x, theta = self.saved["x"], self.theta.value
        slope = -torch.sin(theta * x)
        self.theta.grad += (grad_output * slope * x).sum()
        return grad_output * slope * theta

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, 4 * scale, 3)
        yield Example(
            cls(rng=rng), (x,), reference=lambda m, x: torch.cos(torch.mul(m.theta.value, x)).add(torch.pi)
        )
