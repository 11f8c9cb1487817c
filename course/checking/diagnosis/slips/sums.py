"""Sums that go wrong: over the wrong axis, a mean, one example only; and so a whole linear map."""

import itertools
from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor

from course.checking.diagnosis.mistakes import Mistake
from course.checking.diagnosis.slips.at import At, Slip
from course.checking.finding import gradient_name

MIXED = (
    "for {}, numbers of different channels are mixed: the channels must be moved to the last axis before "
    "a reshape to rows of channels"
)
"""Said of x.reshape(-1, channels) where the channels are not the last axis."""


def along(rank: int) -> dict[int, str]:
    """What lies along the axes behind examples and channels: steps, or rows and columns."""
    if rank == 3:
        return {2: "the steps"}
    return {axis: {2: "the rows", 3: "the columns"}.get(axis, f"axis {axis}") for axis in range(2, rank)}


def wrong_sums(at: At, name: str, terms: Tensor, axes: Mapping[int, str]) -> Iterator[Slip | None]:
    """The wrong ways to collect the gradient of a tensor that forward uses at many places.

    Args:
        terms: what each place contributes.
        axes: over which they are summed, each with what lies along it ("the examples").
    """
    label, shape = gradient_name(name), at[name].shape
    over, words = tuple(axes), " and ".join(axes.values())
    rest = tuple(axis for axis in range(terms.ndim) if axis not in axes)
    if tuple(terms.shape[axis] for axis in rest) != tuple(shape):
        return
    yield at.slip(
        name,
        terms,
        Mistake.BROADCAST_NOT_REDUCED,
        f"{label} still has a number for each of {words}, though they all share {name}: they are not summed",
    )
    for count in range(1, len(over)):
        for some in itertools.combinations(over, count):
            left = " and ".join(word for axis, word in axes.items() if axis not in some)
            yield at.slip(
                name,
                terms.sum(some),
                Mistake.BROADCAST_NOT_REDUCED,
                f"{label} is not summed over {left}, though they all share {name}",
            )
            done = " and ".join(axes[axis] for axis in some)
            yield at.slip(
                name,
                terms.mean(some, keepdim=True).sum(over),
                Mistake.MEAN_FOR_SUM,
                f"{label} is a mean over {done}: each of them adds its whole share",
            )
    yield at.slip(
        name,
        terms.mean(over),
        Mistake.MEAN_FOR_SUM,
        f"{label} is a mean over {words}: each of them adds its whole share",
    )
    if rest:
        yield at.slip(
            name,
            terms.sum().expand(shape),
            Mistake.WRONG_AXIS,
            f"the sum for {label} runs over everything, so that all its numbers are alike",
        )
        yield at.slip(
            name,
            terms.mean().expand(shape),
            Mistake.WRONG_AXIS,
            f"{label} is a mean over everything, so that all its numbers are alike",
        )
    for others in itertools.combinations(range(terms.ndim), len(over)):
        if others != over and terms.sum(others).shape == shape:
            yield at.slip(
                name,
                terms.sum(others),
                Mistake.WRONG_AXIS,
                f"the sum for {label} runs over the wrong axis: {words} share {name}, each adds to it",
            )
    if len(rest) == 1 and rest[0] < terms.ndim - 1:
        yield at.slip(
            name,
            lambda: terms.reshape(-1, terms.shape[rest[0]]).sum(0),
            Mistake.WRONG_AXIS,
            MIXED.format(label),
        )
    for axis, word in axes.items():
        yield from _some(at, name, terms, axis, word, over)
    flat = terms.permute(*over, *rest).flatten(0, len(over) - 1)
    if len(over) > 1:
        yield from _some(at, name, flat, 0, words, (0,))


