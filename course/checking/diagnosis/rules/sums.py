"""Wrong rules of sums and means, and of what forward broadcasts, which is summed in backward."""

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from course.checking.diagnosis.mistakes import Mistake
from course.checking.diagnosis.reverse import Gradients, Step
from course.checking.diagnosis.rules.wrong import Wrong, at_input, first

BROADCASTS = frozenset(
    ("add", "sub", "rsub", "mul", "div", "pow", "where", "maximum", "minimum", "expand", "lerp")
)
"""Steps that repeat numbers of an input, so that its gradient is a sum."""

CONTRACTS = frozenset(("mm", "bmm", "convolution", "index", "embedding", "gather", "index_select"))
"""Steps whose gradient of one input is a sum over another axis of the gradient that arrives."""


def sums(step: Step) -> Iterator[Wrong]:
    """What is summed in backward: over what, and how much of it; and what is spread out again."""
    if step.name in BROADCASTS:
        for position, tensor in enumerate(step.inputs):
            if tensor.shape != step.out.shape and tensor.numel():
                yield from _unsummed(step, position)
    elif step.name in CONTRACTS:
        yield from _contracted(step)
    elif step.name in ("sum", "mean"):
        yield from _spread(step)
    elif step.name in ("amax", "amin", "max", "min"):
        yield from _largest(step)
    elif step.name == "linalg_vector_norm":
        yield from _length(step)


def _unsummed(step: Step, position: int) -> Iterator[Wrong]:
    """The sum over the axes along which one input was broadcast."""
    own = step.inputs[position]
    wide = [t.expand_as(step.out) if i == position else t for i, t in enumerate(step.inputs)]
    padded = (1,) * (step.out.dim() - own.dim()) + tuple(own.shape)
    axes = [i for i, (n, m) in enumerate(zip(padded, step.out.shape, strict=True)) if n == 1 and m > 1]
    if not axes:
        return
    count = math.prod(step.out.shape[axis] for axis in axes)
    shape = own.shape

    def terms(grads: Gradients) -> Tensor:
        return first(grads) if step.name == "expand" else step.pull_back(grads, wide)[position]

    def rule(
        change: Callable[[Tensor], Tensor], mistake: Mistake, what: str, prior: float, key: str = ""
    ) -> Wrong:
        return at_input(step, position, lambda grads: change(terms(grads)), mistake, what, prior, key)

    name = step.gradient_of(position)
    yield rule(
        lambda t: t.sum_to_size(shape) / count,
        Mistake.MEAN_FOR_SUM,
        f"{name} is a mean over {count} numbers, where a sum belongs",
        0.93,
        f"mean of {step.place}",
    )
    yield rule(
        lambda t: t.sum().expand(shape),
        Mistake.WRONG_AXIS,
        f"{name} is summed over everything: over which axes was it broadcast?",
        0.93,
    )
    yield rule(
        lambda t: t.mean().expand(shape),
        Mistake.WRONG_AXIS,
        f"{name} is a mean over everything: over which axes was it broadcast?",
        0.9,
    )
    for axis in axes:
        n = step.out.shape[axis]
        label = "example" if axis == 0 and step.out.dim() > 1 else f"number along axis {axis}"
        for kept, words in _kept(n, label):
            yield rule(
                lambda t, a=axis, k=kept: _masked(t, a, k).sum_to_size(shape),
                Mistake.EXAMPLES_MISSING,
                f"{name} is no whole sum: {words}",
                0.93,
            )
        if len(axes) > 1:
            yield rule(
                lambda t, n=n: t.sum_to_size(shape) / n,
                Mistake.MEAN_FOR_SUM,
                f"{name} is a mean over axis {axis}, where a sum belongs",
                0.92,
            )
        for other in range(step.out.dim()):
            if other not in axes and step.out.shape[other] == n and len(axes) == 1:
                yield rule(
                    lambda t, o=other: t.sum(o).reshape(shape),
                    Mistake.WRONG_AXIS,
                    f"{name} is summed over axis {other}: over which axis was it broadcast?",
                    0.93,
                )


def _kept(n: int, label: str) -> Iterator[tuple[tuple[int, int], str]]:
    """Parts of an axis: its start and length, and what a sentence says of it."""
    if n < 2:
        return
    yield (0, 1), f"only the first {label} counts"
    yield (n - 1, 1), f"only the last {label} counts"
    if n > 2:
        yield (0, n - 1), f"the last {label} is missing"
        yield (1, n - 1), f"the first {label} is missing"


