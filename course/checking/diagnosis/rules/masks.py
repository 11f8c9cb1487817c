"""Wrong rules of steps that choose: the mask left out, inverted, or made from something else."""

from collections.abc import Iterator

import torch
from torch import Tensor

from course.checking.diagnosis.mistakes import Mistake
from course.checking.diagnosis.reverse import Step
from course.checking.diagnosis.rules.wrong import Wrong, at_input, first

CUTS = ("relu", "clamp", "clamp_min", "clamp_max", "hardtanh", "threshold")


def masks(step: Step) -> Iterator[Wrong]:
    """Wrong masks of ReLU and its like, of a choice between two, of the larger of two, of |x|."""
    if step.name in CUTS and len(step.reads) == 1:
        yield from _cut(step)
    elif step.name in ("maximum", "minimum") and len(step.reads) == 2:
        yield from _larger(step)
    elif step.name == "where":
        yield from _where(step)
    elif step.name == "abs":
        yield from _absolute(step)


def _cut(step: Step) -> Iterator[Wrong]:
    x, place = step.inputs[0], step.place
    open_ = step.pull_back([torch.ones_like(step.out)])[0]
    if len(open_.unique()) < 2:
        return
    for factor, mistake, what, prior in (
        (torch.ones_like(x), Mistake.MASK_MISSING, f"the mask of {place} is not applied", 0.95),
        (1 - open_, Mistake.WRONG_MASK, f"the mask of {place} is the wrong way round", 0.95),
        (
            x.sign(),
            Mistake.WRONG_MASK,
            f"the sign stands where the mask of {place} belongs: what is cut off gets −1, not 0",
            0.93,
        ),
        (
            x * open_,
            Mistake.EXTRA_FACTOR,
            f"the value of {place} is multiplied, where only its mask belongs",
            0.93,
        ),
        (x, Mistake.WRONG_MASK, f"the input of {place} is multiplied, where its mask belongs", 0.93),
        (x.abs(), Mistake.WRONG_MASK, f"|x| is multiplied, where the mask of {place} belongs", 0.9),
        (
            (x < 0).to(x.dtype),
            Mistake.WRONG_MASK,
            f"the mask of {place} is that of the negative numbers",
            0.93,
        ),
        ((x > 0).to(x.dtype), Mistake.WRONG_MASK, f"the mask of {place} asks for numbers above 0", 0.93),
        ((x > 1).to(x.dtype), Mistake.WRONG_MASK, f"the mask of {place} asks for numbers above 1", 0.9),
        ((x.abs() < 1).to(x.dtype), Mistake.WRONG_MASK, f"the mask of {place} asks for |x| below 1", 0.9),
    ):
        yield at_input(step, 0, lambda grads, f=factor: first(grads) * f, mistake, what, prior)
    own = f"the mask of {place} is made from the gradient that arrives"
    yield at_input(step, 0, lambda grads: first(grads) * (first(grads) > 0), Mistake.WRONG_MASK, own, 0.93)
    both = f"the mask of {place} is applied, and then one of the gradient that arrives, too"
    yield at_input(
        step, 0, lambda grads: first(grads) * (first(grads) > 0) * open_, Mistake.WRONG_MASK, both, 0.93
    )


def _together(step: Step, masks: tuple[Tensor, Tensor], mistake: Mistake, what: str, prior: float) -> Wrong:
    """Wrong masks for both inputs."""

    def rule(grads: list[Tensor | None]) -> dict[int, Tensor]:
        return {
            position: (first(grads) * mask).sum_to_size(step.inputs[position].shape)
            for position, mask in enumerate(masks)
        }

    return Wrong({step.index: rule}, mistake, what, prior)  # pyright: ignore[reportArgumentType]


