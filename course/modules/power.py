"""A number raised to a fixed power."""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.module import Example, Module


class Power(Module):
    """a = xⁿ, elementwise, with a fixed number n = `exponent`, which need not be whole.

    With g = ∂L/∂a (lecture 03): ∂L/∂x = g · n xⁿ⁻¹; a constant (n = 0) has gradient 0, also at x = 0.
    """

    formula = r"a = x^n"
    source = "Goodfellow, Bengio, Courville: Deep Learning (2016), section 6.5"
    lecture = 3
    counterpart = "torch.pow"
    symbol = "xⁿ"
    local = ("n·xⁿ⁻¹",)

    def __init__(self, exponent: float) -> None:
        self.exponent = exponent

    def forward(self, x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        self.save(x=x)
        return torch.pow(x, self.exponent)

    def backward(self, grad_output: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        if self.exponent == 0:
            return torch.zeros_like(grad_output)
        return grad_output * self.exponent * torch.pow(self.saved["x"], self.exponent - 1)

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, 4 * scale, 3)
        yield Example(cls(3), (x,), reference=lambda m, x: x * x * x, label="cube")
        positive = 0.5 + x.abs()
        reference = lambda m, x: torch.exp(m.exponent * torch.log(x))  # noqa: E731
        yield Example(cls(-1.5), (positive,), reference=reference, label="any number")
        yield Example(cls(0), (x,), reference=lambda m, x: 0 * x + 1, label="constant")
        yield Example(cls(1), (x,), reference=lambda m, x: x.clone(), label="the number itself")
