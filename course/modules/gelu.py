"""The input times the probability that a standard normal number is smaller than it."""

import math
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.module import Example, Module


class GELU(Module):
    """a = x Φ(x), elementwise, Φ the normal distribution function.

    With ``approximate="tanh"``, Φ(x) ≈ ½ (1 + tanh u).

    With g = ∂L/∂a (lecture 06): ∂L/∂x = g · (Φ(x) + x φ(x)), φ(x) = e^(−x²/2) / √(2π) being Φ's derivative.
    Approximated, u = √(2/π) (x + 0.044715 x³) and φ(x) becomes ½ (1 − tanh² u) · √(2/π) (1 + 3 · 0.044715
    x²).

    Raises:
        ValueError: `approximate` is neither "none" nor "tanh".
    """

    formula = r"a = x\,\Phi(x) = \tfrac{x}{2} \left(1 + \operatorname{erf}(x / \sqrt{2})\right)"
    source = "Hendrycks, Gimpel: Gaussian error linear units, arXiv 1606.08415 (2016)"
    lecture = 6
    counterpart = "torch.nn.GELU"
    symbol = "GELU"
    local = ("Φ(x) + x·φ(x)",)

    def __init__(self, approximate: str = "none") -> None:
        if approximate not in ("none", "tanh"):
            raise ValueError(f"GELU: approximate={approximate!r}, expected 'none' or 'tanh'")
        self.approximate = approximate

    def forward(self, x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        self.save(x=x)
        return F.gelu(x, approximate=self.approximate)

    def backward(self, grad_output: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        x = self.saved["x"]
        if self.approximate == "tanh":
            t = torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))
            distribution = (1 + t) / 2
            density = (1 - t * t) / 2 * math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * x * x)
        else:
            distribution = torch.erf(x / math.sqrt(2)).add_(1).mul_(1 / 2)
            density = (x * x).mul_(-1 / 2).exp_().mul_(1 / math.sqrt(2 * math.pi))
        return density.mul_(x).add_(distribution).mul_(grad_output)

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, 4 * scale, 3)
        yield Example(cls(), (x,), reference=lambda m, x: x * torch.special.ndtr(x))
        inner = lambda x: math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)  # noqa: E731
        yield Example(
            cls("tanh"), (x,), reference=lambda m, x: x / 2 * (1 + torch.tanh(inner(x))), label="tanh"
        )
