"""Mistakes that show in the numbers themselves: a factor, a sign, an exchange, a sum too few."""

from collections.abc import Iterator
from fractions import Fraction
from functools import partial

import numpy as np

from course.checking.diagnosis.mistakes import Hypothesis, Mistake
from course.checking.diagnosis.suspect import Suspect, same
from course.checking.finding import gradient_name


def nothing(suspect: Suspect) -> Iterator[Hypothesis]:
    """The gradient is zero: never computed, detached, or never added."""
    handed = "added" if suspect.name in suspect.truth.parameters else "returned"
    yield Hypothesis(
        Mistake.ZERO_GRADIENT,
        f"{suspect.label} is zero everywhere: is it computed, and {handed}?",
        0 * suspect.true,
        0.99,
        elsewhere=lambda other: 0 * other.true,
    )


def exchanged(suspect: Suspect) -> Iterator[Hypothesis]:
    """Two gradients stand in each other's place."""
    for other, grad in (suspect.gradients() or {}).items():
        theirs = suspect.grads.get(other)
        if (
            other != suspect.name
            and theirs is not None
            and same(theirs, suspect.true)
            and not same(-grad, suspect.true)
        ):
            yield Hypothesis(
                Mistake.SWAPPED_GRADIENTS,
                f"{suspect.label} and {gradient_name(other)} are exchanged",
                grad,
                0.98,
                key="exchanged",
            )


def borrowed(suspect: Suspect) -> Iterator[Hypothesis]:
    """The gradient of another tensor stands here, too."""
    for other, grad in (suspect.gradients() or {}).items():
        if other != suspect.name:
            theirs = gradient_name(other)
            yield Hypothesis(Mistake.SWAPPED_GRADIENTS, f"this is {theirs}, not {suspect.label}", grad, 0.8)
            what = f"this is minus {theirs}, as if forward read only the difference of the two"
            yield Hypothesis(Mistake.OTHER_FORMULA, what, -grad, 0.85)


def copied(suspect: Suspect) -> Iterator[Hypothesis]:
    """The same as backward gave for another tensor, which is wrong there, too; or minus that."""
    for other, grad in (suspect.gradients() or {}).items():
        theirs = suspect.grads.get(other)
        if other == suspect.name or theirs is None or same(theirs, grad):
            continue
        for sign, words in ((1, "the same as"), (-1, "minus")):
            if not same(sign * grad, suspect.true):
                what = (
                    f"{suspect.label} is {words} what stands for {gradient_name(other)}, which is wrong, too"
                )
                yield Hypothesis(Mistake.SWAPPED_GRADIENTS, what, sign * theirs, 0.78)


def shape(suspect: Suspect) -> Iterator[Hypothesis]:
    """Transposed, or not summed over the axes along which forward broadcast."""
    true, given = suspect.true, suspect.given
    if true.ndim >= 2:
        for axis in range(true.ndim - 1):
            turned = np.swapaxes(true, axis, -1)
            yield Hypothesis(Mistake.TRANSPOSED, f"{suspect.label} is transposed", turned)
    if given.ndim > true.ndim or given.size > true.size:
        for summed, words in _sums(given, true.shape):
            if same(summed, true):
                what = f"forward broadcasts {suspect.name}, so its gradient is summed over {words}"
                yield Hypothesis(Mistake.BROADCAST_NOT_REDUCED, what, given, 0.97, key="not summed")
                return


def _sums(given: np.ndarray, shape: tuple[int, ...]) -> Iterator[tuple[np.ndarray, str]]:
    """The given array summed over axes so that it gets that shape."""
    if given.ndim >= len(shape):
        extra = given.ndim - len(shape)
        padded = (1,) * extra + shape
        axes = tuple(
            i
            for i, (have, want) in enumerate(zip(given.shape, padded, strict=True))
            if want == 1 and have != 1
        )
        summed = given.sum(axis=axes, keepdims=True)
        if axes and summed.shape == padded:
            yield summed.reshape(shape), _axes(axes)
    for axis in range(given.ndim):
        if np.delete(given.shape, axis).tolist() == list(shape):
            yield given.sum(axis=axis), _axes((axis,))


def _axes(axes: tuple[int, ...]) -> str:
    return f"axis {axes[0]}" if len(axes) == 1 else f"axes {', '.join(map(str, axes))}"


