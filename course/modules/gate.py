"""Gate: lets through between none and all of each number, as a second input decides."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.module import Example, Module


class Gate(Module):
    """a = σ(z) x, elementwise, with gate logits `z`; shapes broadcast, so that one z may gate a whole row.

    With g = ∂L/∂a and s = σ(z) (lecture 14): ∂L/∂x = g s and ∂L/∂z = g x s (1 − s), each summed over the axes
    along which that input was broadcast. A closed gate (s = 0) stops the gradient of x, too.
    """

    formula = r"a = \sigma(z) \odot x"
    source = "Hochreiter, Schmidhuber: Long short-term memory, Neural Computation 9 (1997)"
    lecture = 14
    symbol = "⊙σ"
    local = ("σ(z)", "x·σ(z)·(1 − σ(z))")

    def forward(self, x: Float[Tensor, "*#shape"], z: Float[Tensor, "*#shape"]) -> Float[Tensor, "*shape"]:
        gate = torch.sigmoid(z)
        self.save(x=x, gate=gate)
        return gate * x

    def backward(
        self, grad_output: Float[Tensor, "*shape"]
    ) -> tuple[Float[Tensor, "*x_shape"], Float[Tensor, "*z_shape"]]:
        x, gate = self.saved["x"], self.saved["gate"]
        grad_x = (grad_output * gate).sum_to_size(x.shape)
        grad_z = (grad_output * x).sum_to_size(gate.shape) * gate * (1 - gate)
        return grad_x, grad_z

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, 4 * scale, 3)
        z = randn(rng, 4 * scale, 3)
        reference = lambda m, x, z: F.glu(torch.cat(torch.broadcast_tensors(x, z), dim=-1), dim=-1)  # noqa: E731
        yield Example(cls(), (x, z), reference=reference, label="a gate for each number")
        yield Example(cls(), (x, z[:, :1]), reference=reference, label="a gate for each row")
        yield Example(cls(), (x[:1], z), reference=reference, label="gates for one row")
