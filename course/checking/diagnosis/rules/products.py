"""Wrong rules of products: a factor forgotten, taken twice, or another; quotients; matrix products."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from course.checking.diagnosis.mistakes import Mistake
from course.checking.diagnosis.reverse import Step
from course.checking.diagnosis.rules.wrong import Wrong, at_input, first, shown

MATRIX = ("mm", "bmm")


def products(step: Step) -> Iterator[Wrong]:
    """Wrong rules of a product, a quotient, a sum with a sign, a matrix product."""
    if step.name in MATRIX:
        yield from _matrix(step)
    elif step.name in ("mul", "div"):
        yield from _scaled(step)
        if len(step.reads) == 2:
            yield from _product(step) if step.name == "mul" else _quotient(step)
    elif step.name in ("sub", "rsub", "neg"):
        yield from _signs(step)


def _factor(
    step: Step,
    position: int,
    of: Callable[[Tensor], Tensor],
    mistake: Mistake,
    what: str,
    prior: float = 0.93,
) -> Wrong:
    """The gradient times something, summed where forward broadcast."""
    shape = step.inputs[position].shape
    return at_input(step, position, lambda grads: of(first(grads)).sum_to_size(shape), mistake, what, prior)


def _scaled(step: Step) -> Iterator[Wrong]:
    """A product with what is no function of the input: a number, or a mask."""
    if len(step.reads) != 1:
        return
    place = step.place
    ones = torch.ones_like(step.out)
    scale = step.pull_back([ones], [step.inputs[0].expand_as(step.out)])[0]
    levels = scale.unique()
    if len(levels) == 2 and levels[0] == 0 and scale.numel() > 2:
        for factor, mistake, what in (
            (ones, Mistake.MASK_MISSING, f"neither the mask nor the scale of {place} is applied"),
            (ones * levels[1], Mistake.MASK_MISSING, f"the mask of {place} is not applied"),
            ((scale != 0) * ones, Mistake.MASK_SCALE_MISSING, f"the scale of the mask in {place} is missing"),
            (levels[1] - scale, Mistake.WRONG_MASK, f"the mask of {place} is the wrong way round"),
            (scale * scale, Mistake.EXTRA_FACTOR, f"the scale of the mask in {place} is applied twice"),
        ):
            yield _factor(step, 0, lambda g, f=factor: g * f, mistake, what)
        return
    name = f"the factor of {place}" if len(levels) > 1 else f"the factor {shown(float(levels[0]))} of {place}"
    sign = levels.numel() == 1 and float(levels[0]) == -1
    yield _factor(
        step,
        0,
        lambda g: g.expand_as(step.out),
        Mistake.SIGN if sign else Mistake.MISSING_FACTOR,
        f"the minus of `{step.quote}` is missing" if sign else f"{name} is missing",
        0.95,
    )
    yield _factor(step, 0, lambda g: g * scale * scale, Mistake.EXTRA_FACTOR, f"{name} is taken twice")
    yield _factor(
        step, 0, lambda g: g / scale, Mistake.EXTRA_FACTOR, f"{name} divides where it belongs as a factor"
    )
    yield _factor(step, 0, lambda g: -g * scale, Mistake.SIGN, f"{name} has the wrong sign in backward", 0.9)


def _product(step: Step) -> Iterator[Wrong]:
    for position in (0, 1):
        own, other = step.inputs[position], step.inputs[1 - position]
        mine, its = step.called[position], step.called[1 - position]
        way = step.gradient_of(position)
        rules: tuple[tuple[Callable[[Tensor], Tensor], Mistake, str], ...] = (
            (lambda g: g.expand_as(step.out), Mistake.MISSING_FACTOR, f"lacks the factor {its}"),
            (lambda g, o=own: g * o, Mistake.WRONG_FACTOR, f"has {mine} as its factor, not {its}"),
            (lambda g, o=other: g * o * o, Mistake.EXTRA_FACTOR, f"has the factor {its} twice"),
            (
                lambda g, a=own, b=other: g * a * b,
                Mistake.EXTRA_FACTOR,
                f"has both {mine} and {its} as factors",
            ),
            (
                lambda g, o=other: g + o,
                Mistake.UPSTREAM_IGNORED,
                f"adds {its} to the gradient that arrives, where it is multiplied",
            ),
            (
                lambda g, o=other: g / o,
                Mistake.WRONG_SLOPE,
                f"is divided by {its}, where it is multiplied",
            ),
            (
                lambda g, o=other: g.expand_as(step.out) * o.sign(),
                Mistake.MISSING_FACTOR,
                f"lacks the factor {its}, all but its sign",
            ),
            (lambda g, o=other: g * o.abs(), Mistake.SIGN, f"has the factor {its} without its sign"),
        )
        for of, mistake, what in rules:
            yield _factor(step, position, of, mistake, f"{way} {what}", 0.94)


def _quotient(step: Step) -> Iterator[Wrong]:
    over, under = step.inputs
    top, bottom = step.gradient_of(0), step.gradient_of(1)
    its, mine = step.called
    rules: tuple[tuple[int, Callable[[Tensor], Tensor], Mistake, str], ...] = (
        (0, lambda g: g.expand_as(step.out), Mistake.MISSING_FACTOR, f"{top} is not divided by {mine}"),
        (0, lambda g: g / under**2, Mistake.EXTRA_FACTOR, f"{top} is divided twice by {mine}"),
        (0, lambda g: g * under, Mistake.WRONG_SLOPE, f"{top} is multiplied by {mine}, not divided"),
        (1, lambda g: g * over / under**2, Mistake.SIGN, f"{bottom} has the wrong sign"),
        (1, lambda g: -g * over / under, Mistake.MISSING_FACTOR, f"{bottom} lacks a square below"),
        (
            1,
            lambda g: g * over / under,
            Mistake.WRONG_SLOPE,
            f"{bottom} lacks a square below, and has the wrong sign",
        ),
        (1, lambda g: -g * over, Mistake.MISSING_FACTOR, f"{bottom} is not divided"),
        (1, lambda g: -g / under**2, Mistake.MISSING_FACTOR, f"{bottom} lacks the factor {its}"),
        (1, lambda g: -g * over / under**3, Mistake.EXTRA_FACTOR, f"{bottom} is divided once too often"),
        (1, lambda g: g / under, Mistake.WRONG_FACTOR, f"{bottom} is that of {its}"),
    )
    for position, of, mistake, what in rules:
        yield _factor(step, position, of, mistake, what)


def _signs(step: Step) -> Iterator[Wrong]:
    words = f"the minus of `{step.quote}` is missing"
    position = len(step.reads) - 1
    if step.name == "rsub" and len(step.reads) == 2:
        position = 0
    if step.name == "sub" and not isinstance(step.args[1], Tensor):
        return
    yield at_input(step, position, lambda grads: -step.pull_back(grads)[position], Mistake.SIGN, words, 0.95)


def _reshaped(matrix: Tensor) -> Tensor:
    """The shape of the transpose, with the numbers in their old order."""
    return matrix.reshape(matrix.mT.shape)


def _matrix(step: Step) -> Iterator[Wrong]:
    a, b = step.operands[:2]
    turned = "the other matrix needs a transpose, or has one too many"
    shuffled = "the other matrix is reshaped where it must be transposed, which shuffles its numbers"
    order = "the matrices stand in the wrong order"
    arriving = "the gradient that arrives needs a transpose, or has one too many"
    own = "that matrix itself stands where the other one belongs"
    result = "the result is transposed"
    rules: tuple[tuple[int, Callable[[Tensor], Tensor], Mistake, str], ...] = (
        (0, lambda g: g @ b, Mistake.MISSING_TRANSPOSE, turned),
        (1, lambda g: a @ g, Mistake.MISSING_TRANSPOSE, turned),
        (0, lambda g: g @ _reshaped(b), Mistake.MISSING_TRANSPOSE, shuffled),
        (1, lambda g: _reshaped(a) @ g, Mistake.MISSING_TRANSPOSE, shuffled),
        (0, lambda g: b @ g, Mistake.WRONG_FACTOR, order),
        (0, lambda g: b.mT @ g, Mistake.WRONG_FACTOR, order),
        (1, lambda g: g @ a, Mistake.WRONG_FACTOR, order),
        (1, lambda g: g @ a.mT, Mistake.WRONG_FACTOR, order),
        (0, lambda g: g.mT @ b.mT, Mistake.MISSING_TRANSPOSE, arriving),
        (1, lambda g: a.mT @ g.mT, Mistake.MISSING_TRANSPOSE, arriving),
        (0, lambda g: (g @ b.mT).mT, Mistake.TRANSPOSED, result),
        (1, lambda g: (a.mT @ g).mT, Mistake.TRANSPOSED, result),
        (0, lambda g: g @ a, Mistake.WRONG_FACTOR, own),
        (0, lambda g: g @ a.mT, Mistake.WRONG_FACTOR, own),
        (0, lambda g: g.mT @ a, Mistake.WRONG_FACTOR, own),
        (1, lambda g: b.mT @ g, Mistake.WRONG_FACTOR, own),
        (1, lambda g: b @ g, Mistake.WRONG_FACTOR, own),
        (1, lambda g: (g @ b.mT).mT, Mistake.WRONG_FACTOR, own),
        (0, lambda g: (g @ b).mT, Mistake.MISSING_TRANSPOSE, "transposes are missing"),
    )
    positions = {side: position for position, side in enumerate(step.sides)}
    for side, rule, mistake, what in rules:
        if side in positions:
            words = f"{step.gradient_of(positions[side])}: {what}"
            yield at_input(step, positions[side], lambda grads, r=rule: r(first(grads)), mistake, words, 0.93)
