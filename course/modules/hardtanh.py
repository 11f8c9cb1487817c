"""A straight line cut off at both ends."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.module import Example, Module
from course.modules._precision import at_least_float32


class Hardtanh(Module):
    """a = x between `min_val` and `max_val`, and the nearer of the two outside.

    With g = ∂L/∂a (lecture 06): ∂L/∂x = g strictly between the two, else 0.

    Raises:
        ValueError: min_val is not below max_val.
    """

    formula = r"a = \min(\max(x, m), M)"
    source = "Collobert: Large scale machine learning, PhD thesis, Université Paris 6 (2004)"
    lecture = 6
    counterpart = "torch.nn.Hardtanh"
    symbol = "hardtanh"
    local = ("1 if m < x < M else 0",)

    def __init__(
        self, min_val: float = -1.0, max_val: float = 1.0, min_value: None = None, max_value: None = None
    ) -> None:
        if min_value is not None or max_value is not None:
            raise ValueError(
                "Hardtanh: min_value and max_value are torch's old names: write min_val and max_val"
            )
        if min_val >= max_val:
            raise ValueError(f"Hardtanh: min_val={min_val} must be below max_val={max_val}")
        self.min_val, self.max_val = min_val, max_val

    def forward(self, x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        self.save(x=x)
        return x.clamp(self.min_val, self.max_val)

    def backward(self, grad_output: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        x = at_least_float32(self.saved["x"])  # a shorter dtype would round the two ends
        return torch.where((x <= self.min_val) | (x >= self.max_val), 0.0, grad_output)

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = 0.4 * randn(rng, 4 * scale, 3).clamp(-2, 2)
        outside = torch.cat([x, 2 + x, x - 2])
        yield Example(cls(), (outside,), reference=lambda m, x: F.hardtanh(x))
        yield Example(
            cls(-0.95, 1.3), (x,), reference=lambda m, x: F.hardtanh(x, -0.95, 1.3), label="other ends"
        )