def alike(suspect: Suspect) -> Iterator[Hypothesis]:
    """Every number is the sum of what should have stayed apart."""
    if suspect.true.size > 1:
        what = f"{suspect.label} is summed over everything, so that all its numbers are alike"
        yield Hypothesis(
            Mistake.WRONG_AXIS,
            what,
            np.full_like(suspect.true, suspect.true.sum()),
            0.9,
            elsewhere=lambda other: np.full_like(other.true, other.true.sum()),
        )


def multiple(suspect: Suspect) -> Iterator[Hypothesis]:
    """A constant times the true gradient: the sign, a mean for a sum, or another number."""
    true, given = suspect.true, suspect.given
    if true.shape != given.shape or not np.isfinite(given).all():
        return
    known = ~np.isnan(true)
    square = float((true[known] ** 2).sum())
    factor = float((given[known] * true[known]).sum()) / square if square else 0.0
    if abs(factor) < 1e-6 or abs(factor - 1) < 1e-6:
        return
    alone = int(known.sum()) == 1
    if abs(factor + 1) < 1e-6:
        words = f"{suspect.label} has the wrong sign"
        yield Hypothesis(
            Mistake.SIGN, words, -true, 0.9 if alone else 0.97, elsewhere=lambda other: -other.true
        )
        return
    ratio = Fraction(factor).limit_denominator(100)  # with larger ones, a fraction is near any number
    nice = abs(float(ratio) - factor) < 1e-6 * abs(factor)
    often = f"{ratio} of" if nice and ratio.numerator == 1 else f"{ratio if nice else f'{factor:.6g}'} times"
    times = f"{suspect.label} is {often} the true one"
    counted = [
        Hypothesis(
            mistake,
            f"{times}: {what}",
            factor * true,
            prior - 0.2 * alone,
            key=role,
            elsewhere=partial(_by_count, role, power),
        )
        for role, size in _counts(suspect).items()
        for mistake, what, power, prior in _named(suspect, factor, size, role)
    ]
    two = ratio in (2, Fraction(1, 2))  # it has too many causes
    yield from counted if not two else ()
    small = nice and max(abs(ratio.numerator), ratio.denominator) <= SMALL
    if small or not alone:  # any number is some multiple of another
        yield Hypothesis(
            Mistake.CONSTANT_FACTOR,
            f"{times}: a constant factor is wrong",
            factor * true,
            (0.85 if small else 0.6) - 0.2 * alone,
            key=f"{factor:.6g}",
            elsewhere=lambda other: factor * other.true,
        )
    yield from counted if two else ()


SMALL = 12
"""Numerators and denominators up to this are no accident."""


def _by_count(role: str, power: int, other: Suspect) -> np.ndarray | None:
    """The true gradient of another case times a power of what is counted there."""
    size = _counts(other).get(role)
    return None if size is None else other.true * float(size) ** power


def _named(
    suspect: Suspect, factor: float, size: int, role: str
) -> Iterator[tuple[Mistake, str, int, float]]:
    """What a factor means that is a power of a count, and the power: that is no accident but for 2."""
    scalar, less = all(output.size == 1 for output in suspect.outputs), 0.2 * (size == 2)
    if size < 2:
        return
    power = next((p for p in (-1, 1, 2) if abs(factor / float(size) ** p - 1) < 1e-6), 0)
    if scalar and power == -1:
        yield Mistake.DOUBLE_1_N, f"divided once more by {size}, {role}", power, 0.9 - less
    elif scalar and power == 1:
        words = f"forward takes a mean over {size}, {role}, so each gets 1/{size} of the gradient"
        yield Mistake.MISSING_1_N, words, power, 0.9 - less
    elif scalar and power == 2:
        words = f"multiplied with {size}, {role}, where forward divides"
        yield Mistake.INVERSE_1_N, words, power, 0.9 - less
    elif power == -1:
        words = f"a mean over {size}, {role}, where a sum belongs"
        yield Mistake.MEAN_FOR_SUM, words, power, 0.92 - less
    elif power == 1:
        yield Mistake.SUM_FOR_MEAN, f"a sum over {size}, {role}, where a mean belongs", power, 0.9 - less


