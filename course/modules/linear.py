"""Linear map: each output feature is a weighted sum of all input features."""

from collections.abc import Iterator

import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.module import Example, Module, Parameter


class Linear(Module):
    """Y = X Wᵀ + b, applied to every row of X.

    `weight` is W (out_features × in_features), `bias` is b (None with bias=False).

    With G = ∂L/∂Y (lecture 05), the rows of all leading axes taken together:
        ∂L/∂X = G W    ∂L/∂W = Gᵀ X    ∂L/∂b = Σ_rows G
    """

    formula = r"Y = X W^\top + b"
    source = "Goodfellow, Bengio, Courville: Deep Learning (2016), chapter 6"
    lecture = 5
    counterpart = "torch.nn.Linear"

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, *, rng: Generator | None = None
    ) -> None:
        self.in_features, self.out_features = in_features, out_features
        bound = in_features**-0.5 if in_features > 0 else 0.0  # torch.nn.Linear's initial range
        self.weight = Parameter.uniform((out_features, in_features), bound, rng)
        self.bias = Parameter.uniform((out_features,), bound, rng) if bias else None

    def forward(self, x: Float[Tensor, "*batch in_features"]) -> Float[Tensor, "*batch out_features"]:
        self.save(x=x)
        return F.linear(x, self.weight.value, None if self.bias is None else self.bias.value)

    def backward(
        self, grad_output: Float[Tensor, "*batch out_features"]
    ) -> Float[Tensor, "*batch in_features"]:
        rows, grad_rows = (
            self.saved["x"].reshape(-1, self.in_features),
            grad_output.reshape(-1, self.out_features),
        )
        self.weight.add_product(grad_rows.T, rows)
        if self.bias is not None:
            self.bias.grad += grad_rows.sum(dim=0)
        return grad_output @ self.weight.value

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, 5 * scale, 3)
        with_bias = lambda m, x: x @ m.weight.value.T + m.bias.value  # noqa: E731
        yield Example(cls(3, 2, rng=rng), (x,), reference=with_bias)
        yield Example(cls(3, 1, rng=rng), (x[:1],), reference=with_bias, label="one row")
        yield Example(
            cls(3, 2, rng=rng), (x.view(scale, 5, 3),), reference=with_bias, label="a batch of sequences"
        )
        yield Example(
            cls(3, 2, bias=False, rng=rng), (x,), reference=lambda m, x: x @ m.weight.value.T, label="no bias"
        )