def _masked(tensor: Tensor, axis: int, kept: tuple[int, int]) -> Tensor:
    """Zero but for a part of an axis."""
    result = torch.zeros_like(tensor)
    result.narrow(axis, *kept).copy_(tensor.narrow(axis, *kept))
    return result


def _contracted(step: Step) -> Iterator[Wrong]:
    """Only a part of the gradient that arrives counts."""
    grad = step.arrived[0]
    if grad is None:
        return
    for position, side in enumerate(step.sides):
        axes = _summed(step, side, grad)
        for axis in axes:
            n = grad.shape[axis]
            label = "example" if axis == 0 and grad.dim() > 1 else f"number along axis {axis}"
            for kept, words in _kept(n, label):
                yield at_input(
                    step,
                    position,
                    lambda grads, p=position, a=axis, k=kept: step.pull_back(
                        [_masked(first(grads), a, k), *grads[1:]]
                    )[p],
                    Mistake.EXAMPLES_MISSING,
                    f"{step.gradient_of(position)} is no whole sum: {words}",
                    0.92,
                )
            if n > 1:
                yield at_input(
                    step,
                    position,
                    lambda grads, p=position, n=n: step.pull_back(grads)[p] / n,
                    Mistake.MEAN_FOR_SUM,
                    f"{step.gradient_of(position)} is divided by {n}: "
                    f"a mean over the {label}s, where a sum belongs",
                    0.9 if axis == 0 else 0.85,
                    f"mean over axis {axis} of {step.place}",
                )
        for end, words in ((0, "first"), (-1, "last")) if set(axes) >= {0, 2, 3} else ():
            example = slice(end, None) if end else slice(0, 1)
            for examples, more in ((slice(None), ""), (example, f" of the {words} example")):
                yield at_input(
                    step,
                    position,
                    lambda grads, p=position, e=end, n=examples: step.pull_back(
                        [_corner(first(grads), e, n), *grads[1:]]
                    )[p],
                    Mistake.EXAMPLES_MISSING,
                    f"{step.gradient_of(position)} is no whole sum: only the {words} position{more} counts",
                    0.92,
                )


def _summed(step: Step, side: int, grad: Tensor) -> list[int]:
    """The axes of the gradient that arrives over which the gradient of an operand is a sum."""
    axes = list(range(grad.dim()))
    if step.name in ("mm", "bmm"):
        return [grad.dim() - 1 if side == 0 else grad.dim() - 2]
    if step.name == "convolution":
        return [1] if side == 0 else [axis for axis in axes if axis != 1]
    own = step.operands[0].shape
    return [axis for axis in axes if axis == 0 or grad.shape[axis] != own[-1]] if side == 0 else []


def _corner(grad: Tensor, end: int, examples: slice) -> Tensor:
    result = torch.zeros_like(grad)
    result[examples, :, end, end] = grad[examples, :, end, end]
    return result


