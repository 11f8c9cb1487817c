"""An ELU scaled so that activations keep mean 0 and variance 1 from layer to layer."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.module import Example, Module

ALPHA, SCALE = 1.6732632423543772, 1.0507009873554805
"""The fixed point (0, 1) of mean and variance under a standard normal input fixes both: equation 14 of the
paper."""


class SELU(Module):
    """a = λ x where x > 0, else λ α (eˣ − 1), elementwise, with α ≈ 1.6733 and λ ≈ 1.0507.

    With g = ∂L/∂a (lecture 06): ∂L/∂x = λ g where x > 0, else g · λ α eˣ.
    """

    formula = r"a = \lambda x \text{ if } x > 0, \text{ else } \lambda \alpha (e^x - 1)"
    source = "Klambauer, Unterthiner, Mayr, Hochreiter: Self-normalizing neural networks, NIPS (2017)"
    lecture = 6
    counterpart = "torch.nn.SELU"
    symbol = "SELU"
    local = ("λ if x > 0 else λα·eˣ",)

    def forward(self, x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        self.save(x=x)
        return torch.selu(x)

    def backward(self, grad_output: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        x = self.saved["x"]
        return torch.where(x > 0, grad_output * SCALE, grad_output * SCALE * ALPHA * x.exp())

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, 4 * scale, 3)
        away = x + 0.1 * x.sign()  # finite differences must not step over the kink at 0
        yield Example(cls(), (away,), reference=lambda m, x: SCALE * F.elu(x, ALPHA))