def stopped_loops(axes: Sequence[str]) -> Iterator[tuple[str, tuple[slice, ...]]]:
    """What loops over axes, one inside the other, have done if a `return` inside of them ends them all.

    Args:
        axes: what lies along each axis, in the singular.

    Yields:
        what is wrong, and the part that was reached.
    """
    for start, stop in itertools.combinations(range(len(axes) + 1), 2):
        words = " in ".join(f"the first {word}" for word in reversed(axes[start:stop]))
        part = tuple(slice(1 if start <= axis < stop else None) for axis in range(len(axes)))
        yield f"only {words} gets a gradient: is a `return` indented too far, inside of a loop?", part


def _some(
    at: At, name: str, terms: Tensor, axis: int, word: str, over: tuple[int, ...]
) -> Iterator[Slip | None]:
    """Only the first or the last along one axis, or all but one of them."""
    label, size = gradient_name(name), terms.shape[axis]
    if size < 2:
        return
    for which, start in (("last", size - 1), ("first", 0)):
        yield at.slip(
            name,
            terms.narrow(axis, start, 1).sum(over),
            Mistake.EXAMPLES_MISSING,
            f"of {word}, only the {which} counts in {label}: all of them share {name}",
        )
    for which, start in (("last", 0), ("first", 1)) if size > 2 else ():
        yield at.slip(
            name,
            terms.narrow(axis, start, size - 1).sum(over),
            Mistake.EXAMPLES_MISSING,
            f"of {word}, the {which} does not count in {label}",
        )


def broadcast_slips(at: At, name: str, terms: Tensor) -> Iterator[Slip | None]:
    """The wrong ways to collect the gradient of a tensor that forward broadcast.

    Args:
        terms: what each place of the output contributes.
    """
    shape = tuple(at[name].shape)
    padded = (1,) * (terms.dim() - len(shape)) + shape
    over = tuple(axis for axis, size in enumerate(padded) if size != terms.shape[axis])
    label, shared = gradient_name(name), f"each number of {name} served several of the output"
    for axis in range(terms.dim()):
        what = (
            f"{label} is a mean along axis {axis}: a sum belongs there, along what {name} was broadcast over"
        )
        for keep in (True, False):
            key = f"mean of {name} along {axis} {keep}"
            yield at.slip(name, terms.mean(axis, keepdim=keep), Mistake.MEAN_FOR_SUM, what, 0.94, key)
    if not over:
        return
    what = f"{label} is not summed where {name} was broadcast: {shared}"
    yield at.slip(name, terms, Mistake.BROADCAST_NOT_REDUCED, what)
    what = f"{label} is a mean where {name} was broadcast: {shared}, and each adds its whole share"
    yield at.slip(name, terms.mean(over, keepdim=True).reshape(shape), Mistake.MEAN_FOR_SUM, what)
    kept = terms.sum(over, keepdim=True)
    squeezed = terms.sum(over)
    for wrong in (kept, squeezed):
        if wrong.shape != at[name].shape:
            what = f"{label} is summed, but has not the shape of {name}"
            yield at.slip(name, wrong, Mistake.BROADCAST_NOT_REDUCED, what)
    what = f"the sum for {label} runs over everything, so that all its numbers are alike"
    yield at.slip(name, terms.sum().expand(shape), Mistake.WRONG_AXIS, what)
    for others in itertools.combinations(range(terms.dim()), len(over)):
        if others != over:
            what = f"the sum for {label} runs over the wrong axis: {shared}, along another one"
            yield at.slip(name, lambda others=others: terms.sum(others).view(shape), Mistake.WRONG_AXIS, what)
            wide = terms.sum(others, keepdim=True)
            yield at.slip(name, wide, Mistake.WRONG_AXIS, what)
    for which, index in (("first", 0), ("last", -1)):
        some = terms
        for axis in over:
            some = some.narrow(axis, index % terms.shape[axis], 1)
        what = f"of the places that each number of {name} served, only the {which} counts in {label}"
        yield at.slip(name, some.reshape(shape), Mistake.EXAMPLES_MISSING, what)


