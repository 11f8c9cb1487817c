"""What common mistakes make of a numerical gradient and of a relative error, for assignment 04."""

from collections.abc import Callable

import torch
from torch import Tensor

from course.exercises.bank._wrong_answers import WrongAnswer

TWICE = "twice the slope: how far apart are the two places at which f ran?"


def twice_a_row(x: Tensor) -> Tensor:
    """What two columns that move together give, where all numbers of a row have the same slope."""
    return 4 * x.sum(1, keepdim=True).expand_as(x)


def wrong_differences(
    function: Callable[[Tensor], Tensor], slope: Callable[[Tensor], Tensor], epsilon: float
) -> list[WrongAnswer]:
    """What mistakes make of a slope, whatever the function."""

    def times(factor: float) -> Callable[[Tensor], Tensor]:
        return lambda x: factor * slope(x)

    def only(place: int) -> Callable[[Tensor], Tensor]:
        def given(x: Tensor) -> Tensor:
            some = torch.zeros_like(x)
            some.view(-1)[place] = slope(x).reshape(-1)[place]
            return some

        return given

    rough = 1e-3  # a long step is not exact
    half = "half the slope: one place moved, or both? Compare with what is divided by"
    mistakes = [
        (TWICE, times(2)),
        (half, times(0.5)),
        ("the sign is wrong: which of the two runs is taken away from which?", times(-1)),
        (f"{TWICE} And its sign is wrong", times(-2)),
        ("the difference is not divided by the length of the step", times(2 * epsilon)),
        ("the difference is not divided by the length of the step", times(epsilon)),
        ("multiplied with the step, where a difference is divided by it", times(2 * epsilon**2)),
        (
            "divided by 2, then multiplied with the step: / and * run from left to right",
            times(epsilon**2),
        ),
        ("divided by the step twice", times(1 / epsilon)),
        ("divided by the step twice", times(0.5 / epsilon)),
        ("it is zero everywhere: did f run at a place that had moved?", times(0)),
    ]
    for factor, note in ((1, ""), (2, f"; and it is {TWICE}"), (0.5, f"; and it is {half}")):
        together = f"all numbers of x move at once: each of them has a slope of its own{note}"
        mistakes += [
            (together, lambda x, f=factor: f * slope(x).sum().expand_as(x)),
            (together, lambda x, f=factor: f * slope(x).sum()),
            (
                f"a whole row of x moves at once: each number has a slope of its own{note}",
                lambda x, f=factor: f * slope(x).sum(-1, keepdim=True).expand_as(x),
            ),
        ]
    mistakes += [
        ("of all numbers only the first one was moved", only(0)),
        ("of all numbers only the last one's slope is kept", only(-1)),
        ("every number has the last one's slope", lambda x: slope(x).reshape(-1)[-1].expand_as(x)),
        ("every number has the first one's slope", lambda x: slope(x).reshape(-1)[0].expand_as(x)),
        ("only one number came back: each number of x has a slope", lambda x: slope(x).reshape(-1)[-1]),
        ("the slopes are right, but not in the shape of x", lambda x: slope(x).reshape(-1)),
        ("the slopes are a mean over the numbers of x", lambda x: slope(x) / x.numel()),
        ("the two runs are added: a slope is a difference", lambda x: (function(x) / epsilon).expand_as(x)),
    ]
    return [WrongAnswer(what, given, rough) for what, given in mistakes]


def cube_between(ahead: float, behind: float) -> Callable[[Tensor], Tensor]:
    """The slope of the line through two points of a cube, as far from x."""
    return lambda x: 3 * x**2 + 3 * (ahead + behind) * x + ahead**2 + ahead * behind + behind**2


def _wrong_step(what: str, ahead: float, behind: float) -> list[WrongAnswer]:
    """Another step than was asked for, with its length or with twice or half of it."""
    line = cube_between(ahead, behind)
    also = {
        1: "",
        2: ". And it is twice too large",
        0.5: ". And it is half of it",
        -1: ". And its sign is wrong",
    }
    return [WrongAnswer(what + words, lambda x, f=f: f * line(x), 1e-8) for f, words in also.items()]


STEP = 0.4
"""A long step of which no power is as good as a slope, half of it, twice it, or a mean over four numbers."""

WRONG_STEPS = (
    *_wrong_step("this is a one-sided difference, from x to a place ahead: it leans to one side", STEP, 0.0),
    *_wrong_step(
        "this is a one-sided difference, from a place behind to x: it leans to one side", 0.0, -STEP
    ),
    *_wrong_step("each side moves by twice the step that was asked for", 2 * STEP, -2 * STEP),
    *_wrong_step("each side moves by half of the step that was asked for", STEP / 2, -STEP / 2),
    *_wrong_step("one side moves by more than the step: x was not put back in between", STEP, -2 * STEP),
    *_wrong_step("the side ahead moves by twice the step, the other not at all", 2 * STEP, 0.0),
    *_wrong_step("the side behind moves by twice the step, the other not at all", 0.0, -2 * STEP),
    WrongAnswer("the step that was asked for is not used, but a much shorter one", cube_between(0, 0), 1e-5),
    WrongAnswer(
        "the step that was asked for is not used, but a much shorter one, and on one side",
        cube_between(1e-3, 0),
        1e-2,
    ),
)
"""For a cube and that step, what another step gives."""


