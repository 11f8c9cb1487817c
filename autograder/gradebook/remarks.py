"""Remarks on a submission's cells: nbgrader's comments, one written by a person and one written by us.

nbgrader keeps text only. This file alone knows how "could not be graded" and "a person should look" are
written as such a text, and how each is read again.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from autograder.errors import Problem

NOT_GRADED = "Not graded: "
"""How the automatic comment on an ungradable submission begins."""

FOR_REVIEW = "For review: "
"""How the automatic comment on an answer begins that a person should look at."""


@dataclass(frozen=True)
class Remark:
    """What was written about a cell, by its purpose: each text is empty where nothing was written.

    Attributes:
        by_hand: a person's comment.
        automatic: an automatic comment of no other purpose, such as nbgrader's own "No response.".
        problem: why the submission could not be graded: the sentence of a `Problem`.
        review: why a person should look at the answer, as `for_review` writes it.
    """

    by_hand: str = ""
    automatic: str = ""
    problem: str = ""
    review: str = ""


def not_graded(problem: Problem) -> str:
    """The automatic comment on a submission that could not be graded; `read_remark` reads it back."""
    return f"{NOT_GRADED}{problem}"


def for_review(reasons: Sequence[str]) -> str:
    """The automatic comment on an answer that a person should look at; `read_remark` reads it again."""
    return "; ".join(f"{FOR_REVIEW}{reason}" for reason in dict.fromkeys(reasons))


def read_remark(by_hand: str | None, automatic: str | None) -> Remark:
    """A remark from nbgrader's two comments."""
    automatic = automatic or ""
    if automatic.startswith(NOT_GRADED):
        return Remark(by_hand or "", problem=automatic.removeprefix(NOT_GRADED))
    if automatic.startswith(FOR_REVIEW):
        return Remark(by_hand or "", review=automatic)
    return Remark(by_hand or "", automatic)
