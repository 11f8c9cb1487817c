"""What goes wrong in ways that an instructor can mend."""

import difflib
from collections.abc import Iterable


class AutograderError(Exception):
    """One line that names the thing, the cause and the cure."""


class AnswersFoundError(AutograderError):
    """Students would receive answers: a line for each, with the file and the answer."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The tail of an error line: the nearest known name, or all of them."""
    known = sorted(known)
    nearest = difflib.get_close_matches(name, known, n=1)
    if nearest:
        return f"did you mean '{nearest[0]}'?"
    return f"there are {', '.join(known)}" if known else "there are none yet"
