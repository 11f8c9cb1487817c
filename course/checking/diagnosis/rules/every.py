"""All wrong rules of the steps of a program, the plainest first."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress

from course.checking.diagnosis.reverse import Program, Step
from course.checking.diagnosis.rules.blocks import blocks
from course.checking.diagnosis.rules.elementwise import elementwise
from course.checking.diagnosis.rules.masks import masks
from course.checking.diagnosis.rules.paths import (
    averaged_readers,
    other_masks,
    replaced_gradients,
    replaced_results,
    replaced_values,
    skipped,
    statistics,
)
from course.checking.diagnosis.rules.places import places
from course.checking.diagnosis.rules.products import products
from course.checking.diagnosis.rules.softmax import softmax
from course.checking.diagnosis.rules.sums import sums
from course.checking.diagnosis.rules.wrong import Wrong

FAMILIES = (elementwise, masks, products, sums, softmax, places)

MOST_RUNS = 4_000
"""So many steps are run in all to try the rules of a step that a loop repeats."""


def step_rules(program: Program) -> Iterator[Wrong]:
    """What students write in place of the rule of one step."""
    yield from statistics(program)
    yield from _fitting(blocks(program))
    for step in program.steps:
        yield from _of_step(step)


def other_rules(program: Program) -> Iterator[Wrong]:
    """Another value, mask or gradient in the place of the right one, at any step."""
    families = averaged_readers, other_masks, replaced_results, replaced_values, replaced_gradients, skipped
    for wrongs in families:
        yield from _fitting(wrongs(program))


def repeated_rules(program: Program) -> Iterator[Wrong]:
    """The same wrong rule at all steps that one expression of a loop makes."""
    alike: dict[tuple[str, str], list[Step]] = defaultdict(list)
    for step in program.steps:
        alike[step.quote, step.name].append(step)
    left = MOST_RUNS // max(1, len(program.steps))
    for steps in alike.values():
        rules: dict[str, list[Wrong]] = defaultdict(list)
        for step in steps if len(steps) > 1 else ():
            for wrong in _of_step(step):
                rules[wrong.what].append(wrong)
        for wrongs in rules.values():
            if len({index for wrong in wrongs for index in wrong.rules}) == len(steps) and left > 0:
                left -= 1
                first = wrongs[0]
                together = {index: rule for wrong in wrongs for index, rule in wrong.rules.items()}
                yield Wrong(together, first.mistake, first.what, first.prior, first.key)


def _of_step(step: Step) -> Iterator[Wrong]:
    for family in FAMILIES:
        yield from _fitting(family(step))


def _fitting(wrongs: Iterator[Wrong]) -> Iterator[Wrong]:
    """As far as the rules fit the shapes of a step."""
    with suppress(RuntimeError, IndexError, ValueError, TypeError):
        yield from wrongs
