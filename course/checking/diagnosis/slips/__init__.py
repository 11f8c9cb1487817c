"""Wrong formulas that students write, by module, on the arrays of one case: the first that fits is it.

Each file holds the lists of one family of modules; `at` is what they are written with.
"""

import importlib
import pkgutil
from collections.abc import Iterator
from functools import cache
from weakref import WeakKeyDictionary

import numpy as np

from course.checking.diagnosis.mistakes import Hypothesis, Mistake
from course.checking.diagnosis.slips.at import At, Slip, lists_for
from course.checking.diagnosis.suspect import Suspect, same
from course.checking.truth import Truth

__all__ = ["wrong_formulas"]


def wrong_formulas(suspect: Suspect, *, right_too: bool = False) -> Iterator[Hypothesis]:
    """What each wrong formula of the module's lists gives for the suspect's tensor, the surest first.

    Args:
        right_too: whether formulas are given that happen to be right in this case, too.
    """
    if suspect.truth not in _computed:
        _read_all_lists()
        at = At(suspect)
        drained = [slip for listed in lists_for(suspect.truth.module) for slip in at.drain(listed)]
        _computed[suspect.truth] = sorted(drained, key=lambda slip: -slip[1].prior)
    for tensor, hypothesis in _computed[suspect.truth]:
        if tensor != suspect.name or not _tells(hypothesis, suspect):
            continue
        if right_too or not same(hypothesis.predicted, suspect.true):
            yield hypothesis


def _tells(hypothesis: Hypothesis, suspect: Suspect) -> bool:
    """Whether a wrong formula is wrong here, too, and in more than the sign.

    Where backward gave numbers that are not finite, and nowhere else, the formula must give such, too.
    """
    predicted = hypothesis.predicted
    if predicted.shape != suspect.given.shape:
        return bool(np.isfinite(predicted).all()) and not same(predicted, suspect.true)
    return np.array_equal(np.isfinite(predicted), np.isfinite(suspect.given)) and (
        hypothesis.mistake is Mistake.SIGN or not same(-predicted, suspect.true)
    )


_computed: WeakKeyDictionary[Truth, list[Slip]] = WeakKeyDictionary()
"""The slips of each case: it is asked about for every wrong gradient."""


@cache
def _read_all_lists() -> None:
    """Each file of this folder registers its own."""
    for info in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{info.name}")
