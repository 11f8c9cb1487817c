"""A rectifier with a smooth, bounded negative side."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.module import Example, Module


class ELU(Module):
    """a = x where x > 0, else α (eˣ − 1), elementwise.

    With g = ∂L/∂a (lecture 06): ∂L/∂x = g where x > 0, else g · α eˣ.
    """

    formula = r"a = x \text{ if } x > 0, \text{ else } \alpha (e^x - 1)"
    source = (
        "Clevert, Unterthiner, Hochreiter: Fast and accurate deep network learning by exponential linear "
        "units, ICLR (2016)"
    )
    lecture = 6
    counterpart = "torch.nn.ELU"
    symbol = "ELU"
    local = ("1 if x > 0 else α·eˣ",)

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = alpha

    def forward(self, x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        self.save(x=x)
        return F.elu(x, self.alpha)

    def backward(self, grad_output: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        x = self.saved["x"]
        return torch.where(x > 0, grad_output, grad_output * self.alpha * x.exp())

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, 4 * scale, 3)
        away = x + 0.1 * x.sign()  # finite differences must not step over the kink at 0
        reference = lambda m, x: x.clamp(min=0) + m.alpha * torch.expm1(x.clamp(max=0))  # noqa: E731
        yield Example(cls(), (away,), reference=reference)
        yield Example(cls(alpha=0.5), (away,), reference=reference, label="lower")
