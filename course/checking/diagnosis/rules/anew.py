"""What backward computes anew, and wrongly: a value of forward without a part of it, or over another axis."""

from collections.abc import Iterator

import torch
from torch import Tensor

from course.checking.diagnosis.mistakes import Mistake
from course.checking.diagnosis.reverse import Program, Step
from course.checking.diagnosis.rules.elementwise import SMOOTH
from course.checking.diagnosis.rules.wrong import shown

Anew = tuple[Step, Tensor, Mistake, str]
"""A step, its value as backward computes it, the mistake's name and a clause that says it."""


def computed_anew(program: Program) -> Iterator[Anew]:
    """Values of forward that backward needs, each in the ways that it is computed wrongly."""
    for step in program.steps:
        if len(step.reads) == 1 and step.out.shape == step.inputs[0].shape:
            yield from _elementwise(program, step)
        elif step.name in ("mean", "sum", "var"):
            yield from _statistic(step)


def _elementwise(program: Program, step: Step) -> Iterator[Anew]:
    x, place = step.inputs[0], step.place
    if step.name in ("add", "sub") and isinstance(step.args[1], int | float):
        number = step.args[1]
        small = 0 < abs(number) < 1e-2
        what = f"backward leaves out the {shown(number)} that forward adds in `{step.quote}`"
        yield step, x, Mistake.MISSING_FACTOR if not small else Mistake.CONSTANT_FACTOR, what
        roots = [s for s in program.steps if s.name in ("sqrt", "rsqrt") and step.writes[0] in s.reads]
        if roots and (x > 0).all():
            what = f"backward adds the {shown(number)} of `{step.quote}` outside of the root, forward inside"
            yield step, (torch.sqrt(x) + number) ** 2, Mistake.CONSTANT_FACTOR, what
        elif small:
            return
    elif step.name in SMOOTH or step.name in ("mul", "div"):
        what = f"backward uses {step.called[0]} where {place} belongs"
        yield step, x, Mistake.INPUT_FOR_OUTPUT, what
        if step.name in SMOOTH:
            what = f"backward applies {place} twice: the value that was saved is its result already"
            yield step, step.compute([step.out])[0].detach(), Mistake.OUTPUT_FOR_INPUT, what
    elif step.name == "_softmax":
        yield step, x, Mistake.INPUT_FOR_OUTPUT, f"backward uses the scores where {place} belongs"
        for axis in range(x.dim()):
            if axis != step.args[1] % x.dim():
                what = f"backward computes {place} over axis {axis}"
                yield step, torch.softmax(x, axis), Mistake.WRONG_AXIS, what


def _statistic(step: Step) -> Iterator[Anew]:
    x, place = step.inputs[0], step.place
    count = x.numel() // max(1, step.out.numel())
    if count < 2:
        return
    if step.name == "mean":
        what = f"backward divides by n − 1 in {place}, forward by n"
        yield step, step.out * count / (count - 1), Mistake.CONSTANT_FACTOR, what
        what = f"backward computes {place} as a sum, forward as a mean"
        yield step, step.out * count, Mistake.SUM_FOR_MEAN, what
    elif step.name == "var":
        what = f"backward divides by n in {place}, forward by n − 1"
        yield step, step.out * (count - 1) / count, Mistake.CONSTANT_FACTOR, what
    else:
        what = f"backward computes {place} as a mean, forward as a sum"
        yield step, step.out / count, Mistake.MEAN_FOR_SUM, what
    axes = step.args[1] if len(step.args) > 1 else None
    axes = [axes] if isinstance(axes, int) else axes
    if not axes or len(axes) != 1:
        return
    for axis in range(x.dim()):
        keep = bool(step.args[2]) if len(step.args) > 2 else False
        wrong = x.mean(axis, keepdim=keep) if step.name == "mean" else x.sum(axis, keepdim=keep)
        if axis != axes[0] % x.dim() and wrong.shape == step.out.shape and step.name != "var":
            yield step, wrong, Mistake.WRONG_AXIS, f"backward computes {place} over axis {axis}"
