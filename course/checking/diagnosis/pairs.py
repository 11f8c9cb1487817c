"""Two mistakes at once: two wrong rules of different steps, or one and a factor or an unused grad_output."""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from itertools import groupby

import numpy as np

from course.checking.diagnosis.mistakes import Hypothesis, Mistake
from course.checking.diagnosis.rules import Wrong
from course.checking.diagnosis.search import SURE, Given, Known, explained, known_of
from course.checking.diagnosis.slips import wrong_formulas
from course.checking.diagnosis.suspect import Suspect, same
from course.checking.finding import gradient_name

MOST_RULES = 1_500
"""With more rules than this, there are too many pairs to try."""

MOST_RUN = 12
"""So many pairs that agree are run through."""

MOST_TOLD = 3
"""So many rules that explain another tensor's gradient are joined with any others."""

ANY = 0.0
"""How sure a rule must be beside one that is known from another tensor's gradient."""


def pairs(suspect: Suspect, known: Known) -> Iterator[Hypothesis]:
    """The first two mistakes that explain every number together."""
    for source in (_scaled, _unused, _both, _chained):
        for hypothesis in source(suspect, known):
            if suspect.matches(hypothesis.predicted):
                yield hypothesis
                return


def of_formulas(suspect: Suspect) -> Iterator[Hypothesis]:
    """A wrong formula of the lists, and two tensors exchanged besides; or a factor of the whole."""
    if suspect.true.size < 3 or suspect.given.shape != suspect.true.shape:
        return
    listed = [h for h in wrong_formulas(suspect) if h.prior >= SURE]
    yield from _exchanged_too(suspect, {h.identity: h for h in listed})
    known = known_of(suspect.truth)
    for h in listed:
        square = float((h.predicted**2).sum()) if h.predicted.shape == suspect.given.shape else 0.0
        factor = float((h.predicted * suspect.given).sum()) / square if square else 0.0
        if h.mistake is not Mistake.SIGN and factor and same(suspect.given, factor * h.predicted):
            clause = _factor(suspect, known, factor, multiple=False)
            if clause is not None:
                yield Hypothesis(h.mistake, _two(h.what, clause), factor * h.predicted, 0.85)


def _exchanged_too(suspect: Suspect, own: Mapping[tuple[Mistake, str], Hypothesis]) -> Iterator[Hypothesis]:
    """What one wrong formula gives for two tensors, each in the place of the other."""
    for other, grad in (suspect.gradients() or {}).items():
        theirs = suspect.grads.get(other)
        if other == suspect.name or theirs is None or theirs.shape != suspect.given.shape:
            continue
        for h in wrong_formulas(Suspect(suspect.truth, other, suspect.grads, grad)):
            mine = own.get(h.identity)
            if mine is not None and same(suspect.given, h.predicted) and same(theirs, mine.predicted):
                first, second = sorted((suspect.label, gradient_name(other)))
                what = _two(f"{first} and {second} are exchanged", h.what)
                yield Hypothesis(Mistake.SWAPPED_GRADIENTS, what, h.predicted, 0.9)


def _two(first: str, second: str) -> str:
    return f"two things: {first}; and {second}"


def multiples(suspect: Suspect, known: Known) -> Iterator[Hypothesis]:
    """Two mistakes that make a constant multiple of the right gradient together."""
    for hypothesis in _scaled(suspect, known, multiple=True):
        if suspect.matches(hypothesis.predicted):
            yield hypothesis
            return


def _scaled(suspect: Suspect, known: Known, *, multiple: bool = False) -> Iterator[Hypothesis]:
    """One wrong rule, and a factor of the whole."""
    row, rules = known.names.index(suspect.name), known.early
    given = Given(known, suspect.grads)
    times = _ratios(given.true[row] + rules.changes[:, row], given.true[row])
    factors = _ratios(given.given[row], given.true[row] + rules.changes[:, row])
    for index in sorted(np.flatnonzero(factors), key=lambda i: (-rules.wrongs[i].prior, i)):
        wrong, factor = rules.wrongs[index], float(factors[index])
        if wrong.prior < SURE or abs(factor - 1) < 1e-7 or (multiple and not times[index]):
            continue
        alike = [
            rules.wrongs[i].what
            for i in np.flatnonzero(np.abs(times - factor) < 1e-7 * abs(factor))
            if rules.wrongs[i].rules.keys() != wrong.rules.keys()
        ]
        clause = alike[0] if alike else _factor(suspect, known, factor, multiple)
        if clause is not None:
            run = known.program.run(wrong.rules)[suspect.name].cpu().numpy()
            sure = 0.85 if suspect.true.size > 2 else 0.6
            yield Hypothesis(wrong.mistake, _two(wrong.what, clause), factor * run, sure)