def _spread(step: Step) -> Iterator[Wrong]:
    """A sum or mean: how its gradient is spread out over what was summed."""
    x, place = step.inputs[0], step.place
    count = x.numel() // max(1, step.out.numel())
    key = f"count of {place}"

    def times(factor: float, mistake: Mistake, what: str, prior: float = 0.93) -> Wrong:
        return at_input(
            step, 0, lambda grads: factor * step.pull_back(grads)[0], mistake, what, prior, f"{key} {mistake}"
        )

    if count > 1 and step.name == "mean":
        yield times(
            count,
            Mistake.MISSING_1_N if step.out.numel() == 1 else Mistake.SUM_FOR_MEAN,
            f"{place} is a mean over {count} numbers, and backward does not divide by {count}",
        )
        yield times(
            1 / count, Mistake.DOUBLE_1_N, f"backward divides twice by the {count} of the mean {place}"
        )
        yield times(
            count**2,
            Mistake.INVERSE_1_N,
            f"backward multiplies with the {count} of the mean {place}, where it divides",
        )
        sizes = {x.numel(): "number of all elements"}
        sizes |= {n: f"size of axis {axis}" if axis else "examples" for axis, n in enumerate(x.shape)}
        for n, label in sizes.items():
            if 1 < n != count:
                yield times(
                    count / n,
                    Mistake.MISSING_1_N,
                    f"the mean {place} runs over {count} numbers, and backward divides by {n}, the {label}",
                )
    elif count > 1:
        yield times(
            1 / count,
            Mistake.MEAN_FOR_SUM,
            f"{place} is a sum over {count} numbers, and backward takes it for a mean",
        )
    if step.out.numel() > 1:
        for axis, n in enumerate(x.shape):
            shape = [1] * x.dim()
            shape[axis] = n
            if n == step.out.numel():
                share = 1 / count if step.name == "mean" else 1.0
                yield at_input(
                    step,
                    0,
                    lambda grads, s=tuple(shape), c=share: (c * first(grads).reshape(s)).expand_as(x),
                    Mistake.WRONG_AXIS,
                    f"the gradient of {place} is spread along the wrong axis: was its axis kept?",
                    0.93,
                )
    axes = [axis for axis, n in enumerate(x.shape) if n > 1]
    for axis in axes:
        label = "example" if axis == 0 and x.dim() > 1 else f"number along axis {axis}"
        for kept, words in _kept(x.shape[axis], label):
            yield at_input(
                step,
                0,
                lambda grads, a=axis, k=kept: _masked(step.pull_back(grads)[0], a, k),
                Mistake.EXAMPLES_MISSING,
                f"of what {place} adds up, {words}",
                0.9,
            )


def _largest(step: Step) -> Iterator[Wrong]:
    x, place = step.inputs[0], step.place
    mask = step.pull_back([torch.ones_like(step.out), *[None] * (len(step.writes) - 1)])[0]
    axis = step.args[1] if len(step.args) > 1 else None
    axis = axis[0] if isinstance(axis, list | tuple) and len(axis) == 1 else axis

    def spread(grads: Gradients) -> Tensor:
        grad = first(grads)
        if isinstance(axis, int) and grad.dim() < x.dim():
            grad = grad.unsqueeze(axis)
        return grad.expand_as(x)

    for factor, mistake, what in (
        (
            torch.ones_like(x),
            Mistake.MASK_MISSING,
            f"every number gets the gradient of the maximum {place}, not only the largest",
        ),
        (
            x,
            Mistake.WRONG_MASK,
            f"the numbers themselves are multiplied, where the mask of the maximum {place} belongs",
        ),
        (
            x * mask,
            Mistake.EXTRA_FACTOR,
            f"the largest number of {place} is multiplied, where only its mask belongs",
        ),
        (1 - mask, Mistake.WRONG_MASK, f"the mask of the maximum {place} is the wrong way round"),
    ):
        yield at_input(step, 0, lambda grads, f=factor: spread(grads) * f, mistake, what, 0.93)


def _length(step: Step) -> Iterator[Wrong]:
    x, place = step.inputs[0], step.place
    if len(step.args) > 1 and step.args[1] != 2:
        return
    slope = step.pull_back([torch.ones_like(step.out)])[0]
    length = torch.where(slope != 0, x / slope, 1.0)

    def rule(factor: Tensor, mistake: Mistake, what: str) -> Wrong:
        ones = step.pull_back

        def hand_on(grads: Gradients) -> Tensor:
            return torch.where(slope != 0, ones(grads)[0] / slope, 0.0) * factor

        return at_input(step, 0, hand_on, mistake, what, 0.93)

    yield rule(x, Mistake.MISSING_FACTOR, f"the gradient of the length {place} is not divided by the length")
    yield rule(
        x / length**2,
        Mistake.EXTRA_FACTOR,
        f"the gradient of the length {place} is divided twice by the length",
    )
    yield rule(
        2 * x, Mistake.WRONG_SLOPE, f"this is the gradient of the squared length, not of the length {place}"
    )
    yield rule(
        1 / length, Mistake.MISSING_FACTOR, f"the gradient of the length {place} lacks the vector itself"
    )
    yield rule(
        x.sign(),
        Mistake.WRONG_SLOPE,
        f"this is the gradient of the sum of absolute values, not of the length {place}",
    )
    yield rule(
        torch.ones_like(x),
        Mistake.LOCAL_DERIVATIVE_IGNORED,
        f"the derivative of the length {place} is missing",
    )
    yield rule(slope * slope, Mistake.EXTRA_FACTOR, f"the derivative of the length {place} is taken twice")
