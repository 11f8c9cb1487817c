"""The mistakes that have a name, and what a diagnosis says."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from course.checking.diagnosis.suspect import Suspect


class Mistake(StrEnum):
    """A mistake that has a name, which is its value: what files, pages and reports say."""

    meaning: str
    """The mistake in half a sentence."""

    def __new__(cls, name: str, meaning: str) -> "Mistake":  # noqa: D102 - the pair behind each member
        mistake = str.__new__(cls, name)
        mistake._value_, mistake.meaning = name, meaning
        return mistake

    BROADCAST_NOT_REDUCED = "broadcast not reduced", "what was broadcast in forward is not summed in backward"
    MEAN_FOR_SUM = "mean for sum", "a mean stands where a sum belongs"
    SUM_FOR_MEAN = "sum for mean", "a sum stands where a mean belongs"
    MISSING_1_N = "missing 1/N", "forward divides by N, backward does not"
    DOUBLE_1_N = "double 1/N", "backward divides by N once more than forward"
    INVERSE_1_N = "inverse 1/N", "backward multiplies with N where forward divides by it"
    UPSTREAM_IGNORED = "upstream ignored", "grad_output is not used"
    LOCAL_DERIVATIVE_IGNORED = "local derivative ignored", "grad_output is handed on as it came"
    OVERWRITTEN = "overwritten", "a gradient is assigned where it must be added"
    PATH_LOST = "path lost", "one of the paths from the input to the output is left out"
    WRONG_ORDER = "wrong order", "a node of the graph runs before its whole gradient has arrived"
    MISSING_TRANSPOSE = (
        "missing transpose",
        "a matrix enters untransposed where its transpose belongs, or the other way round",
    )
    TRANSPOSED = "transposed", "the result is transposed"
    DIAGONAL_ONLY = "diagonal only", "each output is treated as if it depended on its own input only"
    CONSTANT_STATISTICS = (
        "constant statistics",
        ("a sum, mean or maximum over the data is treated as a constant"),
    )
    INPUT_FOR_OUTPUT = "input for output", "the input is used where the output belongs"
    OUTPUT_FOR_INPUT = "output for input", "the output is used where the input belongs"
    SIGN = "sign", "the sign is wrong"
    MASK_MISSING = "mask missing", "the mask of forward is not applied"
    MASK_SCALE_MISSING = "mask scale missing", "the scale of the mask is not applied"
    OTHER_FORMULA = "other formula", "this is the gradient of another function"
    TIES_ROUTED_TWICE = "ties routed twice", "of several equal largest numbers, each gets the whole gradient"
    SAVED_CHANGED = "saved changed", "something that forward saved, or grad_output, is changed in place"
    ZERO_GRADIENT = "zero gradient", "the gradient is zero or was never added"
    SWAPPED_GRADIENTS = "swapped gradients", "the gradients of two inputs are exchanged"
    MISSING_FACTOR = "missing factor", "a factor of the chain rule is left out"
    EXTRA_FACTOR = "extra factor", "a factor is multiplied once too often"
    CONSTANT_FACTOR = "constant factor", "the gradient is a constant multiple of the true one"
    WRONG_IN_PLACES = "wrong in places", "the gradient is right but for some rows, columns or steps"
    WRONG_SLOPE = "wrong slope", "the derivative of one step is written wrongly"
    WRONG_MASK = "wrong mask", "the mask compares something else than forward does, or the other way round"
    WRONG_AXIS = "wrong axis", "a sum or mean runs over the wrong axis, or over everything"
    EXAMPLES_MISSING = "examples missing", "only some of the examples, places or steps count"
    EXTRA_TERM = "extra term", "something is added that does not belong there"
    WRONG_FACTOR = "wrong factor", "a factor is another quantity than the one that belongs there"
    MISPLACED_FACTOR = (
        "misplaced factor",
        "a factor stands outside of a sum that it belongs into, or the other way round",
    )
    WRONG_STATISTICS = "wrong statistics", "a mean or variance is not the one that forward used"
    WRONG_PLACE = "wrong place", "gradients land at the wrong places: shifted, turned or cropped wrongly"
    PERMUTED = "permuted", "parts that lie side by side stand in the wrong order"
    STEP_LEFT_OUT = "step left out", "backward goes past one of the steps that forward takes"


MISTAKES = {mistake.value: mistake.meaning for mistake in Mistake}
"""By name, each mistake in half a sentence."""


@dataclass(frozen=True)
class Diagnosis:
    """A mistake that explains every number that was seen, a clause that says how, and how sure this is."""

    mistake: Mistake
    what: str
    confidence: float
    """From 0 to 1: low where few numbers had to agree, or where another mistake would have looked the
    same."""

    @property
    def name(self) -> str:
        """The mistake's name."""
        return self.mistake.value

    @property
    def sentence(self) -> str:
        """What a report says."""
        sure = "Likely" if self.confidence >= 0.8 else "Perhaps"
        return f"{sure}: {self.what}"


@dataclass(frozen=True)
class Hypothesis:
    """What the gradient would be if a certain mistake had been made."""

    mistake: Mistake
    what: str
    predicted: np.ndarray
    prior: float = 0.95
    """How sure an exact agreement would make us."""
    key: str = ""
    """The same in every case of an exercise, where the clause is not: it counts the examples, say."""
    elsewhere: "Callable[[Suspect], np.ndarray | None] | None" = field(default=None, repr=False)
    """What the gradient would be in another case, where that is known; None where nothing can be said."""

    @property
    def identity(self) -> tuple[Mistake, str]:
        """By which the same mistake is known again in another case."""
        return self.mistake, self.key or self.what
