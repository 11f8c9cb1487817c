"""Two mistakes at once: two wrong rules of different steps, or one and a factor or an unused grad_output."""

from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from course.checking.diagnosis.mistakes import Hypothesis, Mistake
from course.checking.diagnosis.search import Candidates, Given, Known, explained, known_of
from course.checking.diagnosis.suspect import Suspect

MOST_RULES = 1_500
"""With more rules than this, there are too many pairs to try."""

MOST_RUN = 12
"""So many pairs that agree are run through."""

SURE = 0.92
"""Only rules that are this sure by themselves are paired: a pair of unlikely ones explains too much."""


def pairs(suspect: Suspect, known: Known) -> Iterator[Hypothesis]:
    """The first two mistakes that explain every number together."""
    for source in (_scaled, _unused, _both):
        for hypothesis in source(suspect, known):
            if suspect.matches(hypothesis.predicted):
                yield hypothesis
                return


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


def _factor(suspect: Suspect, known: Known, factor: float, multiple: bool) -> str | None:
    """What a factor of the whole means; None where it may mean anything."""
    if abs(factor + 1) < 1e-7:
        return "the sign of the whole is wrong"
    if multiple:
        return None  # of two numbers that are multiplied, one at least must mean something
    for step in known.program.steps:
        count = step.inputs[0].numel() // max(1, step.out.numel())
        if step.name == "mean" and abs(factor - count) < 1e-7 * count:
            return f"the whole is {count} times too large: the mean {step.place} is missing"
    for count in sorted({n for t in suspect.truth.moving.values() for n in (*t.shape, t.numel()) if n > 1}):
        if abs(factor * count - 1) < 1e-7:
            return f"the whole is divided by {count}, once too often"
    nice = Fraction(factor).limit_denominator(4)
    if abs(float(nice) - factor) < 1e-7 * abs(factor) and abs(nice.numerator) <= 4:
        return f"the whole is {nice} of what it should be".replace("-", "−")
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
    agreeing = []
    for i, (start, end) in enumerate(zip(low, high, strict=True)):
        for j in order[start:end]:
            if i < j and (np.abs(changes[i] + changes[j] - rest) <= near).all():
                agreeing.append((int(sure[i]), int(sure[j])))
    yield from _run(suspect, known, rules, agreeing)


def _run(
    suspect: Suspect, known: Known, rules: Candidates, agreeing: list[tuple[int, int]]
) -> Iterator[Hypothesis]:
    agreeing.sort(key=lambda pair: (-sum(rules.wrongs[i].prior for i in pair), pair))
    for i, j in agreeing[:MOST_RUN]:
        first, second = rules.wrongs[i], rules.wrongs[j]
        if first.rules.keys() != second.rules.keys():
            run = known.program.run({**first.rules, **second.rules})[suspect.name].cpu().numpy()
            yield Hypothesis(first.mistake, _two(first.what, second.what), run, 0.85)