def _wrong_error(what: str, error: Callable[[Tensor, Tensor], Tensor]) -> WrongAnswer:
    return WrongAnswer(what, lambda a, b: (error(a, b), error(b, a)), 1e-9)


def _far(a: Tensor, b: Tensor) -> Tensor:
    return (a - b).abs().max()


def _top(a: Tensor, b: Tensor) -> Tensor:
    return torch.cat([a.flatten(), b.flatten()]).abs().amax()


def _length(a: Tensor) -> Tensor:
    return a.square().sum().sqrt()


def _added(tiny: float) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda a, b: _far(a, b) / (_top(a, b) + tiny)


_OWN = "each difference is divided by the numbers at its own place, not by the largest of a whole array"
WRONG_ERRORS = (
    _wrong_error(
        "two arrays of zeros are equal, but 0 is divided by 0",
        lambda a, b: _far(a, b) / torch.maximum(a.abs().max(), b.abs().max()),
    ),
    _wrong_error("this is the absolute error: nothing is divided by", _far),
    _wrong_error(
        "the difference keeps its sign: far below is as bad as far above", lambda a, b: (a - b).max()
    ),
    _wrong_error(
        "this is the mean of the differences, and not relative to anything", lambda a, b: (a - b).abs().mean()
    ),
    _wrong_error(
        "this is the length of the difference, and not relative to anything", lambda a, b: _length(a - b)
    ),
    _wrong_error(
        "divided by the largest number of one of the two only", lambda a, b: _far(a, b) / a.abs().max()
    ),
    _wrong_error(
        "divided by the largest number of one of the two only", lambda a, b: _far(a, b) / b.abs().max()
    ),
    _wrong_error(
        "divided by the sum of the two largest numbers, not by the larger one",
        lambda a, b: _far(a, b) / (a.abs().max() + b.abs().max()),
    ),
    _wrong_error(
        "divided by the mean of the two largest numbers, not by the larger one",
        lambda a, b: 2 * _far(a, b) / (a.abs().max() + b.abs().max()),
    ),
    _wrong_error(
        "divided by the smaller of the two largest numbers",
        lambda a, b: _far(a, b) / torch.minimum(a.abs().max(), b.abs().max()),
    ),
    _wrong_error(
        "the largest number for the denominator is found with its sign: large means far from zero",
        lambda a, b: _far(a, b) / torch.maximum(a.max(), b.max()),
    ),
    _wrong_error(
        _OWN,
        lambda a, b: ((a - b).abs() / torch.maximum(a.abs(), b.abs())).max(),
    ),
    _wrong_error(
        _OWN,
        lambda a, b: ((a - b).abs() / (a.abs() + b.abs())).max(),
    ),
    _wrong_error(
        _OWN,
        lambda a, b: ((a - b).abs() / a.abs()).max(),
    ),
    _wrong_error(
        _OWN,
        lambda a, b: ((a - b).abs() / b.abs()).max(),
    ),
    _wrong_error(
        "this is the mean of relative differences, the largest one is asked for",
        lambda a, b: ((a - b).abs() / torch.maximum(a.abs(), b.abs())).mean(),
    ),
    _wrong_error(
        "lengths (roots of sums of squares) stand where the largest numbers belong",
        lambda a, b: _length(a - b) / torch.maximum(_length(a), _length(b)),
    ),
    _wrong_error(
        "lengths (roots of sums of squares) stand where the largest numbers belong",
        lambda a, b: _length(a - b) / (_length(a) + _length(b)),
    ),
    _wrong_error(
        "lengths (roots of sums of squares) stand where the largest numbers belong",
        lambda a, b: _length(a - b) / _length(a),
    ),
    _wrong_error(
        "sums stand where the largest numbers belong",
        lambda a, b: (a - b).abs().sum() / (a.abs() + b.abs()).sum(),
    ),
    _wrong_error(
        "means or sums stand where the largest numbers belong",
        lambda a, b: (a - b).abs().sum() / torch.maximum(a.abs().sum(), b.abs().sum()),
    ),
    _wrong_error(
        "this is a mean difference over the largest number: the largest difference is asked for",
        lambda a, b: (a - b).abs().mean() / _top(a, b),
    ),
    _wrong_error(
        "the difference keeps its sign: far below is as bad as far above",
        lambda a, b: (a - b).max() / _top(a, b),
    ),
    _wrong_error(
        "the largest numbers are compared, not the numbers at each place",
        lambda a, b: (a.max() - b.max()).abs() / _top(a, b),
    ),
    _wrong_error(
        "the largest numbers are compared, not the numbers at each place",
        lambda a, b: (a.abs().max() - b.abs().max()).abs() / _top(a, b),
    ),
    _wrong_error(
        "one number is asked for, not one for each place",
        lambda a, b: (a - b).abs() / torch.maximum(a.abs(), b.abs()),
    ),
    _wrong_error(
        "one number is asked for, not one for each place",
        lambda a, b: (a - b).abs() / _top(a, b),
    ),
    *(
        _wrong_error(
            f"{tiny:g} is added to the denominator, and tiny numbers are no longer seen", _added(tiny)
        )
        for tiny in (10.0**-power for power in range(5, 17))
    ),
)
"""What mistakes make of a relative error. Where both arrays are zero, those that divide give nan."""
