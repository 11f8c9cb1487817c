"""Dropout: while training, numbers are set to zero at random, so that no unit can rely on another."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.module import Example, Module


class Dropout(Module):
    """a = m x / (1 − p) while training, and a = x in eval mode.

    m is 0 with probability `p` and else 1, anew for every number.

    The division keeps the expected value of a at x, so that nothing needs to change after training. `rng`
    draws the m. With g = ∂L/∂a (lecture 11): ∂L/∂x = m g / (1 − p), with the same m as in forward; ∂L/∂x = g
    in eval mode.

    Raises:
        ValueError: `p` is not from 0 to 1.
    """

    formula = r"a = \frac{m \odot x}{1 - p}, \quad m_i \sim \mathrm{Bernoulli}(1 - p)"
    source = (
        "Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov: Dropout: a simple way to prevent neural "
        "networks from "
        "overfitting, Journal of Machine Learning Research 15 (2014)"
    )
    lecture = 11
    counterpart = "torch.nn.Dropout"
    local = ("m/(1 − p)",)

    def __init__(self, p: float = 0.5, *, rng: Generator | None = None) -> None:
        if not 0 <= p <= 1:
            raise ValueError(f"Dropout: p is {p}, but it is a probability: pass 0 to 1")
        self.p, self.rng = p, rng

    def forward(self, x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        if not self.training or self.p == 0:
            self.save(kept=None)
            return x
        kept = torch.empty_like(x, dtype=torch.bool).bernoulli_(1 - self.p, generator=self.rng)
        self.save(kept=kept)
        return x * kept * self._scale()

    def backward(self, grad_output: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        kept = self.saved["kept"]
        return grad_output if kept is None else grad_output * kept * self._scale()

    def _scale(self) -> float:
        return 1 / (1 - self.p) if self.p < 1 else 0.0  # with p = 1 nothing is kept that could be scaled

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, 4 * scale, 3)

        def reference(m: Dropout, x: Tensor) -> Tensor:
            if not m.training or m.rng is None:
                return F.dropout(x, m.p, training=m.training)
            again = m.rng.clone_state()  # draws what the module will draw, without using it up
            return torch.where(
                torch.empty_like(x, dtype=torch.bool).bernoulli_(1 - m.p, generator=again), x, 0
            ) / (1 - m.p)

        yield Example(cls(rng=rng), (x,), reference=reference, label="training")
        yield Example(cls(0.2, rng=rng), (x,), reference=reference, label="training, p=0.2")
        yield Example(cls(1.0), (x,), reference=reference, label="training, p=1")
        yield Example(cls(0.2, rng=rng).eval(), (x,), reference=reference, label="eval")
