"""Remarks on a submission's cells: nbgrader's comments, one written by a person and one written by us.

nbgrader keeps text only. This file alone knows how "could not be graded" is written as such a text, and how it
is read again.
"""

from dataclasses import dataclass

from autograder.errors import Problem

NOT_GRADED = "Not graded: "
"""How the automatic comment on an ungradable submission begins."""


@dataclass(frozen=True)
class Remark:
    """What was written about a cell: by a person, by us, or why its submission could not be graded."""

    by_hand: str = ""
    automatic: str = ""
    problem: str = ""
    """The sentence of a `Problem`."""


def not_graded(problem: Problem) -> str:
    """The automatic comment on a submission that could not be graded; `read_remark` is the other direction."""
    return f"{NOT_GRADED}{problem}"


def read_remark(by_hand: str | None, automatic: str | None) -> Remark:
    """A remark from nbgrader's two comments."""
    automatic = automatic or ""
    if automatic.startswith(NOT_GRADED):
        return Remark(by_hand or "", problem=automatic.removeprefix(NOT_GRADED))
    return Remark(by_hand or "", automatic)
