"""What goes wrong in ways that somebody can mend."""

import difflib
from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Problem(NamedTuple):
    """One thing that is wrong, and how to mend it; as text, the sentence that people read."""

    what: str
    """The thing: the sentence's subject."""
    cause: str
    """What is wrong with it: the predicate."""
    cure: str = ""
    """What to do about it."""

    @property
    def without_cure(self) -> str:
        """The sentence without its cure."""
        return f"{self.what} {self.cause}"

    def __str__(self) -> str:
        return f"{self.without_cure}: {self.cure}" if self.cure else self.without_cure


class AutograderError(Exception):
    """One line that names the thing, the cause and the cure."""

    def __init__(self, what: str, cause: str, cure: str = "") -> None:
        super().__init__(what, cause, cure)
        self.problem = Problem(what, cause, cure)

    def __str__(self) -> str:
        return str(self.problem)


class AnswersFoundError(AutograderError):
    """Students would receive answers: as text a line for each, with the file and the answer."""

    def __init__(self, answers: Sequence[str]) -> None:
        cause = "would receive these answers; nothing is written"
        super().__init__("students", cause, "take them out of the files named first")
        self.args = (answers,)
        self.answers = answers

    def __str__(self) -> str:
        return "\n".join(self.answers)


class NotGradedError(AutograderError):
    """One submission cannot be graded; the others can."""


def problem_of(error: Exception) -> Problem:
    """What an exception that is nobody's in particular says of the step in which it was raised."""
    if isinstance(error, AutograderError):
        return error.problem
    first_line = (str(error).strip().splitlines() or [""])[0]
    return Problem("the run", f"broke off ({type(error).__name__}: {first_line})", "grade it again")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The tail of an error line: the nearest known name, or all of them.

    `course.errors` has one as well: to import anything of the library takes the time in which torch is
    loaded.
    """
    known = sorted(known)
    nearest = difflib.get_close_matches(name, known, n=1)
    if nearest:
        return f"did you mean '{nearest[0]}'?"
    return f"there are {', '.join(known)}" if known else "there are none yet"
