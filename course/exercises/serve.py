"""Answers a judge's questions about a student's object, in the process where the student's code runs."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any, BinaryIO, cast

from course.exercises.exercise import Case
from course.exercises.recipe import follow, kinds_of
from course.exercises.respondent import Respondent
from course.exercises.wire import HEAD, WireError, lengths


def answer(respondent: Respondent, ask: str, of: list[Any]) -> dict[str, Any]:
    """The answer to one question on a case: what the respondent's method of that name gives."""
    recipe, *others = of
    case = follow(recipe)
    if ask == "probe":
        state, names, inputs, grads, parts = others
        evidence = respondent.probe(cast(Case, case), state, names, inputs, grads, kinds_of(parts))
        return asdict(evidence)
    methods: dict[str, Callable[..., Any]] = {
        "about": respondent.about,
        "own": respondent.own,
        "forward": respondent.forward,
        "steps": respondent.steps,
        "call": respondent.call,
    }
    return methods[ask](case, *others)


def receive(reading: BinaryIO) -> bytes | None:
    """One whole message; None when there is no other.

    Raises:
        WireError: it is too long, or ends in the middle.
    """
    head = _read(reading, HEAD)
    if not head:
        return None
    if len(head) < HEAD:
        raise WireError("the message is cut short")
    rest = _read(reading, sum(lengths(head)))
    return head + rest


def _read(reading: BinaryIO, count: int) -> bytes:
    parts = []
    while count > 0 and (part := reading.read(count)):
        parts.append(part)
        count -= len(part)
    return b"".join(parts)
