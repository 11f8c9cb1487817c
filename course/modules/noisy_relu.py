"""A rectifier with noise before it while training, so that units also explore."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.module import Example, Module


class NoisyReLU(Module):
    """a = max(0, x + ε), elementwise.

    ε is drawn from a normal distribution with mean 0 and variance σ(x); it is 0 in eval mode.

    The variance is the logistic sigmoid of x: units that are surely off stay quiet.

    With g = ∂L/∂a (lecture 06) and the drawn ε taken as a constant, as in the paper: ∂L/∂x = g where x + ε >
    0, else 0.

    Args:
        rng: where the noise is drawn from; torch's own generator when left out.
    """

    formula = r"a = \max(0, x + \varepsilon), \quad \varepsilon \sim \mathcal{N}(0, \sigma(x))"
    source = "Nair, Hinton: Rectified linear units improve restricted Boltzmann machines, ICML (2010)"
    lecture = 6
    symbol = "noisy ReLU"
    local = ("1 if x + ε > 0 else 0",)
    held = ("_noise",)

    def __init__(self, *, rng: Generator | None = None) -> None:
        self.rng = rng

    def forward(self, x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        out = torch.relu(x + self._noise(x, self.rng) if self.training else x)
        self.save(out=out)
        return out

    def backward(self, grad_output: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        return torch.where(self.saved["out"] <= 0, 0.0, grad_output)

    @staticmethod
    def _noise(x: Tensor, rng: Generator | None) -> Tensor:
        normal = torch.empty_like(x).normal_(generator=rng)
        return torch.sigmoid(x.detach()).sqrt() * normal  # a constant for the gradient

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, 4 * scale, 3)
        away = x + 0.1 * x.sign()  # finite differences must not step over the kink at 0

        def reference(module: NoisyReLU, x: Tensor) -> Tensor:
            """The noise of the original x, from a copy of the generator, so that each call draws the same."""
            assert module.rng is not None
            return F.relu(x + cls._noise(away.to(x), module.rng.clone_state()))

        yield Example(cls(rng=rng.clone_state()), (away,), reference=reference, label="training")
        yield Example(
            cls(rng=rng.clone_state()).eval(), (away,), reference=lambda m, x: F.relu(x), label="eval"
        )
