"""Mistakes that any step allows: a path left out or counted twice, another value in a derivative's place."""

from collections.abc import Iterator

import torch
from torch import Tensor

from course.checking.diagnosis.mistakes import Mistake
from course.checking.diagnosis.reverse import Gradients, Program, Step
from course.checking.diagnosis.reverse.program import WrongRule
from course.checking.diagnosis.rules.elementwise import INVERSES, SMOOTH, from_out
from course.checking.diagnosis.rules.wrong import Wrong, at_input, first

REDUCTIONS = frozenset(
    ("sum", "mean", "var", "var_mean", "std", "amax", "amin", "logsumexp", "linalg_vector_norm", "max", "min")
)
"""Steps that make few numbers of many."""

CURVED = SMOOTH | frozenset(
    (
        *("mul", "div", "mm", "bmm", "relu", "maximum", "minimum", "abs", "linalg_vector_norm"),
        *("_softmax", "logsumexp", "clamp", "convolution"),
    )
)
"""Steps whose derivative reads the values of forward."""

MATRIX = ("mm", "bmm")

MASKED = ("relu", "where", "clamp", "clamp_min", "clamp_max", "hardtanh", "maximum")

MOST_SWAPS = 500
"""So many pairs of a step and another value are tried."""


def paths(program: Program) -> Iterator[Wrong]:
    """The paths through each step: left out, with the wrong sign, counted twice."""
    for step in program.steps:
        for position, number in enumerate(step.reads):
            several = step.reads.count(number)
            which = "the path" if several == 1 else f"one of the {several} paths"
            way = f"{which} from {program.called(number)} into {step.place}"
            for factor, mistake, what, prior in (
                (0.0, Mistake.PATH_LOST, f"{way} is left out", 0.88),
                (-1.0, Mistake.SIGN, f"{way} has the wrong sign", 0.86),
                (2.0, Mistake.EXTRA_FACTOR, f"{way} counts twice", 0.85),
                (0.5, Mistake.CONSTANT_FACTOR, f"{way} counts half", 0.82),
            ):
                yield scaled(step, position, factor, mistake, what, prior)


def scaled(step: Step, position: int, factor: float, mistake: Mistake, what: str, prior: float) -> Wrong:
    """What is handed on to one input, times a number."""
    return at_input(
        step, position, lambda grads: factor * step.pull_back(grads)[position], mistake, what, prior
    )


def statistics(program: Program) -> Iterator[Wrong]:
    """What is computed of sums, means or maxima over the data meets the data: the paths are left out."""
    statistics: set[int] = set()
    uses: dict[int, list[tuple[Step, int]]] = {}
    for step in program.steps:
        known = [number in statistics for number in step.reads]
        if step.name in REDUCTIONS or all(known):
            statistics.update(number for number in step.writes if number is not None)
        else:
            for position, number in enumerate(step.reads):
                if known[position]:
                    uses.setdefault(number, []).append((step, position))
    groups = [[place for places in uses.values() for place in places], *uses.values()]
    for index, group in enumerate(groups if len(groups) > 2 else groups[:1]):
        if group:
            rules: dict[int, list[tuple[Step, int]]] = {}
            for step, position in group:
                rules.setdefault(step.index, []).append((step, position))
            several = index == 0 and len(group) > 1
            what = (
                "the sums, means or maxima over the data depend on the data: "
                "the paths through them are missing"
                if several or len(uses) == 1
                else f"{group[0][0].called[group[0][1]]} depends on the data: the path through it is missing"
            )
            yield Wrong(
                {number: _without(cuts) for number, cuts in rules.items()},
                Mistake.CONSTANT_STATISTICS,
                what,
                0.96 if several or len(uses) == 1 else 0.95,
            )


def _without(cuts: list[tuple[Step, int]]) -> WrongRule:
    return lambda grads: {position: torch.zeros_like(step.inputs[position]) for step, position in cuts}


def replaced_values(program: Program) -> Iterator[Wrong]:
    """In a derivative, another value of the same shape stands where one that forward used belongs."""
    left = MOST_SWAPS
    for step in program.steps:
        for position, own in enumerate(step.inputs) if step.name in CURVED else ():
            for number, value in enumerate(program.values):
                turned = step.name in MATRIX and value.dim() > 1 and value.shape != own.shape
                value = value.mT if turned else value
                if value.shape != own.shape or number in step.reads or not left:
                    continue
                left -= 1
                at = [value if i == position else tensor for i, tensor in enumerate(step.inputs)]
                mine, other = step.called[position], program.called(number)
                what = f"in the derivative of {step.place}, {other} stands where {mine} belongs"
                mistake = Mistake.OUTPUT_FOR_INPUT if program.after(number, step) else Mistake.WRONG_FACTOR

                def rule(grads: Gradients, step: Step = step, at: list[Tensor] = at) -> dict[int, Tensor]:
                    return dict(enumerate(step.pull_back(grads, at)))

                yield Wrong({step.index: rule}, mistake, what, 0.86)


