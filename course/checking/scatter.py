"""Scatter: numerical differences give themselves away by their round-off, wherever their formula is written.

A backward that applies the chain rule agrees with torch.autograd to the last digits. A difference quotient
divides the last digits of two function values by a small step, and so lands a million times farther off,
elsewhere at every point. A small constant that guards a division is off by as much at the next point; what is
computed in float32 scatters still farther.

Steps of 1e-4 to 1e-7 are told. A longer one leaves an error that is smooth, a shorter one scatters like
float32.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from course.checking.evidence import Evidence
from course.checking.truth import Truth

SCATTERS = "scatters about the true gradient as numerical differences do"
"""What a report says."""

EXACT = 1e-13
"""Least scatter that tells, relative to the largest number of a gradient and beyond the loss's own rounding:
the course's modules stay below 2e-15, but where a saturated softmax leaves next to no gradient."""
SINGLE = 3e-9
"""Largest error of any gradient: what is computed in float32 is off by 1e-8 and more."""
ASIDE = 1e-6
"""How far the second point lies from the first, relative to each number: smooth errors are the same there."""


def note_scatter(evidence: Evidence, truth: Truth, probe: Callable[[tuple[Any, ...]], Evidence]) -> Evidence:
    """Add to the evidence's shortcuts that a gradient was measured, if it scatters as differences do.

    A second point is tried only where a gradient is right but not exact.

    Args:
        probe: gathers the same evidence for other inputs, from a module as it was before the first.
    """
    first = {} if evidence.shortcuts else _errors(evidence, truth.exact())
    doubtful = [name for name, error in first.items() if _size(error) > EXACT * error[1] + truth.rounding]
    if not doubtful or not truth.moving or not all(map(_fine, first.values())):
        return evidence
    there = {name: tensor * (1 + ASIDE) for name, tensor in truth.moving.items()}
    inputs = tuple(there.get(name, value) for name, value in zip(truth.names, truth.inputs, strict=True))
    second = _errors(probe(inputs), truth.exact(tensors=there))
    if second.keys() != first.keys() or not all(map(_fine, second.values())):
        return evidence
    scatter = {name: float(np.abs(second[name][0] - first[name][0]).max()) for name in doubtful}
    if any(size > EXACT * first[name][1] + truth.rounding for name, size in scatter.items()):
        return replace(evidence, shortcuts=(SCATTERS,))
    return evidence


_Error = tuple[np.ndarray, float]
"""How far a gradient is off, number by number, and its largest number."""


def _errors(evidence: Evidence, exact: dict[str, np.ndarray] | None) -> dict[str, _Error]:
    """By name, of the gradients that can be compared."""
    pairs = {name: (evidence.grads.get(name), true) for name, true in (exact or {}).items()}
    return {
        name: (got - true, float(np.abs(true).max()))
        for name, (got, true) in pairs.items()
        if got is not None
        and got.shape == true.shape
        and true.size
        and np.isfinite(got).all()
        and np.isfinite(true).all()
    }


def _size(error: _Error) -> float:
    return float(np.abs(error[0]).max())


def _fine(error: _Error) -> bool:
    """Whether it is less than float32 leaves."""
    return _size(error) <= SINGLE * error[1]
