"""Absolute values that add up to 1: each vector divided by the sum of its absolute values."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.module import Example
from course.modules._normalize import _Normalize


class L1Normalize(_Normalize):
    """a = x / max(‖x‖, ε) with ‖x‖ = Σ |x| along the axis `dim`; ε = `eps` keeps vectors of zeros at zero.

    With g = ∂L/∂a and ∂‖x‖/∂x = sign(x) (lecture 08), since every x acts on its own output and on the norm of
    all:
        ∂L/∂x = (g − sign(x) Σ g a) / ‖x‖, the sum along `dim`, and g/ε where ‖x‖ < ε
    """

    formula = r"a = \frac{x}{\lVert x \rVert_1}"
    source = (
        "Arandjelović, Zisserman: Three things everyone should know to improve object retrieval, CVPR (2012)"
    )
    lecture = 8
    counterpart = "torch.nn.functional.normalize"

    order = 1

    def forward(self, x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        out, norm = self._normalize(x)
        self.save(x=x, out=out, norm=norm)
        return out

    def backward(self, grad_output: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        x, out, norm = self.saved["x"], self.saved["out"], self.saved["norm"]
        along = (grad_output * out).sum(self.dim, keepdim=True).masked_fill_(norm < self.eps, 0)
        return (grad_output - x.sign() * along) / norm.clamp(min=self.eps)

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, 4 * scale, 3)
        x = x + 0.1 * x.sign()  # away from the kinks at 0
        reference = lambda m, x: F.normalize(x, p=1, dim=m.dim, eps=m.eps)  # noqa: E731
        yield Example(cls(), (x,), reference=reference, label="rows")
        yield Example(cls(dim=0), (x,), reference=reference, label="columns")
        yield Example(
            cls(dim=-1, eps=1e3), (x[0],), reference=reference, label="one vector, shorter than eps"
        )
        middle = float(torch.linalg.vector_norm(x, 1, dim=1).mean())
        yield Example(cls(eps=middle), (x,), reference=reference, label="some rows shorter than eps")
