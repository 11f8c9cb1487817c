"""Name the mistake in a step of forward, or in what is made of the whole gradient: the plainest first."""

from collections.abc import Iterable, Iterator

import numpy as np

from course.checking.diagnosis import whole
from course.checking.diagnosis.mistakes import Hypothesis, Mistake
from course.checking.diagnosis.pairs import multiples, pairs
from course.checking.diagnosis.search import Given, Known, explained, known_of
from course.checking.diagnosis.suspect import Suspect, same


def wrong_steps(suspect: Suspect) -> Iterator[Hypothesis]:
    """The wrong rule of a step that explains the most gradients, this one among them."""
    if suspect.given.shape != suspect.true.shape:
        yield from whole.unsummed(suspect)
    known = _comparable(suspect)
    if known is None:
        return
    factor = _multiple(suspect)
    if factor is not None and abs(factor + 1) < 1e-7:
        yield from _lost_minus(suspect, known)
    sources = [explained(suspect, known), whole.terms(suspect, known.program)]
    if factor is not None:
        sources += [
            whole.options(suspect, factor),
            whole.twice(suspect, factor),
            _anew(suspect, known),
            explained(suspect, known, "other") if suspect.true.size > 1 else iter(()),
        ]
        if factor < 0 and abs(factor + 1) > 1e-7:
            sources.append(multiples(suspect, known))
    yield from _first(suspect, sources)


NEGATING = frozenset(("neg", "sub", "rsub", "div", "reciprocal", "rsqrt", "cos"))
"""Steps that bring a minus, themselves or in their derivative."""


def _lost_minus(suspect: Suspect, known: Known) -> Iterator[Hypothesis]:
    """The whole has the wrong sign, and several steps may have lost it: the numbers do not say which."""
    rules = known.early
    places: dict[int, str] = {}
    for index in Given(known, suspect.grads).rivals(rules, known.names.index(suspect.name)):
        wrong = rules.wrongs[index]
        for number in wrong.rules if wrong.mistake is Mistake.SIGN else ():
            step = known.program.by_index[number]
            if step.name in NEGATING:
                own = step.name in ("neg", "sub", "rsub")
                places[number] = f"that of {step.place}" if own else f"that in the derivative of {step.place}"
    if len(places) > 1:
        first, second = list(places.values())[:2]
        what = f"{suspect.label} has the wrong sign: a minus is lost, {first} or {second}"
        yield Hypothesis(Mistake.SIGN, what, -suspect.true, 0.95)


def lost_paths(suspect: Suspect) -> Iterator[Hypothesis]:
    """What any step allows: a path left out, another value in a derivative's place; or two mistakes."""
    known = _comparable(suspect)
    if known is None or (suspect.true.size > 1 and _multiple(suspect) is not None):
        return
    if list(_first(suspect, [explained(suspect, known)])):
        return  # it has a plainer name
    sources = (
        explained(suspect, known, "paths"),
        explained(suspect, known, "other"),
        whole.factors(suspect, known.program),
        explained(suspect, known, "repeated"),
        _anew(suspect, known),
        pairs(suspect, known),
    )
    yield from _first(suspect, sources)


def _first(suspect: Suspect, sources: Iterable[Iterator[Hypothesis]]) -> Iterator[Hypothesis]:
    """What predicts every number, of the first source that has such; later ones are not even computed."""
    for source in sources:
        fitting = [hypothesis for hypothesis in source if suspect.matches(hypothesis.predicted)]
        yield from fitting
        if fitting:
            return


def _anew(suspect: Suspect, known: Known) -> Iterator[Hypothesis]:
    for mistake, what, gradients in known.anew:
        yield Hypothesis(mistake, what, gradients[suspect.name].cpu().numpy(), 0.9)


def _comparable(suspect: Suspect) -> Known | None:
    if suspect.given.shape != suspect.true.shape or not np.isfinite(suspect.given).all():
        return None
    return known_of(suspect.truth)


def _multiple(suspect: Suspect) -> float | None:
    """By what the gradient is a multiple of the true one, if it is one."""
    square = float((suspect.true**2).sum())
    factor = float((suspect.true * suspect.given).sum()) / square if square else 0.0
    return factor if factor and same(suspect.given, factor * suspect.true) else None
