"""Name a mistake in one step of forward: the wrong rule whose reverse pass gives what backward gave.

A reverse pass is linear: what a wrong rule changes in the gradient, seen along a random direction of the
input, is what it changes at its step, seen along the way that direction takes forward. So each rule costs
a product at its own step, and only those that agree along two directions are run through.
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, lru_cache, partial
from itertools import chain

import numpy as np
import torch
from torch import Generator, Tensor

from course.checking.diagnosis.mistakes import Hypothesis, Mistake
from course.checking.diagnosis.reverse import Gradients, Program
from course.checking.diagnosis.rules import (
    Wrong,
    computed_anew,
    other_rules,
    paths,
    repeated_rules,
    step_rules,
)
from course.checking.diagnosis.suspect import Suspect, same
from course.checking.truth import Truth

DIRECTIONS = 2
"""Along so many random directions a rule must agree before it is run through."""

NEAR = 1e-8
"""How near to what was given, as a share of its size: two different formulas do not agree so well."""

MOST_RUN = 6
"""So many rules that agree are run through."""


SURE = 0.92
"""Only rules that are this sure by themselves are paired: a pair of unlikely ones explains too much."""

MOST_CHAINED = 4_000
"""So many pairs of rules, of which one hands on to the other, are tried in all."""

COST_OF_A_RUN = 50
"""A run through all steps takes as long as so many pairs."""


class Candidates:
    """Wrong rules of a true forward, and what each changes in every gradient along random directions.

    Attributes:
        wrongs: the wrong rules.
        changes: what they change: by rule, by tensor, by direction.
    """

    def __init__(self, known: "Known", wrongs: Iterator[Wrong]) -> None:
        self.wrongs: list[Wrong] = []
        changes = []
        for wrong in wrongs:
            change = known.change(wrong)
            if change is not None:
                self.wrongs.append(wrong)
                changes.append(change)
        self.changes = np.stack(changes) if changes else np.zeros((0, len(known.names), DIRECTIONS))


class Known:
    """A true forward taken apart, and the wrong rules of its steps.

    Attributes:
        program: its steps.
        names: the inputs and parameters.
        directions: random directions for each of them.
        true: their true gradients along these.
    """

    def __init__(self, program: Program) -> None:
        self.program, self.names = program, list(program.leaves)
        rng = torch.Generator().manual_seed(0)
        self.directions = {
            name: [_random_like(grad, rng) for _ in range(DIRECTIONS)]
            for name, grad in program.gradients.items()
        }
        self.true = self.along(program.gradients)
        self._after: dict[tuple[int, float], tuple[list[Wrong], np.ndarray]] = {}
        self._left = MOST_CHAINED
        ways = [program.tangents(name, d) for name in self.names for d in self.directions[name]]
        self._seen = {
            number: torch.stack(
                [way[number].reshape(-1) if number in way else value.new_zeros(value.numel()) for way in ways]
            )
            for number, value in enumerate(program.values)
        }

    @cached_property
    def early(self) -> Candidates:
        """The wrong rules that say what was computed at one step."""
        return Candidates(self, step_rules(self.program))

    @cached_property
    def other(self) -> Candidates:
        """Those that put another value or gradient in the place of the right one, at any step."""
        return Candidates(self, other_rules(self.program))

    @cached_property
    def paths(self) -> Candidates:
        """Those that leave out a path, or count it wrongly."""
        return Candidates(self, paths(self.program))

    @cached_property
    def repeated(self) -> Candidates:
        """Those of a step that a loop of forward repeats, each time alike."""
        return Candidates(self, repeated_rules(self.program))

    @cached_property
    def anew(self) -> list[tuple[Mistake, str, dict[str, Tensor]]]:
        """The gradients when backward computes a value of forward wrongly, and what follows from it."""
        return [
            (mistake, what, self.program.run_with(step, out))
            for step, out, mistake, what in computed_anew(self.program)
        ]

    def change(
        self, wrong: Wrong, handed_on: tuple[Gradients, Sequence[Tensor]] | None = None
    ) -> np.ndarray | None:
        """What a rule changes, if it fits the shapes of its step and changes something.

        Args:
            handed_on: what arrives at its step, and what the right rule makes of it; else the true ones.
        """
        shape = (len(self.names), DIRECTIONS)
        try:
            if len(wrong.rules) > 1:
                change = self.along(self.program.run(wrong.rules)) - self.true
            else:
                ((index, rule),) = wrong.rules.items()
                step = self.program.by_index[index]
                change = np.zeros(shape)
                arrived, right = handed_on or (step.arrived, step.right)
                for position, handed in rule(arrived).items():
                    if handed.shape != step.inputs[position].shape:
                        return None
                    delta = (handed - right[position]).reshape(-1)
                    change += (self._seen[step.reads[position]] @ delta).cpu().numpy().reshape(shape)
        except (RuntimeError, IndexError, ValueError, TypeError):
            return None
        large = np.isfinite(change).all() and np.abs(change).max() > NEAR * np.abs(self.true).max()
        return change if large else None

    def after(self, index: int, least: float) -> tuple[list[Wrong], np.ndarray]:
        """What rules of earlier steps change when one of a later step, an early rule, is wrong, too.

        Args:
            least: how sure the rules must be by themselves.

        Returns:
            the rules that get something else to hand on, and what they change.
        """
        if (index, least) not in self._after:
            self._after[index, least] = self._changes_after(self.early.wrongs[index], least)
        return self._after[index, least]

    def _changes_after(self, first: Wrong, least: float) -> tuple[list[Wrong], np.ndarray]:
        (number,) = first.rules
        before = self.program.before(self.program.by_index[number])
        earlier = {s.index: s for s in self.program.steps if before.intersection(s.writes)}
        wrongs, changes = [], [np.zeros((0, len(self.names), DIRECTIONS))]
        if earlier and self._left > 0:
            self._left -= COST_OF_A_RUN
            arrived = self.program.arrivals(first.rules)
            grads = {i: [None if n is None else arrived.get(n) for n in s.writes] for i, s in earlier.items()}
            right = {i: s.pull_back(grads[i]) for i, s in earlier.items()}
            for wrong in chain(self.early.wrongs, self.other.wrongs if least < SURE else ()):
                i = next(iter(wrong.rules))
                if wrong.prior >= least and i in earlier and len(wrong.rules) == 1 and self._left > 0:
                    self._left -= 1
                    change = self.change(wrong, (grads[i], right[i]))
                    if change is not None:
                        wrongs.append(wrong)
                        changes.append(change[None])
        return wrongs, np.concatenate(changes)

    def along(self, gradients: Mapping[str, Tensor]) -> np.ndarray:
        """Gradients along the directions."""
        return np.array(
            [[float((d * gradients[name]).sum()) for d in self.directions[name]] for name in self.names]
        )


class Given:
    """What backward gave, along the directions.

    Attributes:
        given: by tensor and direction; nan where there is nothing to compare.
        true: the same of what it should have given.
        near: how near to it a prediction must come.
    """

    def __init__(self, known: Known, grads: Mapping[str, np.ndarray | None]) -> None:
        count = len(known.names)
        self.given, self.near = np.full((count, DIRECTIONS), np.nan), np.zeros((count, DIRECTIONS))
        self.true = known.true
        for row, name in enumerate(known.names):
            grad, true = grads.get(name), known.program.gradients[name].cpu().numpy()
            for column, direction in enumerate(known.directions[name]):
                d = direction.cpu().numpy()
                if grad is not None and grad.shape == true.shape:
                    self.given[row, column] = (d * grad).sum()
                    self.near[row, column] = NEAR * (np.linalg.norm(d * grad) + np.linalg.norm(d * true))
        self.wrong = (np.abs(self.given - self.true) > self.near).any(axis=1)
        """Of which tensors the gradient is wrong."""

    def agreeing(self, candidates: Candidates, row: int) -> list[int]:
        """The rules that explain the gradient of one tensor.

        First are those that explain the gradients of most others, too, and are against the fewest right ones.
        """
        return [index for index, _ in self._ranked(candidates, row)]

    def explaining_others(self, candidates: Candidates, row: int) -> list[int]:
        """The rules of one step that explain a wrong gradient of another tensor than that one."""
        agrees = np.all(np.abs(self.true + candidates.changes - self.given) <= self.near, axis=2) & self.wrong
        agrees[:, row] = False
        changed = np.abs(candidates.changes[:, row]).max(axis=1, initial=0.0) > 0
        fits = np.flatnonzero(agrees.any(axis=1) & changed)
        return [int(i) for i in fits if len(candidates.wrongs[i].rules) == 1]

    def rivals(self, candidates: Candidates, row: int) -> list[int]:
        """Of these rules, those that explain as many gradients as the first, and are against no more."""
        ranked = self._ranked(candidates, row)
        return [index for index, rank in ranked if rank == ranked[0][1]]

    def _ranked(self, candidates: Candidates, row: int) -> list[tuple[int, tuple[int, int]]]:
        predicted = self.true + candidates.changes
        agrees = np.all(np.abs(predicted - self.given) <= self.near, axis=2)
        explained, against = (agrees & self.wrong).sum(axis=1), (~agrees & ~self.wrong).sum(axis=1)
        ranks = {int(i): (-int(explained[i]), int(against[i])) for i in np.flatnonzero(agrees[:, row])}
        return sorted(ranks.items(), key=lambda pair: (pair[1], -candidates.wrongs[pair[0]].prior, pair[0]))


@lru_cache(maxsize=32)
def known_of(truth: Truth, ones: bool = False) -> Known | None:
    """A true forward taken apart; None where that cannot be.

    It is kept for the other gradients of the same case.

    Args:
        ones: whether all ones stand for the gradient that arrives.
    """
    grads = truth.grad_outputs
    upstream: Gradients = [None if g is None else torch.ones_like(g) if ones else g for g in grads]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            known = Known(Program(truth, upstream))
        except Exception:  # whatever torch cannot record is not taken apart
            return None
    exact = truth.exact(upstream)
    pairs = [] if exact is None else [(exact[n], g.cpu().numpy()) for n, g in known.program.gradients.items()]
    right = all(same(grad, true, 1e-9) or not (true.any() or grad.any()) for true, grad in pairs)
    return known if pairs and right else None


def explained(suspect: Suspect, known: Known, which: str = "early") -> Iterator[Hypothesis]:
    """The candidates that predict every number, the best first; they are collected when asked for."""
    candidates: Candidates = getattr(known, which)
    order = Given(known, suspect.grads).agreeing(candidates, known.names.index(suspect.name))
    for index in order[:MOST_RUN]:
        wrong = candidates.wrongs[index]
        predicted = known.program.run(wrong.rules)[suspect.name].cpu().numpy()
        if suspect.matches(predicted):
            yield Hypothesis(
                wrong.mistake,
                wrong.what,
                predicted,
                wrong.prior,
                wrong.key,
                elsewhere=partial(_in_other_case, which, (wrong.mistake, wrong.key or wrong.what)),
            )


def _in_other_case(which: str, identity: tuple[Mistake, str], other: Suspect) -> np.ndarray | None:
    """What the same wrong rule gives in another case; of several alike, the one that fits what was given."""
    known = known_of(other.truth)
    if known is None or other.given.shape != other.true.shape:
        return None
    predicted = None
    candidates: Candidates = getattr(known, which)
    for wrong in candidates.wrongs:
        if (wrong.mistake, wrong.key or wrong.what) == identity:
            predicted = known.program.run(wrong.rules)[other.name].cpu().numpy()
            if same(other.given, predicted):
                break
    return predicted


def _random_like(tensor: Tensor, rng: Generator) -> Tensor:
    return torch.randn(tensor.shape, dtype=tensor.dtype, generator=rng).to(tensor.device)
