"""One wrong rule of one step, or of several together."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

from course.checking.diagnosis.mistakes import Mistake
from course.checking.diagnosis.reverse import Gradients, Step
from course.checking.diagnosis.reverse.program import WrongRule


@dataclass(frozen=True)
class Wrong:
    """What is handed on wrongly, by the number of the step; and what that mistake is called.

    Attributes:
        what: a clause that says what was computed, and what is wrong with it.
        prior: how sure we are of it if it explains every number.
        key: the same in every case, where `what` is not.
    """

    rules: Mapping[int, WrongRule]
    mistake: Mistake
    what: str
    prior: float = 0.9
    key: str = ""


def at_input(
    step: Step,
    position: int,
    rule: Callable[[Gradients], Tensor],
    mistake: Mistake,
    what: str,
    prior: float = 0.9,
    key: str = "",
) -> Wrong:
    """A wrong rule for one input of a step."""
    return Wrong({step.index: lambda grads: {position: rule(grads)}}, mistake, what, prior, key)


def first(grads: Gradients) -> Tensor:
    """The gradient of a step's first result."""
    grad = grads[0]
    assert grad is not None
    return grad


def shown(number: float) -> str:
    """A number for a sentence."""
    return f"{number:.4g}".replace("-", "−")
