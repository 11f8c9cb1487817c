"""A rectifier that lets a little of the negative side through, so that no unit dies."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.module import Example, Module


class LeakyReLU(Module):
    """a = x where x > 0, else β x, elementwise, with a fixed factor β = `negative_slope`.

    With g = ∂L/∂a (lecture 06): ∂L/∂x = g where x > 0, else β g.
    """

    formula = r"a = \max(0, x) + \beta \min(0, x)"
    source = "Maas, Hannun, Ng: Rectifier nonlinearities improve neural network acoustic models, ICML (2013)"
    lecture = 6
    counterpart = "torch.nn.LeakyReLU"
    symbol = "leaky"
    local = ("1 if x > 0 else β",)

    def __init__(self, negative_slope: float = 0.01) -> None:
        self.negative_slope = negative_slope

    def forward(self, x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        self.save(x=x)
        return F.leaky_relu(x, self.negative_slope)

    def backward(self, grad_output: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        return torch.where(self.saved["x"] > 0, grad_output, self.negative_slope * grad_output)

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, 4 * scale, 3)
        away = x + 0.1 * x.sign()  # finite differences must not step over the kink at 0
        reference = lambda m, x: x.clamp(min=0) + m.negative_slope * x.clamp(max=0)  # noqa: E731
        yield Example(cls(), (away,), reference=reference)
        yield Example(cls(0.3), (away,), reference=reference, label="steeper")
        yield Example(cls(-0.5), (away,), reference=reference, label="negative slope below zero")
