"""Scores into probabilities: positive, and one in sum."""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.module import Example, Module
from course.modules._axis import axis_of


class Softmax(Module):
    """a_i = e^(x_i) / Σ_j e^(x_j) along the axis `dim`.

    The largest x is subtracted from all of them first: it cancels in the quotient, and no exponential
    overflows.

    Every output depends on every input, ∂a_i/∂x_j = a_i (δ_ij − a_j). With g = ∂L/∂a (lecture 07) the
    Jacobian's product with g needs no matrix: ∂L/∂x_j = a_j (g_j − Σ_i g_i a_i).
    """

    formula = r"a_i = \frac{e^{x_i}}{\sum_j e^{x_j}}"
    source = "Bridle: Training stochastic model recognition algorithms as networks, NIPS (1989)"
    lecture = 7
    counterpart = "torch.nn.Softmax"
    symbol = "softmax"

    def __init__(self, dim: int | None = None) -> None:
        self.dim = dim

    def forward(self, x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        # e^(x − m) / Σ e^(x − m), m the largest x, in one pass over memory
        out = torch.softmax(x, self._axis(x))
        self.save(out=out)
        return out

    def backward(self, grad_output: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        out = self.saved["out"]
        weighted = grad_output * out
        total = weighted.sum(self._axis(out), keepdim=True)
        return torch.addcmul(weighted, out, total, value=-1)  # a_j g_j − a_j Σ_i g_i a_i

    def _axis(self, x: Tensor) -> int:
        """`dim`; when it is None torch's choice, the channels: axis 0 of 0, 1 or 3 axes, else axis 1."""
        return axis_of(self, x, self.dim if self.dim is not None else int(x.dim() not in (0, 1, 3)))

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, 4 * scale, 3)
        reference = lambda m, x: torch.exp(x - torch.logsumexp(x, m.dim, keepdim=True))  # noqa: E731
        yield Example(cls(dim=1), (x,), reference=reference, label="rows")
        yield Example(cls(dim=0), (x,), reference=reference, label="columns")
        yield Example(cls(dim=-1), (20 * x,), reference=reference, label="saturated")
        by_torch = lambda m, x: torch.softmax(x, 0)  # noqa: E731
        yield Example(cls(), (x[0, 0],), reference=by_torch, label="a number, axis left out")
        yield Example(cls(), (x[0],), reference=by_torch, label="a vector, axis left out")
        yield Example(cls(), (x[:, :, None],), reference=by_torch, label="three axes, axis left out")
        yield Example(cls(dim=-1), (x[0],), reference=by_torch, label="a vector, its last axis")
