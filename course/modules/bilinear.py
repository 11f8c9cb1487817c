"""A bilinear map: each output weighs all products of a feature of one input with a feature of the other."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.module import Example, Module, Parameter


class Bilinear(Module):
    """a_o = Σ_{i,j} x1_i W[o, i, j] x2_j + b_o, for every row of x1 and x2; `weight` is out × in1 × in2.

    With g = ∂L/∂a (lecture 14), summed over the rows for the parameters:
        ∂L/∂x1_i = Σ_{o,j} g_o W[o, i, j] x2_j    ∂L/∂x2_j = Σ_{o,i} g_o W[o, i, j] x1_i
        ∂L/∂W[o, i, j] = Σ_rows g_o x1_i x2_j     ∂L/∂b_o = Σ_rows g_o
    """

    formula = r"a_o = x_1^\top W_o\, x_2 + b_o"
    source = (
        "Tenenbaum, Freeman: Separating style and content with bilinear models, Neural Computation 12 (2000)"
    )
    lecture = 14
    counterpart = "torch.nn.Bilinear"

    def __init__(
        self,
        in1_features: int,
        in2_features: int,
        out_features: int,
        bias: bool = True,
        *,
        rng: Generator | None = None,
    ) -> None:
        if in1_features < 1:
            raise ValueError(f"Bilinear: in1_features={in1_features}, expected at least 1")
        self.in1_features, self.in2_features, self.out_features = in1_features, in2_features, out_features
        bound = in1_features**-0.5  # torch.nn.Bilinear's initial range
        self.weight = Parameter.uniform((out_features, in1_features, in2_features), bound, rng)
        self.bias = Parameter.uniform((out_features,), bound, rng) if bias else None

    def forward(
        self, x1: Float[Tensor, "*batch in1_features"], x2: Float[Tensor, "*batch in2_features"]
    ) -> Float[Tensor, "*batch out_features"]:
        self.save(x1=x1, x2=x2)
        return F.bilinear(x1, x2, self.weight.value, None if self.bias is None else self.bias.value)

    def backward(
        self, grad_output: Float[Tensor, "*batch out_features"]
    ) -> tuple[Float[Tensor, "*batch in1_features"], Float[Tensor, "*batch in2_features"]]:
        x1, x2, weight = self.saved["x1"], self.saved["x2"], self.weight.value
        rows1, rows2, grad = (t.reshape(-1, t.shape[-1]) for t in (x1, x2, grad_output))
        self.weight.grad += torch.einsum("no,ni,nj->oij", grad, rows1, rows2)
        if self.bias is not None:
            self.bias.grad += grad.sum(dim=0)
        grad_x1 = torch.einsum("no,oij,nj->ni", grad, weight, rows2)
        grad_x2 = torch.einsum("no,oij,ni->nj", grad, weight, rows1)
        return grad_x1.reshape(x1.shape), grad_x2.reshape(x2.shape)

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x1 = randn(rng, 3 * scale, 2)
        x2 = randn(rng, 3 * scale, 4)

        def reference(m: Bilinear, x1: Tensor, x2: Tensor) -> Tensor:
            products = (x1[..., :, None] * x2[..., None, :]).flatten(-2)
            out = products @ m.weight.value.flatten(1).T
            return out if m.bias is None else out + m.bias.value

        yield Example(cls(2, 4, 3, rng=rng), (x1, x2), reference=reference)
        yield Example(cls(2, 4, 3, bias=False, rng=rng), (x1, x2), reference=reference, label="no bias")
