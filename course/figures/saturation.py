"""The activations of the library, and where each lets next to no gradient through."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

import course.modules
from course.device import device, tensor
from course.errors import did_you_mean
from course.figures._slope import value_and_slope
from course.module import Module
from course.modules import (
    ELU,
    GELU,
    Identity,
    LeakyReLU,
    LogSigmoid,
    NoisyReLU,
    PReLU,
    ReLU,
    Sigmoid,
    SiLU,
    Softplus,
    Tanh,
)

_ORDER = (Identity, Sigmoid, Tanh, ReLU, LeakyReLU, PReLU, NoisyReLU, Softplus, ELU, GELU, SiLU, LogSigmoid)
"""The order of lecture 06, then what another lecture introduces; the others of lecture 06 follow by name.

An activation is not told by its local derivative: the students' edition has none of those that exercises ask
for, nor of their relatives.
"""

_LIBRARY = [getattr(course.modules, name) for name in sorted(course.modules.__all__)]
_OTHERS = [kind for kind in _LIBRARY if kind not in _ORDER and kind.lecture == 6]
ACTIVATIONS: dict[str, Callable[[], Module]] = {kind.__name__: kind for kind in (*_ORDER, *_OTHERS)}
"""Every element-wise activation of the library by name, each made with its default parameters."""

SATURATED = 0.01
"""Where |f′| is below this, not even a hundredth of the gradient passes."""


@dataclass(frozen=True)
class Zone:
    """Where |f′| stays below SATURATED: from `low` to `high`, as far as the picture reaches."""

    low: float
    high: float
    name: str
    """f′ = 0 (exactly), saturated (up to an end of the picture) or turns (around a minimum or maximum)."""


def make_activation(name: str) -> Module:
    """The activation of that name in float64 and in eval mode, so that none is noisy.

    Raises:
        ValueError: there is no activation of that name.
    """
    if name not in ACTIVATIONS:
        hint = did_you_mean(name, ACTIVATIONS, f"there are {', '.join(ACTIVATIONS)}")
        raise ValueError(f"no activation is called '{name}': {hint}")
    return ACTIVATIONS[name]().to(dtype=torch.float64).eval()


def zones(name: str, reach: float = 6.0) -> list[Zone]:
    """The stretches from −reach to reach where |f′| < SATURATED, ends found by halving to ten digits."""
    module = make_activation(name)
    grid = torch.linspace(-reach, reach, 2401, dtype=torch.float64, device=device())
    slope = value_and_slope(module, grid)[1].abs()
    flat, last = (slope < SATURATED).tolist(), len(grid) - 1
    starts = [i for i in range(last + 1) if flat[i] and (i == 0 or not flat[i - 1])]
    ends = [i for i in range(last + 1) if flat[i] and (i == last or not flat[i + 1])]
    stretches = []
    for start, end in zip(starts, ends, strict=True):
        low = -reach if start == 0 else _edge(module, float(grid[start]), float(grid[start - 1]))
        high = reach if end == last else _edge(module, float(grid[end]), float(grid[end + 1]))
        nothing = not slope[start : end + 1].any()
        stretches.append(
            Zone(low, high, "f′ = 0" if nothing else "saturated" if start == 0 or end == last else "turns")
        )
    return stretches


def _edge(module: Module, inside: float, outside: float) -> float:
    """The place between the two where |f′| crosses SATURATED."""
    for _ in range(40):
        middle = (inside + outside) / 2
        slope = value_and_slope(module, tensor([middle], torch.float64))[1].item()
        inside, outside = (middle, outside) if abs(slope) < SATURATED else (inside, middle)
    return round(inside, 10) + 0.0
