"""The larger of two inputs: routes the gradient to the one that won."""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.module import Example, Module


class Max(Module):
    """a = max(x, y), elementwise, for two inputs of the same shape.

    With g = ∂L/∂a: ∂L/∂x = g where x > y and 0 where x < y; ∂L/∂y the other way round. Where x = y, each gets
    half of g, as in torch.maximum, so that the whole gradient is handed on exactly once.
    """

    formula = r"a = \max(x, y)"
    source = "Goodfellow, Warde-Farley, Mirza, Courville, Bengio: Maxout networks, ICML (2013)"
    lecture = 3
    counterpart = "torch.maximum"
    symbol = "max"
    local = ("1 if x > y else 0", "1 if y > x else 0")

    def forward(self, x: Float[Tensor, "*shape"], y: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        self.save(x=x, y=y)
        return torch.maximum(x, y)

    def backward(
        self, grad_output: Float[Tensor, "*shape"]
    ) -> tuple[Float[Tensor, "*shape"], Float[Tensor, "*shape"]]:
        x, y = self.saved["x"], self.saved["y"]
        share_of_x = torch.where(x > y, 1.0, torch.where(x < y, 0.0, 0.5)).to(x)
        return grad_output * share_of_x, grad_output * (1 - share_of_x)

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, 4 * scale, 3)
        y = randn(rng, 4 * scale, 3)
        yield Example(cls(), (x, y), reference=lambda m, x, y: torch.maximum(x, y))
