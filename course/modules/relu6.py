"""A rectifier cut off at 6, which fits low-precision numbers."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.module import Example, Module


class ReLU6(Module):
    """a = min(max(0, x), 6), elementwise.

    With g = ∂L/∂a (lecture 06): ∂L/∂x = g where 0 < x < 6, else 0.
    """

    formula = r"a = \min(\max(0, x), 6)"
    source = "Krizhevsky: Convolutional deep belief networks on CIFAR-10, unpublished manuscript (2010)"
    lecture = 6
    counterpart = "torch.nn.ReLU6"
    symbol = "ReLU6"
    local = ("1 if 0 < x < 6 else 0",)

    def forward(self, x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        out = x.clamp(0, 6)
        self.save(out=out)
        return out

    def backward(self, grad_output: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        out = self.saved["out"]
        return torch.where((out <= 0) | (out >= 6), 0.0, grad_output)

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, 4 * scale, 3)
        away = x + 0.1 * x.sign()  # finite differences must not step over the kinks at 0 and 6
        yield Example(cls(), (torch.cat([away, 6 + away]),), reference=lambda m, x: F.relu6(x))
