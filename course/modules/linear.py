"""Linear map: each output feature is a weighted sum of all input features."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor

from course.module import Example, Module, Parameter


class Linear(Module):
    """Y = X Wᵀ + b, applied to every row of X; `weight` is W (out_features × in_features), `bias` is b.

    With G = ∂L/∂Y (lecture 05):
        ∂L/∂X = G W    ∂L/∂W = Gᵀ X    ∂L/∂b = Σ_rows G
    """

    formula = r"Y = X W^\top + b"
    source = "Goodfellow, Bengio, Courville: Deep Learning (2016), chapter 6"

    def __init__(self, in_features: int, out_features: int, *, rng: Generator | None = None) -> None:
        bound = in_features**-0.5  # torch.nn.Linear's initial range
        self.weight = Parameter.uniform((out_features, in_features), bound, rng)
        self.bias = Parameter.uniform((out_features,), bound, rng)

    def extra_repr(self) -> str:
        out_features, in_features = self.weight.value.shape
        return f"in_features={in_features}, out_features={out_features}"

    def forward(self, x: Float[Tensor, "batch in_features"]) -> Float[Tensor, "batch out_features"]:
        self.save(x=x)
        return torch.addmm(self.bias.value, x, self.weight.value.T)

    def backward(self, grad_output: Float[Tensor, "batch out_features"]) -> Float[Tensor, "batch in_features"]:
        self.weight.grad += grad_output.T @ self.saved["x"]
        self.bias.grad += grad_output.sum(dim=0)
        return grad_output @ self.weight.value

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = torch.randn(5 * scale, 3, generator=rng, device=rng.device)
        yield Example(cls(3, 2, rng=rng), (x,), reference=lambda m, x: F.linear(x, m.weight.value, m.bias.value))
        yield Example(
            cls(3, 1, rng=rng), (x[:1],), reference=lambda m, x: F.linear(x, m.weight.value, m.bias.value), label="one row"
        )
