"""What shows in the whole gradient of a tensor: something added, a value of forward as a factor, no sum."""

import inspect
from collections.abc import Iterator
from fractions import Fraction
from itertools import combinations

import numpy as np

from course.checking.diagnosis.mistakes import Hypothesis, Mistake
from course.checking.diagnosis.reverse import Program
from course.checking.diagnosis.rules.wrong import shown
from course.checking.diagnosis.suspect import Suspect, same


def unsummed(suspect: Suspect) -> Iterator[Hypothesis]:
    """The gradient has more axes than its tensor: it was not summed over them."""
    given, true = suspect.given, suspect.true
    more = given.ndim - true.ndim
    for axes in combinations(range(given.ndim), more) if more > 0 else ():
        if same(given.sum(axis=axes), true):
            names = ", ".join(map(str, axes))
            what = f"forward broadcasts {suspect.name}, so its gradient is summed over axes {names}"
            yield Hypothesis(Mistake.BROADCAST_NOT_REDUCED, what, given, 0.97)
            return


def terms(suspect: Suspect, program: Program) -> Iterator[Hypothesis]:
    """A value of forward is added to the right gradient."""
    rest, shape = suspect.given - suspect.true, suspect.true.shape
    if suspect.true.size < 2:
        return
    for number, value in enumerate(program.values):
        array = value.detach().cpu().numpy()
        if not _fits(array.shape, shape):
            continue
        term = np.broadcast_to(array, shape)
        square = float((term**2).sum())
        factor = float((term * rest).sum()) / square if square else 0.0
        nice = Fraction(factor).limit_denominator(1000)
        if not factor or abs(float(nice) - factor) > 1e-7 * abs(factor) or not same(rest, factor * term):
            continue
        called = program.called(number)
        much = called if nice == 1 else f"−{called}" if nice == -1 else f"{shown(factor)}·{called}"
        what = f"{much} is added to the gradient of {suspect.name}, and does not belong there"
        predicted = suspect.true + factor * term
        yield Hypothesis(Mistake.EXTRA_TERM, what, predicted, 0.92 if nice in (1, -1) else 0.85)


def factors(suspect: Suspect, program: Program) -> Iterator[Hypothesis]:
    """A value that forward computes on its way is a factor too many or too few."""
    true = suspect.true
    for number, value in enumerate(program.values):
        array = value.detach().cpu().numpy()
        if (
            number < len(program.leaves)
            or not _fits(array.shape, true.shape)
            or not np.abs(array).min() > 1e-9
        ):
            continue
        called = program.called(number)
        lacks = f"the gradient of {suspect.name} lacks a factor: {called}"
        often = f"the gradient of {suspect.name} has a factor once too often: {called}"
        yield Hypothesis(Mistake.MISSING_FACTOR, lacks, true / array, 0.87)
        yield Hypothesis(Mistake.EXTRA_FACTOR, often, true * array, 0.87)


def options(suspect: Suspect, factor: float) -> Iterator[Hypothesis]:
    """The gradient is a multiple of the true one by a number that the module was made with, no size."""
    made_with = inspect.signature(type(suspect.truth.module).__init__).parameters
    for name, number in vars(suspect.truth.module).items():
        label = name.strip("_")
        option = label in made_with and isinstance(made_with[label].default, float)
        if not option or not isinstance(number, int | float) or abs(number) in (0, 1):
            continue
        if abs(factor - number) < 1e-7 * abs(number):
            what = f"has {label}, which is {shown(number)}, once too often as a factor"
            mistake = Mistake.EXTRA_FACTOR
        elif abs(factor * number - 1) < 1e-7:
            what = f"lacks the factor {label}, which is {shown(number)}"
            mistake = Mistake.MISSING_FACTOR
        else:
            continue
        words = f"the gradient of {suspect.name} {what}"
        yield Hypothesis(mistake, words, factor * suspect.true, 0.88)


def twice(suspect: Suspect, factor: float) -> Iterator[Hypothesis]:
    """A parameter's gradient is twice what it should be, or the gradients of readers are averaged."""
    if suspect.name in suspect.truth.parameters and abs(factor - 2) < 1e-7:
        what = f"the gradient of {suspect.name} counts twice: is it added twice, or a backward called twice?"
        yield Hypothesis(Mistake.EXTRA_FACTOR, what, 2 * suspect.true, 0.82)
    count = sum(grad is not None for grad in suspect.truth.grad_outputs)
    if count > 1 and abs(factor * count - 1) < 1e-7:
        what = f"the {count} gradients that arrive are averaged, and must be added"
        yield Hypothesis(Mistake.MEAN_FOR_SUM, what, suspect.true / count, 0.85)


def _fits(small: tuple[int, ...], large: tuple[int, ...]) -> bool:
    try:
        return np.broadcast_shapes(small, large) == large
    except ValueError:
        return False
