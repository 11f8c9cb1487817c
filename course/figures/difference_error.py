"""How far numerical differences are off, by step: truncation if it is long, round-off if it is short."""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import torch
from torch import Tensor

from course.containers.chain import Chain
from course.device import device, generator
from course.modules import Linear, Tanh

METHODS = ("central", "one-sided")
PRECISIONS = {"float64": torch.float64, "float32": torch.float32}
STEPS = np.logspace(-12, 0, 73)


@dataclass(frozen=True)
class Curve:
    """The relative error ‖numeric − analytic‖ / ‖analytic‖ at each of STEPS."""

    method: str
    precision: str
    errors: np.ndarray

    @property
    def best(self) -> float:
        """The step with the smallest error of all that were tried."""
        return float(STEPS[self.errors.argmin()])

    @property
    def predicted(self) -> float:
        """Where truncation and round-off balance, for a function that bends on the scale of 1, as tanh does.

        ε² ≈ eps / ε gives ∛eps for central differences, ε ≈ eps / ε gives √eps for one-sided ones.
        Source: Press et al.: Numerical Recipes, 3rd edition (2007), section 5.7.
        """
        return float(
            torch.finfo(PRECISIONS[self.precision]).eps ** (1 / 3 if self.method == "central" else 1 / 2)
        )


class Problem:
    """L = Σ G · tanh(X Wᵀ + b) with random X, W, b, G: how L changes with the 3 × 4 weight W of a Linear."""

    def __init__(self, seed: int) -> None:
        rng = generator(seed)
        self.chain = Chain(Linear(4, 3, rng=rng), Tanh())
        self.x = torch.randn(5, 4, generator=rng, device=device())
        self.upstream = torch.randn(5, 3, generator=rng, device=device())

    @cached_property
    def analytic(self) -> Tensor:
        """∂L/∂W by the modules' own backward, in float64."""
        linear = self._in(torch.float64)
        self.chain(self.x.double())
        linear.weight.zero_grad()
        self.chain.backward(self.upstream.double())
        return linear.weight.grad

    def numeric(self, steps: np.ndarray, method: str, precision: str) -> Tensor:
        """∂L/∂W by differences, one weight at a time, for each of the steps: steps × 3 × 4."""
        dtype = PRECISIONS[precision]
        linear = self._in(dtype)
        weight, x, upstream = linear.weight.value, self.x.to(dtype), self.upstream.to(dtype)

        def loss(moved: Tensor) -> Tensor:
            linear.weight.value = moved
            return (self.chain(x) * upstream).sum()

        one_each = torch.eye(weight.numel(), dtype=dtype, device=weight.device).view(-1, *weight.shape)
        lengths = torch.as_tensor(steps, dtype=dtype, device=weight.device).view(-1, 1, 1, 1)
        try:
            up = torch.vmap(loss)((weight + lengths * one_each).flatten(0, 1))
            down = (
                torch.vmap(loss)((weight - lengths * one_each).flatten(0, 1))
                if method == "central"
                else loss(weight)
            )
        finally:
            linear.weight.value = weight
        rise = (up - down).view(len(steps), *weight.shape)
        return rise / ((2 if method == "central" else 1) * lengths.view(-1, 1, 1))

    def _in(self, dtype: torch.dtype) -> Linear:
        self.chain.to(dtype=dtype)
        linear = self.chain[0]
        assert isinstance(linear, Linear)
        return linear


@lru_cache(maxsize=8)
def problem(seed: int = 0) -> Problem:
    """The problem of that seed, made once."""
    return Problem(seed)


@lru_cache(maxsize=8)
def error_curves(seed: int = 0) -> tuple[Curve, ...]:
    """One curve for each method in each precision, computed once."""
    return tuple(
        Curve(method, precision, relative_errors(method, precision, STEPS, seed))
        for precision in PRECISIONS
        for method in METHODS
    )


def relative_errors(method: str, precision: str, steps: np.ndarray, seed: int = 0) -> np.ndarray:
    """‖numeric − analytic‖ / ‖analytic‖ over all weights, for each of the steps."""
    analytic, numeric = problem(seed).analytic, problem(seed).numeric(steps, method, precision).double()
    return ((numeric - analytic).flatten(1).norm(dim=1) / analytic.norm()).cpu().numpy()