def _ratios(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """By rule the ratio, if it is the same along both directions, else 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = above / below
        alike = np.abs(ratios[:, 0] - ratios[:, 1]) < 1e-7 * np.abs(ratios[:, 0])
    return np.where(alike & np.isfinite(ratios[:, 0]), ratios[:, 0], 0.0)


def _factor(suspect: Suspect, known: Known | None, factor: float, multiple: bool) -> str | None:
    """What a factor of the whole means; None where it may mean anything."""
    if abs(factor + 1) < 1e-7:
        return "the sign of the whole is wrong"
    if multiple:
        return None  # of two numbers that are multiplied, one at least must mean something
    for step in known.program.steps if known is not None else ():
        count = step.inputs[0].numel() // max(1, step.out.numel())
        if step.name == "mean" and abs(factor - count) < 1e-7 * count:
            return f"the whole is {count} times too large: the mean {step.place} is missing"
    for count in sorted({n for t in suspect.truth.moving.values() for n in (*t.shape, t.numel()) if n > 1}):
        if abs(factor * count - 1) < 1e-7:
            return f"the whole is divided by {count}, once too often"
    nice = Fraction(factor).limit_denominator(4)
    if abs(float(nice) - factor) < 1e-7 * abs(factor) and abs(nice.numerator) <= 4:
        times = "of" if abs(nice) < 1 else "times"
        return f"the whole is {nice} {times} what it should be".replace("-", "−")
    return None


def _unused(suspect: Suspect, known: Known) -> Iterator[Hypothesis]:
    """grad_output is not used, and a wrong rule besides."""
    ones = known_of(suspect.truth, ones=True)
    if ones is not None and suspect.true.size > 2:
        for hypothesis in explained(suspect, ones):
            if hypothesis.prior >= SURE:
                what = _two("grad_output is not used", hypothesis.what)
                yield Hypothesis(Mistake.UPSTREAM_IGNORED, what, hypothesis.predicted, 0.85)


def _both(suspect: Suspect, known: Known) -> Iterator[Hypothesis]:
    """Two wrong rules of different steps, whose changes add up."""
    rules = known.early
    if len(rules.wrongs) > MOST_RULES or suspect.true.size < 3:
        return
    row = known.names.index(suspect.name)
    given = Given(known, suspect.grads)
    sure = np.array(
        [i for i, wrong in enumerate(rules.wrongs) if wrong.prior >= SURE and len(wrong.rules) == 1]
    )
    if not len(sure):
        return
    changes, near = rules.changes[sure, row], float(given.near[row].max())
    sure, changes = sure[np.abs(changes[:, 0]) > near], changes[np.abs(changes[:, 0]) > near]
    rest = given.given[row] - given.true[row]
    order = np.argsort(changes[:, 0])
    low = np.searchsorted(changes[order, 0], rest[0] - changes[:, 0] - near)
    high = np.searchsorted(changes[order, 0], rest[0] - changes[:, 0] + near)
    agreeing: list[tuple[Wrong, Wrong]] = []
    for i, (start, end) in enumerate(zip(low, high, strict=True)):
        for j in order[start:end]:
            if i < j and (np.abs(changes[i] + changes[j] - rest) <= near).all():
                agreeing.append((rules.wrongs[sure[i]], rules.wrongs[sure[j]]))
    yield from _run(suspect, known, agreeing)


def _chained(suspect: Suspect, known: Known) -> Iterator[Hypothesis]:
    """Two wrong rules, of which one gets what the other hands on, so that they do not add up.

    As the other are tried first those that explain the gradient of another tensor.
    """
    rules, row = known.early, known.names.index(suspect.name)
    if len(rules.wrongs) > MOST_RULES or suspect.true.size < 3:
        return
    given = Given(known, suspect.grads)
    near = float(given.near[row].max())
    told = given.explaining_others(rules, row)[:MOST_TOLD]
    sure = [i for i, wrong in enumerate(rules.wrongs) if wrong.prior >= SURE and len(wrong.rules) == 1]
    sure.sort(key=lambda i: -rules.wrongs[i].prior)
    for _, firsts in groupby((*told, *sure), lambda i: i in told or rules.wrongs[i].prior):
        agreeing: list[tuple[Wrong, Wrong]] = []
        for i in firsts:
            rest = given.given[row] - given.true[row] - rules.changes[i, row]
            seconds, changes = known.after(i, ANY if i in told else SURE)
            fits = np.flatnonzero((np.abs(changes[:, row] - rest) <= near).all(axis=1))
            agreeing += [(rules.wrongs[i], seconds[j]) for j in fits]
        hypotheses = list(_run(suspect, known, agreeing))
        yield from hypotheses
        if any(suspect.matches(h.predicted) for h in hypotheses):
            return


def _run(suspect: Suspect, known: Known, agreeing: list[tuple[Wrong, Wrong]]) -> Iterator[Hypothesis]:
    agreeing.sort(key=lambda pair: -sum(wrong.prior for wrong in pair))
    for first, second in agreeing[:MOST_RUN]:
        if first.rules.keys() != second.rules.keys():
            run = known.program.run({**first.rules, **second.rules})[suspect.name].cpu().numpy()
            yield Hypothesis(first.mistake, _two(first.what, second.what), run, 0.85)