def _counts(suspect: Suspect) -> dict[str, int]:
    """What a mean may run over, and how many that are."""
    counts: dict[str, int] = {}
    for name in suspect.truth.moving:
        sizes = suspect.tensors[name].shape
        for axis, size in enumerate(sizes):
            counts.setdefault("the examples" if axis == 0 else f"the size of axis {axis} of {name}", size)
        counts.setdefault(f"the numbers in {name}", suspect.tensors[name].size)
        for axis in range(len(sizes)):
            others = int(np.prod(sizes)) // max(1, sizes[axis])
            counts.setdefault(f"the numbers of {name} along all axes but {axis}", others)
    counts["the outputs"] = sum(output.size for output in suspect.outputs[:1])
    return counts


def factors(suspect: Suspect) -> Iterator[Hypothesis]:
    """One tensor is multiplied too little or too often: elementwise, as everywhere in the chain rule."""
    upstream = {f"grad_output{i or ''}": grad for i, grad in enumerate(suspect.upstream)}
    outputs = {f"the output{i or ''}": output for i, output in enumerate(suspect.outputs)}
    for label, tensor in (upstream | outputs | suspect.tensors).items():
        if not tensor.size or not np.abs(tensor).min() > 1e-9:
            continue
        try:
            fewer, more = suspect.true / tensor, suspect.true * tensor
        except ValueError:
            continue
        if fewer.shape != suspect.true.shape:
            continue
        if label in upstream:
            yield Hypothesis(Mistake.UPSTREAM_IGNORED, "grad_output is not used: multiply by it", fewer, 0.97)
        else:
            yield Hypothesis(Mistake.MISSING_FACTOR, f"{suspect.label} lacks the factor {label}", fewer, 0.85)
        yield Hypothesis(
            Mistake.EXTRA_FACTOR, f"{suspect.label} has the factor {label} once too often", more, 0.85
        )


def unmasked(suspect: Suspect) -> Iterator[Hypothesis]:
    """Right wherever the true gradient flows, and not zero anywhere that it does not."""
    true, given = suspect.true, suspect.given
    closed = true == 0
    if true.shape == given.shape and closed.any() and (~closed).sum() > 1 and given[closed].all():
        numbers = f"some numbers of {suspect.name}, where its gradient is 0"
        what = f"the output does not depend on {numbers}: a mask is missing"
        yield Hypothesis(Mistake.MASK_MISSING, what, np.where(closed, given, true), 0.75)


def places(suspect: Suspect) -> Iterator[Hypothesis]:
    """Right everywhere but at one index of an axis; or right at one index only, the first or the last."""
    true, given = suspect.true, suspect.given
    if true.shape != given.shape or true.ndim == 0:
        return
    scale = np.nanmax(np.abs(true), initial=0.0)
    wrong = ~(np.abs(given - true) <= 1e-6 * scale) & ~np.isnan(true)
    for axis in range(true.ndim):
        count = true.shape[axis]
        rows = np.moveaxis(wrong, axis, 0).reshape(count, -1)
        bad, fine = rows.all(axis=1), ~rows.any(axis=1)
        ends = {0: "first", count - 1: "last"}
        told = np.moveaxis(np.nan_to_num(true) != 0, axis, 0).reshape(count, -1).any(axis=1)
        if count < 3 or bad.sum() + fine.sum() < count or 1 not in (bad.sum(), fine.sum()):
            continue
        if not told[fine].all():  # what is rightly 0 is right by chance
            continue
        index = int(np.flatnonzero(bad if bad.sum() == 1 else fine)[0])
        axis_name = _axis_name(suspect, axis, true.ndim)
        which = f"the {ends[index]} {axis_name}" if index in ends else f"{axis_name} {index}"
        state = "wrong" if bad.sum() == 1 else "right"
        if state == "wrong" or index in ends:
            # the numbers there are whatever was given: nothing had to agree
            yield Hypothesis(
                Mistake.WRONG_IN_PLACES,
                f"only {which} is {state}",
                np.where(wrong, given, true),
                0.75,
                key=f"{state} {ends.get(index, index)} {axis - true.ndim}",
            )


def _axis_name(suspect: Suspect, axis: int, rank: int) -> str:
    """What an axis is called: as in forward's signature, or rows and columns."""
    for argument in suspect.truth.module.forward_signature.arguments:
        if argument.name == suspect.name:
            for axes in argument.axes:
                if axes.middle is None and len(axes.before) == rank:
                    return f"{axes.before[axis].strip('#')} number"
    if rank == 1:
        return "number"
    return "row" if axis == rank - 2 else "column" if axis == rank - 1 else f"axis {axis}, index"
