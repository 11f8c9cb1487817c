"""Ties: equal largest numbers, where a maximum has no derivative.

Yet it hands its gradient on exactly once.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Generator, Tensor

from course.checking.gradients import projected_gradients
from course.checking.kinks import Decisions, differ
from course.checking.truth import Truth, random_like
from course.module import as_tuple


@dataclass(frozen=True)
class Ties:
    """A question at a point with ties: inputs, an upstream gradient, a direction and the true slope along it.

    Equal numbers move equally far along the direction. Whichever of several equal numbers a maximum picks,
    the output then rises by the same amount: along this direction the derivative exists, and every way to
    hand the gradient on once has the right slope. To hand it to each of them has not.
    """

    inputs: tuple[Any, ...]
    grad_outputs: tuple[Tensor, ...]
    direction: dict[str, np.ndarray]
    slope: float
    scale: float
    """The size of the terms that the slope is a sum of, against which an error is measured."""


def ties(truth: Truth, rng: Generator) -> Ties | None:
    """The question for a true forward; None if it decides nothing, or cannot be asked at such a point."""
    values = _tied(truth.moving)
    inputs = tuple(values.get(name, value) for name, value in zip(truth.names, truth.inputs, strict=True))
    a, b, c = (1 + torch.rand(3, generator=rng, device=rng.device)).tolist()
    directions = {name: value * (a + 0.5 * b * torch.cos(c * value)) for name, value in values.items()}

    def along(distance: Tensor) -> Any:
        moved = {name: value + distance * directions[name] for name, value in values.items()}
        return truth.function(*(truth.tensors | moved).values())

    step = 1e-4 * torch.ones((), dtype=torch.float64, device=rng.device)
    seen, chose = [], False
    try:
        for distance in (0 * step, step, -step):
            with Decisions() as decisions:
                outputs = as_tuple(along(distance))
            seen.append(decisions.taken)
            chose |= decisions.chose
    except (RuntimeError, ValueError, IndexError, ArithmeticError):
        return None
    if not chose or any(bool(differ(seen[0], other)) for other in seen[1:]):
        return None
    if not all(torch.isfinite(output).all() for output in outputs if isinstance(output, Tensor)):
        return None
    grad_outputs = random_like(outputs, rng)
    zero = torch.zeros((), dtype=torch.float64, device=rng.device)
    (slope,) = projected_gradients(along, [zero], grad_outputs, [torch.ones_like(zero)])
    if not torch.isfinite(slope):
        return None
    scale = sum(
        float((g * o).abs().sum()) for g, o in zip(grad_outputs, outputs, strict=True) if g is not None
    )
    return Ties(
        inputs, grad_outputs, {n: d.cpu().numpy() for n, d in directions.items()}, float(slope), 1e-3 + scale
    )


def _tied(values: dict[str, Tensor]) -> dict[str, Tensor]:
    """Numbers rounded to …, −0.5, 0.5, 1.5, …, so that many are equal and none is 0.

    Every other one is shared by all inputs.
    """
    rounded = {name: torch.floor(value) + 0.5 for name, value in values.items()}
    first = next(iter(rounded.values()), None)
    for value in rounded.values():
        if first is not None and value is not first and value.shape == first.shape:
            value.view(-1)[::2] = first.view(-1)[::2]
    return rounded
