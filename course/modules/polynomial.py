"""A polynomial with trainable coefficients."""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.module import Example, Module, Parameter


class Polynomial(Module):
    """a = Σ_k c_k xᵏ for k = 0 … degree, elementwise; `weight` holds c_0 … c_degree.

    With g = ∂L/∂a (lecture 08): ∂L/∂x = g Σ_k k c_k xᵏ⁻¹ and ∂L/∂c_k = Σ g xᵏ, over all elements of x.

    Raises:
        ValueError: a degree below 0.
    """

    formula = r"a = \sum_{k=0}^{n} c_k x^k"
    source = "Bishop: Pattern Recognition and Machine Learning (2006), section 1.1"
    lecture = 8
    symbol = "Σ cₖxᵏ"
    local = ("Σ k·cₖ·xᵏ⁻¹",)

    def __init__(self, degree: int, *, rng: Generator | None = None) -> None:
        if degree < 0:
            raise ValueError(f"Polynomial: degree={degree}, expected at least 0")
        self.degree = degree
        self.weight = Parameter.uniform((degree + 1,), 1.0, rng)

    def forward(self, x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        self.save(x=x)
        return horner(self.weight.value, x)

    def backward(self, grad_output: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        x, orders = self.saved["x"], torch.arange(self.degree + 1, device=grad_output.device)
        self.weight.grad += torch.stack([(grad_output * x**k).sum() for k in range(self.degree + 1)])
        return grad_output * horner((orders * self.weight.value)[1:], x)

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, 4 * scale, 3)
        reference = lambda m, x: sum(c * x**k for k, c in enumerate(m.weight.value))  # noqa: E731
        yield Example(cls(3, rng=rng), (x,), reference=reference)
        yield Example(cls(1, rng=rng), (x,), reference=reference, label="a line")


def horner(coefficients: Tensor, x: Tensor) -> Tensor:
    """c_0 + x (c_1 + x (c_2 + …)): no powers, and n products."""
    total = torch.zeros_like(x)
    for coefficient in reversed(coefficients.unbind()):
        total = total * x + coefficient
    return total