def _larger(step: Step) -> Iterator[Wrong]:
    x, y, place = *step.inputs, step.place
    wins = step.pull_back([torch.ones_like(step.out)], [t.expand_as(step.out) for t in step.inputs])[0]
    ones = torch.ones_like(wins)
    swapped = f"the mask of {place} is the wrong way round: the loser gets the gradient"
    signs = f"the mask of {place} asks whether each number is above 0, not which is larger"
    sized = f"the mask of {place} compares absolute values"
    yield _together(step, (1 - wins, wins), Mistake.WRONG_MASK, swapped, 0.95)
    yield _together(step, ((x > 0) * ones, (y > 0) * ones), Mistake.WRONG_MASK, signs, 0.93)
    larger = (x.abs() > y.abs()) * ones
    yield _together(step, (larger, 1 - larger), Mistake.WRONG_MASK, sized, 0.9)
    half = f"of {place}, each input gets half of the gradient, wherever it is the larger or not"
    yield _together(step, (ones / 2, ones / 2), Mistake.WRONG_MASK, half, 0.9)
    for position, own in enumerate(step.inputs):
        what = f"the mask of {place} is not applied"
        yield at_input(
            step,
            position,
            lambda grads, like=own: first(grads).sum_to_size(like.shape),
            Mistake.MASK_MISSING,
            what,
            0.95,
        )
        for mask, words, mistake in (
            ((own > 0) * ones, signs, Mistake.WRONG_MASK),
            (wins if position else 1 - wins, swapped, Mistake.WRONG_MASK),
            (
                own * (1 - wins if position else wins),
                f"the larger number of {place} is multiplied, where only its mask belongs",
                Mistake.EXTRA_FACTOR,
            ),
        ):
            yield at_input(
                step,
                position,
                lambda grads, m=mask, like=own: (first(grads) * m).sum_to_size(like.shape),
                mistake,
                words,
                0.93,
            )


def _where(step: Step) -> Iterator[Wrong]:
    place = step.place
    chosen = [
        step.pull_back([torch.ones_like(step.out)], [t.expand_as(step.out) for t in step.inputs])[i]
        for i in range(len(step.inputs))
    ]
    inverted = f"the two sides of the mask in {place} are exchanged"
    if len(step.inputs) == 2:
        yield _together(step, (1 - chosen[0], 1 - chosen[1]), Mistake.WRONG_MASK, inverted, 0.95)
    for position, (own, mask) in enumerate(zip(step.inputs, chosen, strict=True)):
        for factor, mistake, what, prior in (
            (
                torch.ones_like(mask),
                Mistake.MASK_MISSING,
                f"in {place}, one side's gradient flows where the other side was chosen, too",
                0.93,
            ),
            (1 - mask, Mistake.WRONG_MASK, inverted, 0.92),
            (
                own * mask,
                Mistake.EXTRA_FACTOR,
                f"in {place}, the number that was chosen is multiplied, where only the mask belongs",
                0.9,
            ),
        ):
            yield at_input(
                step,
                position,
                lambda grads, f=factor, like=own: (first(grads) * f).sum_to_size(like.shape),
                mistake,
                what,
                prior,
            )


def _absolute(step: Step) -> Iterator[Wrong]:
    x, place = step.inputs[0], step.place
    for factor, mistake, what in (
        (
            torch.ones_like(x),
            Mistake.LOCAL_DERIVATIVE_IGNORED,
            f"the sign in the derivative of {place} is missing",
        ),
        (
            x,
            Mistake.WRONG_SLOPE,
            f"the number itself stands where its sign belongs, in the derivative of {place}",
        ),
        (x.abs(), Mistake.WRONG_SLOPE, f"the value of {place} stands where its derivative belongs"),
        (
            (x > 0).to(x.dtype),
            Mistake.WRONG_MASK,
            f"in the derivative of {place}, negative numbers get 0, as of a ReLU",
        ),
        (-x.sign(), Mistake.SIGN, f"the derivative of {place} has the wrong sign"),
    ):
        yield at_input(step, 0, lambda grads, f=factor: first(grads) * f, mistake, what, 0.93)
