"""Length 1: each vector divided by its Euclidean length."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.module import Example
from course.modules._normalize import _Normalize


class L2Normalize(_Normalize):
    """a = x / max(‖x‖, ε) with ‖x‖ = √(Σ x²) along the axis `dim`; ε = `eps` keeps vectors of zeros at zero.

    With g = ∂L/∂a and ∂‖x‖/∂x = x/‖x‖ = a (lecture 08), since every x acts on its own output and on the
    length of all:
        ∂L/∂x = (g − a Σ g a) / ‖x‖, the sum along `dim`, and g/ε where ‖x‖ < ε
    What is left is the part of g at a right angle to a: a vector of fixed length can only turn.
    """

    formula = r"a = \frac{x}{\lVert x \rVert_2}"
    source = (
        "Schroff, Kalenichenko, Philbin: FaceNet: a unified embedding for face recognition and "
        "clustering, CVPR (2015)"
    )
    lecture = 8
    counterpart = "torch.nn.functional.normalize"

    order = 2

    def forward(self, x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        out, norm = self._normalize(x)
        self.save(out=out, norm=norm)
        return out

    def backward(self, grad_output: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        out, norm = self.saved["out"], self.saved["norm"]
        along = (grad_output * out).sum(self.dim, keepdim=True).masked_fill_(norm < self.eps, 0)
        return (grad_output - out * along) / norm.clamp(min=self.eps)

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, 4 * scale, 3)
        x = x + 0.1 * x.sign()  # away from the kink of a vector of zeros
        reference = lambda m, x: F.normalize(x, p=2, dim=m.dim, eps=m.eps)  # noqa: E731
        yield Example(cls(), (x,), reference=reference, label="rows")
        yield Example(cls(dim=0), (x,), reference=reference, label="columns")
        yield Example(
            cls(dim=-1, eps=1e3), (x[0],), reference=reference, label="one vector, shorter than eps"
        )
        middle = float(torch.linalg.vector_norm(x, 2, dim=1).mean())
        yield Example(cls(eps=middle), (x,), reference=reference, label="some rows shorter than eps")
