"""Wrong formulas that students write, by module, on the arrays of one case: the first that fits is it.

Each file holds the lists of one family of modules; `at` is what they are written with.
"""

from collections.abc import Iterator

from course.checking.diagnosis.mistakes import Hypothesis
from course.checking.diagnosis.slips.at import At, lists_for
from course.checking.diagnosis.suspect import Suspect

__all__ = ["wrong_formulas"]


def wrong_formulas(suspect: Suspect) -> Iterator[Hypothesis]:
    """What each wrong formula that is listed for the module gives for the suspect's tensor."""
    at = At(suspect)
    for listed in lists_for(suspect.truth.module):
        for tensor, hypothesis in at.drain(listed):
            if tensor == suspect.name:
                yield hypothesis
