"""The judge's verdicts, as they stand in the outputs of an autograded notebook's test cells."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MIMETYPE = "application/vnd.modular-learning.score+json"
"""Said once more here, since course.exercises.score brings torch with it; a test compares the two."""


@dataclass(frozen=True)
class PartVerdict:
    """One part of an exercise."""

    name: str
    passed: bool
    points: float
    most: float
    message: str
    mistake: str = ""
    """Its name, where one explains what was seen."""
    confidence: float = 0.0


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
    """What the judge wrote into a test cell; None where it wrote nothing, or where something is not as the judge writes it.

    Only a locked test cell counts, with one verdict that adds up: whatever a submission shows elsewhere is not the judge's.
    """
    about = cell.get("metadata", {}).get("nbgrader", {})
    if cell.get("cell_type") != "code" or not about.get("grade") or not about.get("locked") or about.get("solution"):
        return None
    found = [output["data"][MIMETYPE] for output in cell.get("outputs", ()) if MIMETYPE in output.get("data", {})]
    if len(found) != 1:
        return None
    try:
        return _verdict(found[0])
    except (KeyError, TypeError, ValueError):
        return None


def _verdict(data: Any) -> Verdict:
    parts = tuple(_part(part) for part in data["parts"])
    review = tuple(_text(reason) for reason in data["review"])
    verdict = Verdict(
        _text(data["exercise"]), _number(data["points"]), _number(data["most"]), _number(data["seconds"]), review, parts
    )
    if not math.isclose(verdict.points, sum(part.points for part in parts), abs_tol=1e-6):
        raise ValueError("the parts do not add up")
    return verdict


def _part(data: Any) -> PartVerdict:
    if type(data["passed"]) is not bool:
        raise TypeError("passed is yes or no")
    mistake = data["mistake"] or {"name": "", "confidence": 0.0}
    return PartVerdict(
        _text(data["name"]),
        data["passed"],
        _number(data["points"]),
        _number(data["most"]),
        _text(data["message"]),
        _text(mistake["name"]),
        _number(mistake["confidence"]),
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("a text belongs here")
    return value[:1000]


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise ValueError("a number belongs here, not negative")
    return float(value)