def replaced_results(program: Program) -> Iterator[Wrong]:
    """In a slope that is written with a step's value, another value stands; or a slope stands for a value."""
    for step in program.steps:
        for number, value in (
            enumerate(program.values) if step.name in INVERSES and len(step.reads) == 1 else ()
        ):
            if value.shape == step.out.shape and number not in (*step.reads, *step.writes):
                what = (
                    f"in the derivative of {step.place}, {program.called(number)} stands in its value's place"
                )
                slope = from_out(step.name, value)
                yield at_input(
                    step, 0, lambda grads, s=slope: first(grads) * s, Mistake.WRONG_FACTOR, what, 0.88
                )
        for position in (0, 1) if step.name == "mul" and len(step.reads) == 2 else ():
            maker = program.maker(step.reads[1 - position])
            if maker is None or maker.name not in SMOOTH or len(maker.writes) > 1:
                continue
            slope, own = maker.pull_back([torch.ones_like(maker.out)])[0], step.inputs[position]
            if slope.shape == maker.out.shape:
                way = step.gradient_of(position)
                what = f"{way} has the derivative of {maker.place} where its value belongs"

                def rule(grads: Gradients, slope: Tensor = slope, own: Tensor = own) -> Tensor:
                    return (first(grads) * slope).sum_to_size(own.shape)

                yield at_input(step, position, rule, Mistake.WRONG_FACTOR, what, 0.92)


def replaced_gradients(program: Program) -> Iterator[Wrong]:
    """At a step, the gradient of another value is used, or a value itself."""
    left = MOST_SWAPS
    for step in program.steps:
        grad = step.arrived[0]
        if grad is None or len(step.writes) != 1:
            continue
        for number, other in program.arrived.items():
            if number == step.writes[0] or other.shape != grad.shape or not left:
                continue
            left -= 1
            called = program.called(number)
            what = f"for {step.place}, the gradient of {called} is taken, where its own gradient belongs"

            def rule(grads: Gradients, step: Step = step, other: Tensor = other) -> dict[int, Tensor]:
                return dict(enumerate(step.pull_back([other])))

            yield Wrong({step.index: rule}, Mistake.PATH_LOST, what, 0.84)
        for number, value in enumerate(program.values):
            if value.shape == grad.shape and left:
                left -= 1
                for position in range(len(step.reads)):
                    called = program.called(number)
                    what = (
                        f"{step.gradient_of(position)} has {called} where the gradient that arrives belongs"
                    )
                    yield at_input(
                        step,
                        position,
                        lambda grads, s=step, v=value, p=position: s.pull_back([v])[p],
                        Mistake.UPSTREAM_IGNORED,
                        what,
                        0.84,
                    )


def other_masks(program: Program) -> Iterator[Wrong]:
    """A mask is made from another value than the one that forward compares."""
    for step in program.steps:
        if step.name not in MASKED:
            continue
        grad = step.arrived[0]
        for number, value in enumerate(program.values):
            if grad is None or value.shape != grad.shape:
                continue
            called = program.called(number)
            for mask, words in (
                (value > 0, f"{called} > 0"),
                (value < 0, f"{called} < 0"),
                (value < 1, f"{called} < 1"),
                (value > 1, f"{called} > 1"),
            ):
                what = f"the mask of {step.place} is made from {words}, and forward's is another"
                yield at_input(
                    step,
                    0,
                    lambda grads, m=mask: first(grads) * m,
                    Mistake.WRONG_MASK,
                    what,
                    0.9,
                )


def averaged_readers(program: Program) -> Iterator[Wrong]:
    """Where several steps read a value, their gradients are averaged, and not added."""
    readers: dict[int, list[tuple[Step, int]]] = {}
    for step in program.steps:
        for position, number in enumerate(step.reads):
            readers.setdefault(number, []).append((step, position))
    several = {number: places for number, places in readers.items() if len(places) > 1}
    groups = list(several.items())
    everywhere = [place for _, places in groups for place in places] if len(groups) > 1 else []
    for places, name in (
        *(([(s, p, len(places)) for s, p in places], program.called(n)) for n, places in groups),
        ([(s, p, len(several[s.reads[p]])) for s, p in everywhere], "a value"),
    ):
        rules: dict[int, list[tuple[int, int]]] = {}
        for step, position, count in places:
            rules.setdefault(step.index, []).append((position, count))

        def rule_of(step: Step, shares: list[tuple[int, int]]) -> WrongRule:
            def rule(grads: Gradients) -> dict[int, Tensor]:
                right = step.pull_back(grads)
                return {position: right[position] / count for position, count in shares}

            return rule

        if rules:
            what = f"where {name} is read several times, its gradients are averaged, and must be added"
            yield Wrong(
                {index: rule_of(program.by_index[index], shares) for index, shares in rules.items()},
                Mistake.MEAN_FOR_SUM,
                what,
                0.88,
            )


def skipped(program: Program) -> Iterator[Wrong]:
    """The gradient of a value is handed on to an earlier one, and all steps between are left out."""
    left = MOST_SWAPS
    for step in program.steps:
        grad = step.arrived[0]
        if grad is None or len(step.writes) != 1:
            continue
        before = program.before(step)
        for reader in program.steps:
            for position, number in enumerate(reader.reads):
                fits = number in before and program.values[number].shape == grad.shape
                if not fits or reader is step or not left or not program.leads(reader, step):
                    continue
                left -= 1

                def cut(grads: Gradients, step: Step = step) -> dict[int, Tensor]:
                    return {i: torch.zeros_like(t) for i, t in enumerate(step.inputs)}

                def add(
                    grads: Gradients, reader: Step = reader, position: int = position, grad: Tensor = grad
                ) -> dict[int, Tensor]:
                    return {position: reader.pull_back(grads)[position] + grad}

                called = program.called(number)
                what = (
                    f"the gradient of {step.place} is handed on to {called} as it is: "
                    f"what forward does between them is left out"
                )
                yield Wrong(
                    {step.index: cut, reader.index: add}, Mistake.LOCAL_DERIVATIVE_IGNORED, what, 0.87
                )