def linear_slips(
    at: At,
    grad: Tensor,
    x: Tensor,
    names: tuple[str | None, str | None, str | None],
    *,
    weight: Tensor | None = None,
    where: str = "",
) -> Iterator[Slip | None]:
    """The wrong ways back through one linear map y = W x + b.

    Args:
        grad: what arrives at y, its features last.
        x: what the map read.
        names: what x, W and b are called; None where one of them has no gradient of its own.
        weight: the numbers of W, where it has no name.
        where: which of several maps it is, for the sentence.
    """
    of_x, of_weight, of_bias = names
    w = at[of_weight] if of_weight is not None and weight is None else weight
    if w is None or grad.shape[-1] != w.shape[0] or x.shape[-1] != w.shape[1]:
        return
    if of_x is not None and of_x in at:
        label = gradient_name(of_x)
        yield at.slip(
            of_x,
            lambda: grad @ w.mT,
            Mistake.MISSING_TRANSPOSE,
            f"for {label}{where}, the weight enters with rows and columns exchanged",
        )
        if of_bias is not None and of_bias in at:
            bias = at[of_bias]
            yield at.slip(
                of_x,
                lambda: grad @ w + bias,
                Mistake.EXTRA_TERM,
                f"{of_bias} is added to {label}, as in forward: a constant has no part in a slope",
            )
        yield at.slip(
            of_x,
            lambda: grad * w.sum(0),
            Mistake.WRONG_AXIS,
            f"in {label}{where}, what arrives is multiplied number by number, and not mixed by the weight",
        )
        yield at.slip(
            of_x,
            lambda: (grad @ w) * x,
            Mistake.EXTRA_FACTOR,
            f"{label}{where} is multiplied with {of_x} as well: the weight alone is the slope here",
        )
    rows, arriving = x.reshape(-1, x.shape[-1]), grad.reshape(-1, grad.shape[-1])
    if of_weight is not None and of_weight in at and weight is None:
        label = gradient_name(of_weight)
        outer = arriving[:, :, None] * rows[:, None, :]
        yield at.slip(of_weight, lambda: outer.sum(0).T, Mistake.TRANSPOSED, f"{label} is transposed")
        yield from wrong_sums(at, of_weight, outer, {0: "the examples"})
        yield at.slip(
            of_weight,
            lambda: arriving.sum(0)[:, None] * rows.sum(0),
            Mistake.MISPLACED_FACTOR,
            f"{label} is a product of two sums over the examples: each example has its own product",
        )
        yield at.slip(
            of_weight,
            lambda: (outer * w).sum(0),
            Mistake.EXTRA_FACTOR,
            f"{label} is multiplied with the weight as well",
        )
        yield at.slip(
            of_weight,
            lambda: arriving.sum(0)[:, None].expand(w.shape),
            Mistake.MISSING_FACTOR,
            f"what the map read is left out of {label}: that is how the output changes with the bias",
        )
        yield at.slip(
            of_weight,
            lambda: rows.sum(0).expand(w.shape),
            Mistake.UPSTREAM_IGNORED,
            f"what arrives is not used in {label}",
        )
    if of_bias is not None and of_bias in at:
        yield from wrong_sums(at, of_bias, arriving, {0: "the examples"})
        yield at.slip(
            of_bias,
            lambda: torch.full_like(arriving[0], len(arriving)),
            Mistake.UPSTREAM_IGNORED,
            f"what arrives is not used in {gradient_name(of_bias)}",
        )
        yield at.slip(
            of_bias,
            lambda: torch.ones_like(arriving[0]),
            Mistake.UPSTREAM_IGNORED,
            f"what arrives is not used in {gradient_name(of_bias)}",
        )
        yield at.slip(
            of_bias,
            lambda: arriving.sum(0) * at[of_bias],
            Mistake.EXTRA_FACTOR,
            f"{gradient_name(of_bias)} is multiplied with {of_bias}: its slope is 1",
        )
