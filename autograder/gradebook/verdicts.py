"""The judge's verdicts, as they stand in the outputs of an autograded notebook's test cells.

Two values of `course` are repeated here, since `course` brings torch with it, and nbgrader's own commands do
without; tests compare each pair.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from autograder.gradebook.notebooks import nbgrader_metadata

MIMETYPE = "application/vnd.modular-learning.score+json"
"""Under which the judge writes: `course.exercises.score.MIMETYPE`."""

NOT_WRITTEN = "not written"
"""The problem of a part that the student has not begun: `course.checking.finding.Problem.NOT_WRITTEN`."""


@dataclass(frozen=True)
class PartVerdict:
    """The verdict on one part of an exercise.

    Attributes:
        name: what the part is called in the exercise's points.
        passed: whether nothing was seen that should not be.
        points: the points earned.
        most: the points for a part that passed.
        found: what was seen that should not be, in one line; empty when passed.
        case: the label of the exercise's case in which it was seen, where there are several.
        problem: the kind of what was seen, such as NOT_WRITTEN; empty when passed, and where an older version
            judged, which did not say.
        mistake: the name of the mistake that explains what was seen, or empty.
        confidence: how sure the mistake is, from 0 to 1.
        sentence: what is said of the mistake; empty where `found` says as much.
        follows: the name of the failed part that this failure follows from, or empty.
    """

    name: str
    passed: bool
    points: float
    most: float
    found: str = ""
    case: str = ""
    problem: str = ""
    mistake: str = ""
    confidence: float = 0.0
    sentence: str = ""
    follows: str = ""


@dataclass(frozen=True)
class Verdict:
    """One exercise."""

    exercise: str
    points: float
    most: float
    seconds: float
    review: tuple[str, ...]
    parts: tuple[PartVerdict, ...]


def read_verdict(cell: Mapping[str, Any]) -> Verdict | None:
    """What the judge wrote into a test cell; None where it wrote nothing.

    None, too, where something is not as the judge writes it.

    Only a locked test cell counts, with one verdict that adds up: what a submission shows elsewhere is not
    the judge's. A verdict of an older version, which wrote messages in place of fields, is read, too.
    """
    about = nbgrader_metadata(cell)
    if (
        cell.get("cell_type") != "code"
        or not about.get("grade")
        or not about.get("locked")
        or about.get("solution")
    ):
        return None
    verdicts = [
        output["data"][MIMETYPE] for output in cell.get("outputs", ()) if MIMETYPE in output.get("data", {})
    ]
    if len(verdicts) != 1:
        return None
    try:
        return _verdict(verdicts[0])
    except (KeyError, TypeError, ValueError):
        return None


def _verdict(data: Any) -> Verdict:
    parts = tuple(_part(part) for part in data["parts"])
    review = tuple(_text(reason) for reason in data["review"])
    verdict = Verdict(
        _text(data["exercise"]),
        _number(data["points"]),
        _number(data["most"]),
        _number(data["seconds"]),
        review,
        parts,
    )
    if not math.isclose(verdict.points, sum(part.points for part in parts), abs_tol=1e-6):
        raise ValueError("the parts do not add up")
    return verdict


def _part(data: Any) -> PartVerdict:
    if type(data["passed"]) is not bool:
        raise TypeError("passed is yes or no")
    fields = data if "found" in data else _of_older_version(data)
    mistake = fields["mistake"] or {"name": "", "confidence": 0.0, "sentence": ""}
    return PartVerdict(
        name=_text(fields["name"]),
        passed=fields["passed"],
        points=_number(fields["points"]),
        most=_number(fields["most"]),
        found=_text(fields["found"]),
        case=_text(fields["case"]),
        problem=_text(fields["problem"]),
        mistake=_text(mistake["name"]),
        confidence=_number(mistake["confidence"]),
        sentence=_text(mistake["sentence"]),
        follows=_text(fields.get("follows", "")),  # an older version did not say
    )


def _of_older_version(data: dict[str, Any]) -> dict[str, Any]:
    """The fields of a part as an older version wrote it: a message, and of a mistake nothing but the name."""
    mistake = data["mistake"] and {**data["mistake"], "sentence": data["mistake"]["name"]}
    return {**data, "found": data["message"], "case": "", "problem": "", "mistake": mistake}


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("a text belongs here")
    return value[:1000]


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise ValueError("a number belongs here, not negative")
    return float(value)
