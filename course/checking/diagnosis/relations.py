"""Mistakes that show in the numbers themselves: a factor, a sign, an exchange, a sum too few."""

from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from course.checking.diagnosis.mistakes import Hypothesis, Mistake
from course.checking.diagnosis.suspect import Suspect, same
from course.checking.finding import gradient_name


def nothing(suspect: Suspect) -> Iterator[Hypothesis]:
    """The gradient is zero: never computed, detached, or never added."""
    yield Hypothesis(
        Mistake.ZERO_GRADIENT,
        f"{suspect.label} is zero everywhere: is it computed, and added?",
        0 * suspect.true,
        0.99,
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
            )


def borrowed(suspect: Suspect) -> Iterator[Hypothesis]:
    """The gradient of another tensor stands here, too."""
    for other, grad in (suspect.gradients() or {}).items():
        if other != suspect.name:
            yield Hypothesis(
                Mistake.SWAPPED_GRADIENTS, f"this is {gradient_name(other)}, not {suspect.label}", grad, 0.8
            )


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
                yield Hypothesis(Mistake.BROADCAST_NOT_REDUCED, what, given, 0.97)
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
    predicted, alone = factor * true, int(known.sum()) == 1
    if abs(factor + 1) < 1e-6:
        yield Hypothesis(
            Mistake.SIGN, f"{suspect.label} has the wrong sign", predicted, 0.9 if alone else 0.97
        )
        return
    ratio = Fraction(factor).limit_denominator(10_000)
    nice = abs(float(ratio) - factor) < 1e-6 * abs(factor) and (
        ratio.denominator <= 1000 and abs(ratio.numerator) <= 1000
    )
    if alone and not nice:
        return  # any number is some multiple of another
    text = str(ratio) if nice else f"{factor:.6g}"
    times = f"{suspect.label} is {text} of the true one"
    yield from (
        Hypothesis(mistake, f"{times}: {what}", predicted, prior - 0.2 * alone)
        for mistake, what, prior in _named(suspect, ratio, nice)
    )


def _named(suspect: Suspect, ratio: Fraction, nice: bool) -> Iterator[tuple[Mistake, str, float]]:
    """What a factor means: a count of something is no accident."""
    counts = _counts(suspect) if nice else {}
    scalar = all(output.size == 1 for output in suspect.outputs)
    for size, of in counts.items():
        if scalar and ratio == Fraction(1, size):
            yield Mistake.DOUBLE_1_N, f"divided once more by {size}, {of}", 0.9
        elif scalar and ratio == size:
            yield (
                Mistake.MISSING_1_N,
                (f"forward takes a mean over {size}, {of}, so each gets 1/{size} of the gradient"),
                0.9,
            )
        elif scalar and ratio == size**2:
            yield Mistake.INVERSE_1_N, f"multiplied with {size}, {of}, where forward divides", 0.9
        elif ratio == Fraction(1, size):
            yield Mistake.MEAN_FOR_SUM, f"a mean over {size}, {of}, where a sum belongs", 0.92
        elif ratio == size:
            yield Mistake.SUM_FOR_MEAN, f"a sum over {size}, {of}, where a mean belongs", 0.9
    yield Mistake.CONSTANT_FACTOR, "a constant factor is wrong", 0.85 if nice else 0.8


def _counts(suspect: Suspect) -> dict[int, str]:
    """Sizes that a mean may run over, and what they count; not 2, since a factor of 2 has too many causes."""
    counts: dict[int, str] = {}
    for name in suspect.truth.moving:
        sizes = suspect.tensors[name].shape
        for axis, size in enumerate(sizes):
            counts.setdefault(size, "the examples" if axis == 0 else f"the size of axis {axis} of {name}")
        counts.setdefault(suspect.tensors[name].size, f"the numbers in {name}")
        for axis in range(len(sizes)):
            counts.setdefault(
                int(np.prod(sizes)) // max(1, sizes[axis]), f"the numbers of {name} along all axes but {axis}"
            )
    for output in suspect.outputs:
        counts.setdefault(output.size, "the outputs")
    return {size: of for size, of in counts.items() if size > 2}


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
        yield Hypothesis(Mistake.MASK_MISSING, what, np.where(closed, given, true), 0.85)


def places(suspect: Suspect) -> Iterator[Hypothesis]:
    """Right everywhere but for some indices of one axis."""
    true, given = suspect.true, suspect.given
    if true.shape != given.shape or true.ndim == 0 or true.size < 3:
        return
    scale = np.nanmax(np.abs(true), initial=0.0)
    wrong = ~(np.abs(given - true) <= 1e-6 * scale) & ~np.isnan(true)
    if not wrong.any() or wrong.all():
        return
    for axis in range(true.ndim):
        others = tuple(i for i in range(true.ndim) if i != axis)
        bad = wrong.any(axis=others)
        if not bad.all() and 2 * int(bad.sum()) <= len(bad) + 1:
            indices = ", ".join(str(i) for i in np.flatnonzero(bad)[:6]) + ("…" if bad.sum() > 6 else "")
            axis_name = _axis_name(suspect, axis, true.ndim)
            predicted = np.where(wrong, given, true)
            yield Hypothesis(
                Mistake.WRONG_IN_PLACES,
                f"only {axis_name} {indices} {'is' if bad.sum() == 1 else 'are'} wrong",
                predicted,
                0.8,
            )
            return


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
