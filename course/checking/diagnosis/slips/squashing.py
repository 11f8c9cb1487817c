"""How the slopes of sigmoid and tanh are written wrongly, wherever these squash: in gates and cells."""

from collections.abc import Callable

import torch
from torch import Tensor

from course.checking.diagnosis.mistakes import Mistake

Slope = Callable[[Tensor, Tensor], Tensor | float]
"""A wrong slope of a squashing, from its output and what it squashed."""


def half_slope(a: Tensor, s: Tensor) -> Tensor:
    """One of the two factors of a sigmoid's slope."""
    return 1 - a


OF_SIGMOID: tuple[tuple[Slope, str, Mistake], ...] = (
    (lambda a, s: 1.0, "is left out", Mistake.MISSING_FACTOR),
    (lambda a, s: 1 - a * a, "is written as that of a tanh", Mistake.OTHER_FORMULA),
    (lambda a, s: a, "is the gate itself: half of its slope is left out", Mistake.WRONG_SLOPE),
    (half_slope, "is one minus the gate: half of its slope is left out", Mistake.WRONG_SLOPE),
    (lambda a, s: a * (1 + a), "has a plus where a minus belongs", Mistake.WRONG_SLOPE),
    (lambda a, s: a * (a - 1), "has the wrong sign", Mistake.SIGN),
    (
        lambda a, s: torch.sigmoid(a) * (1 - torch.sigmoid(a)),
        "is taken at the gate, which is squashed once more",
        Mistake.OUTPUT_FOR_INPUT,
    ),
    (lambda a, s: s * (1 - s), "is written with the sum before the squashing", Mistake.INPUT_FOR_OUTPUT),
    (lambda a, s: a * a * (1 - a), "has one factor too many", Mistake.EXTRA_FACTOR),
    (lambda a, s: (a * (1 - a)) ** 2, "is taken twice", Mistake.EXTRA_FACTOR),
    (lambda a, s: a * (1 - a * a), "has a square that does not belong there", Mistake.WRONG_SLOPE),
    (lambda a, s: 1 - 2 * a, "is written as one minus two times the gate", Mistake.WRONG_SLOPE),
    (lambda a, s: a - 1, "is written as the gate minus one", Mistake.WRONG_SLOPE),
)
"""How the slope of a gate is written wrongly."""

OF_TANH: tuple[tuple[Slope, str, Mistake], ...] = (
    (lambda a, s: 1.0, "is left out", Mistake.MISSING_FACTOR),
    (lambda a, s: 1 - a, "lacks the square", Mistake.WRONG_SLOPE),
    (lambda a, s: 1 + a * a, "has a plus where a minus belongs", Mistake.WRONG_SLOPE),
    (lambda a, s: 1 + a, "has a plus, and lacks the square", Mistake.WRONG_SLOPE),
    (lambda a, s: a * a - 1, "has the wrong sign", Mistake.SIGN),
    (lambda a, s: a * (1 - a), "is written as that of a sigmoid", Mistake.OTHER_FORMULA),
    (lambda a, s: a * (1 - a * a), "has the tanh itself as one factor too many", Mistake.EXTRA_FACTOR),
    (
        lambda a, s: 1 - torch.tanh(a) ** 2,
        "is taken at its output, which is squashed once more",
        Mistake.OUTPUT_FOR_INPUT,
    ),
    (lambda a, s: 1 - s * s, "is written with the number before the squashing", Mistake.INPUT_FOR_OUTPUT),
    (lambda a, s: (1 - a) ** 2, "has the square around the difference", Mistake.WRONG_SLOPE),
    (lambda a, s: (1 - a * a) ** 2, "is taken twice", Mistake.EXTRA_FACTOR),
    (lambda a, s: 1 - 2 * a, "has twice the tanh where its square belongs", Mistake.WRONG_SLOPE),
    (lambda a, s: a * a, "is its square alone", Mistake.WRONG_SLOPE),
    (lambda a, s: a, "is the tanh itself", Mistake.WRONG_SLOPE),
    (lambda a, s: 2 * a, "is twice the tanh", Mistake.WRONG_SLOPE),
)
"""How the slope of a tanh is written wrongly."""
