"""Findings: what was seen that should not be, as data, and in words made where it was seen."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

GRADIENT = "∂L/∂"
"""How the names of gradients begin."""


class Problem(StrEnum):
    """The kind of a finding: what can be counted over a class. The value is what files and pages say."""

    NONE = ""
    NOT_WRITTEN = "not written"
    RAISED = "raised"
    EXITED = "left the program"
    OUT_OF_TIME = "out of time"
    NO_ANSWER = "no answer"
    """The process in which the code runs is gone."""
    REFUSED = "refused"
    """What was handed in is not what the exercise asks for: no class, say, or one without a backward."""
    MISSING = "missing"
    WRONG_COUNT = "wrong count"
    """More or fewer values were returned than belong there."""
    WRONG_KIND = "wrong kind"
    """No tensor was returned where one belongs, or one where none belongs."""
    WRONG_SHAPE = "wrong shape"
    NOT_FINITE = "not finite"
    DIFFERENT = "different"
    """The numbers are not those that are right, or not those of the first time."""
    NOT_COMPARED = "not compared"
    """Nothing is known of what would be right."""
    NOT_ADDED = "not added"
    """A parameter's gradient did not grow by what belongs to it."""
    CHANGED = "changed in place"
    NOT_BY_HAND = "not by hand"
    """Torch, or numerical differences, did the work."""
    NOT_REFUSED = "not refused"
    """Backward ran, and no forward had."""


@dataclass(frozen=True)
class Numbers:
    """Where an array differs most from the one that is right."""

    given: float
    expected: float
    where: tuple[int, ...]
    differ: int
    """How many numbers differ."""
    compared: int
    """How many numbers were compared."""


@dataclass(frozen=True)
class Finding:
    """What was seen that should not be: its kind, one line that says what and where, the numbers."""

    problem: Problem
    words: str
    numbers: Numbers | None = None


def gradient_name(tensor: str) -> str:
    """What the gradient of a tensor is called."""
    return f"{GRADIENT}{tensor}"


def difference(
    given: np.ndarray | None, expected: np.ndarray, tolerance: float, name: str, noise: float = 0.0
) -> Finding | None:
    """How two arrays differ; None when they agree. Numbers that are nan in `expected` are not compared.

    Args:
        tolerance: largest accepted error, relative to the largest number of `expected`.
        name: of the expected array, in the finding's words.
        noise: further error that is accepted.
    """
    if given is None:
        return Finding(Problem.MISSING, "nothing was returned")
    if given.shape != expected.shape:
        return Finding(Problem.WRONG_SHAPE, f"has shape {given.shape}, but {name} has shape {expected.shape}")
    compared = ~np.isnan(expected)
    count = int(compared.sum())
    if not count:
        kink = f"could not be compared: {name} has a kink at every number"
        return None if given.size == 0 else Finding(Problem.NOT_COMPARED, kink)
    strange = ~np.isfinite(given) & compared
    if strange.any():
        index = tuple(int(i) for i in np.argwhere(strange)[0])
        numbers = Numbers(float(given[index]), float(expected[index]), index, int(strange.sum()), count)
        many = f"{numbers.differ} of {given.size} {'is' if numbers.differ == 1 else 'are'} no finite number"
        words = f"is {given[index]:g}{at(index)}, but {name} is {expected[index]:.6g} ({many})"
        return Finding(Problem.NOT_FINITE, words, numbers)
    scale = max(np.abs(expected[compared]).max(), 1e-12)
    error = np.where(compared, np.abs(given - np.where(compared, expected, 0.0)), 0.0)
    allowed = tolerance * scale + noise
    if error.max() <= allowed:
        return None
    index = index_of_largest(error)
    numbers = Numbers(float(given[index]), float(expected[index]), index, int((error > allowed).sum()), count)
    many = f"{numbers.differ} of {count} differ"
    words = f"is {given[index] + 0.0:.6g}{at(index)}, but {name} is {expected[index] + 0.0:.6g} ({many})"
    return Finding(Problem.DIFFERENT, words, numbers)


def output_difference(given: np.ndarray | None, expected: np.ndarray, tolerance: float) -> Finding | None:
    """How an output differs from the true one, in which infinities and nan have their places, too."""
    name, odd = "the expected output", ~np.isfinite(expected)
    if given is None or given.shape != expected.shape or not odd.any():
        return difference(given, expected, tolerance, name)
    missing = odd & (given != expected) & ~(np.isnan(given) & np.isnan(expected))
    if missing.any():
        index = tuple(int(i) for i in np.argwhere(missing)[0])
        words = f"is {given[index]:.6g}{at(index)}, but {name} is {expected[index]:g}"
        return Finding(Problem.DIFFERENT, words)
    return difference(np.where(odd, 0.0, given), np.where(odd, 0.0, expected), tolerance, name)


def index_of_largest(error: np.ndarray) -> tuple[int, ...]:
    """Where an array is largest; the first such place, and () where the array is one number."""
    return tuple(int(i) for i in np.unravel_index(np.argmax(error), error.shape))


def at(index: tuple[int, ...]) -> str:
    """A place in an array in words, with a space before them; empty for a single number."""
    return f" at {list(index)}" if index else ""
