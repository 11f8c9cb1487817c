"""The logarithm of softmax, computed without taking a logarithm of 0."""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.module import Example, Module
from course.modules._axis import axis_of


class LogSoftmax(Module):
    """a_i = x_i − ln Σ_j e^(x_j) along the axis `dim`, the largest x subtracted first.

    With g = ∂L/∂a (lecture 07) and p = e^a, the softmax: ∂L/∂x_j = g_j − p_j Σ_i g_i.
    """

    formula = r"a_i = x_i - \ln \sum_j e^{x_j}"
    source = "Goodfellow, Bengio, Courville: Deep Learning (2016), section 6.2.2.3"
    lecture = 7
    counterpart = "torch.nn.LogSoftmax"
    symbol = "ln softmax"

    def __init__(self, dim: int | None = None) -> None:
        self.dim = dim

    def forward(self, x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        out = torch.log_softmax(x, self._axis(x))
        self.save(out=out)
        return out

    def backward(self, grad_output: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        out = self.saved["out"]
        total = grad_output.sum(self._axis(out), keepdim=True)
        return torch.addcmul(grad_output, out.exp(), total, value=-1)  # g_j − p_j Σ_i g_i

    def _axis(self, x: Tensor) -> int:
        """`dim`; when it is None torch's choice, the channels: axis 0 of 0, 1 or 3 axes, else axis 1."""
        return axis_of(self, x, self.dim if self.dim is not None else int(x.dim() not in (0, 1, 3)))

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, 4 * scale, 3)
        reference = lambda m, x: x - torch.logsumexp(x, m.dim, keepdim=True)  # noqa: E731
        yield Example(cls(dim=1), (x,), reference=reference, label="rows")
        yield Example(cls(dim=0), (x,), reference=reference, label="columns")
        yield Example(cls(dim=-1), (20 * x,), reference=reference, label="saturated")
        by_torch = lambda m, x: torch.log_softmax(x, 0)  # noqa: E731
        yield Example(cls(), (x[0, 0],), reference=by_torch, label="a number, axis left out")
        yield Example(cls(), (x[0],), reference=by_torch, label="a vector, axis left out")
        yield Example(cls(), (x[:, :, None],), reference=by_torch, label="three axes, axis left out")
        yield Example(cls(dim=-1), (x[0],), reference=by_torch, label="a vector, its last axis")
