"""Fan-out: one value for several readers, whose gradients add up."""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.module import Example, Module


class Copy(Module):
    """a₁ = x, a₂ = x, …: the same value for each of `copies` readers.

    With g_i = ∂L/∂a_i: ∂L/∂x = Σ_i g_i, since x acts on the loss along every path. A Graph sums by itself
    wherever a value is read more than once; this module makes the summing visible.

    Raises:
        ValueError: fewer than one copy is asked for.
    """

    formula = r"a_1 = \dots = a_n = x"
    source = "Goodfellow, Bengio, Courville: Deep Learning (2016), section 6.5"
    lecture = 3
    symbol = "copy"

    def __init__(self, copies: int = 2) -> None:
        if copies < 1:
            raise ValueError(f"Copy makes at least one copy, not {copies}")
        self.copies = copies

    def forward(self, x: Float[Tensor, "*shape"]) -> tuple[Float[Tensor, "*shape"], ...]:
        self.save()
        return (x,) * self.copies

    def backward(self, *grad_outputs: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        return torch.stack(grad_outputs).sum(dim=0)

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, 4 * scale, 3)
        yield Example(cls(), (x,), reference=lambda m, x: (x.clone(), x.clone()), label="two readers")
        yield Example(
            cls(3), (x,), reference=lambda m, x: (x.clone(), x.clone(), x.clone()), label="three readers"
        )
