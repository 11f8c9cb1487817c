"""Wrong ways back through the normalizations: the paths of mean and variance, their scale, their axes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from course.checking.diagnosis.mistakes import Mistake
from course.checking.diagnosis.slips.at import At, Slip, slips
from course.checking.diagnosis.slips.sums import MIXED, along, wrong_sums


@dataclass
class _Norm:
    """What a normalization computes with, x in groups of numbers that are normalized together.

    Attributes:
        x: the numbers, and `grad` what arrives at them.
        axes: those of a group.
        words: what lies along them.
        gain: the weight, in a shape that broadcasts over x; 1 without one.
        mean: None where none is subtracted.
        var: of the numbers less their mean.
        own: whether mean and variance are those of x itself.
        by_channel: whether the weight has a number for each channel, not for each number of a group.
    """

    x: Tensor
    grad: Tensor
    axes: tuple[int, ...]
    words: str
    gain: Tensor | float
    mean: Tensor | None
    var: Tensor
    eps: float
    own: bool = True
    by_channel: bool = True

    @property
    def centered(self) -> Tensor:
        return self.x if self.mean is None else self.x - self.mean

    @property
    def scale(self) -> Tensor:
        return (self.var + self.eps).rsqrt()

    @property
    def count(self) -> int:
        return self.x.numel() // max(1, self.var.numel())

    def average(self, of: Tensor) -> Tensor:
        return of.mean(self.axes, keepdim=True)

    def total(self, of: Tensor) -> Tensor:
        return of.sum(self.axes, keepdim=True)


Back = Callable[[Tensor], Tensor]
"""From groups back to the shape of x."""


@slips("BatchNorm1d", "BatchNorm2d")
def batch_norm(at: At) -> Iterator[Slip | None]:
    """Each channel over the examples, and over all positions."""
    x, module = at["x"], at.module
    axes = (0, *range(2, x.dim()))
    channel = (-1, *(1,) * (x.dim() - 2))
    eps, averaged = at.option("eps", 1e-5), at.option("running_mean", None)
    own = module.training or averaged is None
    mean, var = x.mean(axes, keepdim=True), x.var(axes, unbiased=False, keepdim=True)
    running = None
    if averaged is not None:
        running = averaged.value.view(channel), module.running_var.value.view(channel)
    if not own:
        mean, var = running or (mean, var)
    gain = at["weight"].view(channel) if "weight" in at else 1.0
    norm = _Norm(x, at.grad, axes, "the examples", gain, mean, var, eps, own)
    yield from _norm_slips(at, norm, lambda back: back, lambda back: back)
    words = {0: "the examples"} | along(x.dim())
    yield from _affine(at, norm, lambda back: back, words)
    if x.dim() > 2 and own:
        yield from _mixed_channels(at, norm)
    hats = (x - mean) * norm.scale
    gh = at.grad * gain
    if own and running is not None:
        r = (running[1] + eps).rsqrt()
        hat = (x - running[0]) * r
        what = "backward normalizes with the running mean and variance, forward did with the batch's"
        for values in (r * gh, r * (gh - norm.average(gh) - hat * norm.average(gh * hat))):
            yield at.slip("x", values, Mistake.WRONG_STATISTICS, what)
        if "weight" in at:
            yield at.slip("weight", lambda: (at.grad * hat).sum(axes), Mistake.WRONG_STATISTICS, what)
    if not own:
        what = "in eval mode the mean and variance do not depend on x, but gradients go through them"
        r = norm.scale
        yield at.slip(
            "x", r * (gh - norm.average(gh) - hats * norm.average(gh * hats)), Mistake.EXTRA_TERM, what
        )
        yield at.slip("x", r * (gh - norm.average(gh)), Mistake.EXTRA_TERM, what)
        what = "backward normalizes with the batch's mean and variance, forward did with the running ones"
        mean, var = x.mean(axes, keepdim=True), x.var(axes, unbiased=False, keepdim=True)
        r = (var + eps).rsqrt()
        hat = (x - mean) * r
        for values in (r * gh, r * (gh - norm.average(gh) - hat * norm.average(gh * hat))):
            yield at.slip("x", values, Mistake.WRONG_STATISTICS, what)
        if "weight" in at:
            yield at.slip("weight", lambda: (at.grad * hat).sum(axes), Mistake.WRONG_STATISTICS, what)


def _mixed_channels(at: At, norm: _Norm) -> Iterator[Slip | None]:
    """Rows of channels made by a reshape, though the channels are not the last axis."""
    channels = norm.x.shape[1]
    x, g = norm.x.reshape(-1, channels), norm.grad.reshape(-1, channels)
    gain = norm.gain.view(channels) if isinstance(norm.gain, Tensor) else norm.gain
    anew = x.mean(0), (x.var(0, unbiased=False) + norm.eps).rsqrt()
    own = norm.x.mean(norm.axes), norm.scale
    for mean, scale in (own, anew):
        hat, r, gh = (x - mean) * scale.view(channels), scale.view(channels), g * gain
        of_x = r * (gh - gh.mean(0) - hat * (gh * hat).mean(0))
        yield at.slip("x", of_x.reshape(norm.x.shape), Mistake.WRONG_AXIS, MIXED.format("∂L/∂x"))
        if "weight" in at:
            yield at.slip("weight", (g * hat).sum(0), Mistake.WRONG_AXIS, MIXED.format("∂L/∂weight"))


@slips("LayerNorm")
def layer_norm(at: At) -> Iterator[Slip | None]:
    """Each example over its last axes."""
    yield from _last_axes(at, at["x"].mean(_last(at), keepdim=True))


@slips("RMSNorm")
def rms_norm(at: At) -> Iterator[Slip | None]:
    """Each example over its last axes, without a mean."""
    yield from _last_axes(at, None)


def _last(at: At) -> tuple[int, ...]:
    x, shape = at["x"], at["weight"].shape if "weight" in at else at.option("normalized_shape", (0,))
    return tuple(range(x.dim() - len(shape), x.dim()))


def _last_axes(at: At, mean: Tensor | None) -> Iterator[Slip | None]:
    x, axes = at["x"], _last(at)
    var = (x if mean is None else x - mean).square().mean(axes, keepdim=True)
    eps = at.option("eps", 1e-5)
    eps = torch.finfo(x.dtype).eps if eps is None else eps
    gain = 1.0
    if "weight" in at:
        gain = at["weight"]
    norm = _Norm(x, at.grad, axes, "the features", gain, mean, var, eps, by_channel=False)
    yield from _norm_slips(at, norm, lambda back: back, lambda back: back)
    if axes[0] > 0:
        words = {
            axis: "the examples" if axis == 0 else f"the places along axis {axis}" for axis in range(axes[0])
        }
        yield from _affine(at, norm, lambda back: back, words)


@slips("GroupNorm")
def group_norm(at: At) -> Iterator[Slip | None]:
    """Each group of channels of each example."""
    x, groups = at["x"], at.module.num_groups

    def split(whole: Tensor) -> Tensor:
        return whole.unflatten(1, (groups, -1)).flatten(2)

    def join(parts: Tensor) -> Tensor:
        return parts.reshape(x.shape)

    grouped = split(x)
    mean = grouped.mean(2, keepdim=True)
    var = grouped.var(2, unbiased=False, keepdim=True)
    weight = at["weight"].view(-1, *(1,) * (x.dim() - 2)).expand(x.shape) if "weight" in at else None
    gain = 1.0 if weight is None else split(weight)
    norm = _Norm(grouped, split(at.grad), (2,), "the group", gain, mean, var, at.option("eps", 1e-5))
    yield from _norm_slips(at, norm, join, split)
    words = {0: "the examples"} | along(x.dim())
    yield from _affine(at, norm, join, words)


def _norm_slips(at: At, norm: _Norm, join: Back, split: Back) -> Iterator[Slip | None]:
    """Wrong gradients of x, and of the weight where its numbers are the cause."""
    yield from _gain(at, norm, join)
    yield from _scale(at, norm, join)
    if norm.own:
        yield from _paths(at, norm, join)
        yield from _inner(at, norm, join, split)
        yield from _axes(at, norm, join, split)
    yield from _statistics(at, norm, join)


def _formula(norm: _Norm, gh: Tensor, first: Tensor, second: Tensor, hat: Tensor) -> Tensor:
    """What is left of what arrives after two terms are taken away: one for the mean, one for the variance."""
    return gh - (0 if norm.mean is None else first) - hat * second if norm.own else gh


def _gain(at: At, norm: _Norm, join: Back) -> Iterator[Slip | None]:
    """The weight left out, at the wrong place or twice."""
    if not isinstance(norm.gain, Tensor):
        return
    g, gain, r, m = norm.grad, norm.gain, norm.scale, norm.average
    gh, hat = g * gain, norm.centered * r

    def formula(own: Tensor, first: Tensor, second: Tensor) -> Tensor:
        return r * _formula(norm, own, m(first), m(second * hat), hat)

    missing = "weight is left out of ∂L/∂x: what arrives goes through it before it goes anywhere else"
    yield at.slip("x", join(formula(g, g, g)), Mistake.MISSING_FACTOR, missing)
    if any(gain.shape[axis] > 1 for axis in range(-gain.dim(), 0) if axis + norm.x.dim() in norm.axes):
        yield at.slip(
            "x",
            join(gain * formula(g, g, g)),
            Mistake.MISPLACED_FACTOR,
            "the weight is multiplied in at the end, after the means are taken: it differs from number to "
            "number, and the means know nothing of it",
        )
    none = torch.zeros_like(gh)
    if norm.own:  # two mistakes at once: the weight, and a path
        also = "weight is left out of ∂L/∂x, and the path through {} is missing as well"
        lost = [(none, none, "mean and variance"), (none, g, "the mean"), (g, none, "the variance")]
        for first, second, path in lost if norm.mean is not None else [(none, none, "the root mean square")]:
            yield at.slip(
                "x", join(formula(g, first, second)), Mistake.MISSING_FACTOR, also.format(path), 0.9
            )
    for own, first, second, where in (
        (gh, g, g, "the means"),
        (gh, g, gh, "the mean of what arrives"),
        (gh, gh, g, "the mean of the products"),
        (g, gh, gh, "the first term"),
    ):
        if not norm.own or (norm.mean is None and own is second):
            continue
        yield at.slip(
            "x",
            join(formula(own, first, second)),
            Mistake.MISSING_FACTOR,
            f"weight is left out of {where} in ∂L/∂x",
        )
    twice = "∂L/∂x is multiplied with the weight twice"
    yield at.slip("x", join(formula(gh * gain, gh * gain, gh * gain)), Mistake.EXTRA_FACTOR, twice)
    yield at.slip("x", join(gain * formula(gh, gh, gh)), Mistake.EXTRA_FACTOR, twice)
    divided = "∂L/∂x is divided by the weight, though forward multiplies with it"
    yield at.slip("x", join(formula(g / gain, g / gain, g / gain)), Mistake.WRONG_FACTOR, divided)


def _scale(at: At, norm: _Norm, join: Back) -> Iterator[Slip | None]:
    """The division by the standard deviation left out, done twice, or done to one term only."""
    g, r, m = norm.grad * norm.gain, norm.scale, norm.average
    hat = norm.centered * r
    whole = _formula(norm, g, m(g), m(g * hat), hat)
    yield at.slip(
        "x",
        join(whole),
        Mistake.MISSING_FACTOR,
        "∂L/∂x is not divided by the standard deviation, though forward divides by it",
    )
    yield at.slip(
        "x",
        join(r * r * whole),
        Mistake.EXTRA_FACTOR,
        "∂L/∂x is divided by the variance, or twice by the standard deviation: forward divides by it once",
    )
    yield at.slip(
        "x",
        join(whole / r),
        Mistake.WRONG_FACTOR,
        "∂L/∂x is multiplied with the standard deviation, though forward divides by it",
    )
    yield at.slip(
        "x",
        join(whole / norm.var.sqrt().clamp(min=1e-300) / (norm.var + norm.eps).sqrt()),
        Mistake.EXTRA_FACTOR,
        "∂L/∂x is divided twice by the standard deviation: forward divides by it once",
    )
    if norm.own:
        yield at.slip(
            "x",
            join(r * g - (0 if norm.mean is None else m(g)) - hat * m(g * hat)),
            Mistake.MISPLACED_FACTOR,
            "only the first term of ∂L/∂x is divided by the standard deviation, the others are not",
        )
        yield at.slip(
            "x",
            join(r * (g - (0 if norm.mean is None else m(g))) - hat * m(g * hat)),
            Mistake.MISPLACED_FACTOR,
            "the variance's term of ∂L/∂x is not divided by the standard deviation, the others are",
        )
        yield at.slip(
            "x",
            join(g - r * (0 if norm.mean is None else m(g)) - r * hat * m(g * hat)),
            Mistake.MISSING_FACTOR,
            "the first term of ∂L/∂x is not divided by the standard deviation, the others are",
        )


def _paths(at: At, norm: _Norm, join: Back) -> Iterator[Slip | None]:
    """The three ways from x to the output: by itself, through the mean, through the variance."""
    g, r, m, n = norm.grad * norm.gain, norm.scale, norm.average, norm.count
    hat = norm.centered * r
    first = torch.zeros_like(g) if norm.mean is None else -m(g).expand_as(g)
    second = -hat * m(g * hat)
    both = norm.mean is not None
    statistics = "the mean and the variance depend" if both else "the root mean square depends"
    constants = (
        "here they are treated as constants, and the paths through them are missing"
        if both
        else "here it is treated as a constant, and the path through it is missing"
    )
    deviation = "the standard deviation" if both else "the root mean square"

    def slip(
        one: float, two: float, three: float, mistake: Mistake, what: str, prior: float = 0.95
    ) -> Slip | None:
        no_mean = not both and two != one and (one, two, three) != (1, 0, 0)
        if no_mean or (one, two, three) == (1, 1, 1):  # where a group is of two, two halves are one
            return None
        return at.slip("x", join(r * (one * g + two * first + three * second)), mistake, what, prior)

    yield slip(
        1,
        0,
        0,
        Mistake.CONSTANT_STATISTICS,
        f"{statistics} on x, too: {constants}",
    )
    yield slip(
        1,
        1,
        0,
        Mistake.CONSTANT_STATISTICS,
        "the variance depends on x, too: here it is a constant, and the path through it is missing",
    )
    yield slip(
        1,
        0,
        1,
        Mistake.CONSTANT_STATISTICS,
        "the mean depends on x, too: here it is a constant, and the path through it is missing",
    )
    yield slip(0, 1, 1, Mistake.PATH_LOST, "x acts on its own output directly, too: that path is missing")
    yield slip(0, 1, 0, Mistake.PATH_LOST, "only the path through the mean is there")
    yield slip(
        0, 0, 1, Mistake.PATH_LOST, f"only the path through {'the variance' if both else deviation} is there"
    )
    yield slip(1, -1, -1, Mistake.SIGN, "both terms that belong to mean and variance have the wrong sign")
    yield slip(1, -1, 1, Mistake.SIGN, "the mean's term in ∂L/∂x has the wrong sign")
    yield slip(1, 1, -1, Mistake.SIGN, f"the term of {deviation} in ∂L/∂x has the wrong sign")
    yield slip(1, n, n, Mistake.SUM_FOR_MEAN, f"sums over {norm.words} stand in ∂L/∂x where means belong")
    yield slip(
        1, n, 1, Mistake.SUM_FOR_MEAN, f"the mean's term in ∂L/∂x is a sum over {norm.words}, not a mean"
    )
    yield slip(
        1,
        1,
        n,
        Mistake.SUM_FOR_MEAN,
        f"the term of {deviation} in ∂L/∂x has a sum over {norm.words} where a mean belongs",
    )
    for count, words in _other_counts(join(norm.x), n).items():
        what = f"are sums divided by {count}, {words}, but each mean runs over {n} numbers"
        share = n / count
        yield slip(1, share, share, Mistake.WRONG_FACTOR, f"the means in ∂L/∂x {what}")
        yield slip(
            share, share, share, Mistake.WRONG_FACTOR, f"∂L/∂x is divided by {count}, {words}, not {n}"
        )
    yield slip(
        n,
        n,
        n,
        Mistake.MISSING_1_N,
        f"the division by {n}, the size of a group, is missing in ∂L/∂x",
    )
    yield slip(
        1 / n,
        1,
        1,
        Mistake.MISPLACED_FACTOR,
        f"the 1/{n} of the means stands before the first term of ∂L/∂x, too",
        0.9,
    )
    yield slip(
        1 / n,
        1 / n,
        1 / n,
        Mistake.DOUBLE_1_N,
        f"∂L/∂x is divided by {n} once more, though its means have done it",
    )
    yield slip(1, 1 / n, 1 / n, Mistake.DOUBLE_1_N, f"both means in ∂L/∂x are divided by {n} once more", 0.9)
    yield slip(1, 1 / n, 1, Mistake.DOUBLE_1_N, f"the mean's term in ∂L/∂x is divided by {n} once more")
    yield slip(1, 1, 1 / n, Mistake.DOUBLE_1_N, f"the term of {deviation} is divided by {n} once more")
    twice = f"the term of {deviation} in ∂L/∂x is"
    yield slip(
        1,
        1,
        2,
        Mistake.WRONG_SLOPE,
        f"{twice} twice too large: the square root's own slope, with its one half, is left out",
        0.9,
    )
    yield slip(
        1,
        1,
        0.5,
        Mistake.WRONG_SLOPE,
        f"{twice} half as large as it should be: the two from the square is left out",
        0.9,
    )
    yield slip(
        1, 1, -2, Mistake.WRONG_SLOPE, f"{twice} wrong in sign and twice too large: look at the root", 0.9
    )
    yield slip(1, 1, -0.5, Mistake.WRONG_SLOPE, f"{twice} wrong in sign and half as large", 0.9)
    yield slip(
        1, 1, 2 * n, Mistake.WRONG_SLOPE, f"{twice} {2 * n} times too large: the one half and 1/{n}", 0.9
    )
    yield slip(1, 1, n / 2, Mistake.WRONG_SLOPE, f"{twice} {n / 2:g} times too large: the two and 1/{n}", 0.9)
    yield slip(
        1, 2, 1, Mistake.EXTRA_FACTOR, "the mean's term is counted twice: once by itself suffices", 0.9
    )
    yield slip(2, 1, 1, Mistake.EXTRA_TERM, "x's own path is counted twice", 0.9)
    for exponent in (-1.0, -0.5, 0.0, 0.5, -2.0, -2.5, -3.0):
        what = f"the slope of one over the root of the variance has the exponent {exponent:g}, a wrong one"
        mistake = Mistake.WRONG_SLOPE
        if exponent in (-1.0, -0.5):
            what = (
                f"the term of {deviation} lacks a division by it: look at an exponent, and at what stands "
                "for the normalized numbers"
            )
            mistake = Mistake.MISSING_FACTOR
        wrong = join(r * (g + first) + second * r ** (-2 * exponent - 2))
        yield at.slip("x", wrong, mistake, what)


def _other_counts(x: Tensor, own: int) -> dict[int, str]:
    """By what else a sum over a group may be divided, in words."""
    words = {0: "the examples", 1: "the channels" if x.dim() > 2 else "the features"}
    counts = {x.numel(): "all numbers", x.shape[2:].numel(): "the positions"}
    counts |= {
        n: words.get(axis, f"the size of axis {axis}") for axis, n in reversed(list(enumerate(x.shape)))
    }
    return {count: name for count, name in counts.items() if count not in (0, 1, own)}


def _inner(at: At, norm: _Norm, join: Back, split: Back) -> Iterator[Slip | None]:
    """Something else in the place of the normalized numbers, or no mean where one belongs."""
    g, r, m, n = norm.grad * norm.gain, norm.scale, norm.average, norm.count
    centered, hat = norm.centered, norm.centered * r
    first = torch.zeros_like(g) if norm.mean is None else m(g)

    def slip(second: Tensor, mistake: Mistake, what: str, prior: float = 0.95) -> Slip | None:
        return at.slip("x", join(r * (g - first - second)), mistake, what, prior)

    normalized = "the normalized numbers belong"
    others: list[tuple[Tensor, str]] = [(norm.x, "x itself")]
    if norm.mean is not None:
        others = [(centered, "x less its mean, not divided by its deviation,"), *others]
    if "bias" in at:
        others.append((split(at.out), "the output, weight and bias included,"))
    for other, words in others:
        mistake = Mistake.MISSING_FACTOR if other is centered else Mistake.WRONG_FACTOR
        for second, where in (
            (other * m(g * other), "in ∂L/∂x twice"),
            (hat * m(g * other), "inside the last mean of ∂L/∂x"),
            (other * m(g * hat), "before the last mean of ∂L/∂x"),
        ):
            yield slip(second, mistake, f"{words} stands {where} where {normalized}")
    twice = "the weight is multiplied in once more {} of ∂L/∂x, as if the normalized numbers had it in them"
    for second, where in (
        (hat * norm.gain * m(g * hat * norm.gain), "in the last term, and in its mean"),
        (hat * m(g * hat * norm.gain), "in the last mean"),
        (hat * norm.gain * m(g * hat), "before the last mean"),
    ):
        yield slip(second, Mistake.EXTRA_FACTOR, twice.format(where))
    outside = "the normalized numbers are left out of the last term of ∂L/∂x, before the mean"
    yield slip(m(g * hat).expand_as(g), Mistake.MISSING_FACTOR, outside)
    inside = "the normalized numbers are left out of the last mean of ∂L/∂x: the mean is of products"
    yield slip(hat * m(g), Mistake.MISSING_FACTOR, inside)
    what = "the last mean of ∂L/∂x is one of the normalized numbers alone: what arrives is left out of it"
    yield slip(hat * m(hat), Mistake.MISSING_FACTOR, what, 0.9)
    yield slip(
        hat * hat * m(g), Mistake.MISPLACED_FACTOR, "a factor stands outside of the last mean of ∂L/∂x"
    )
    yield slip(
        g * m(hat * hat), Mistake.MISPLACED_FACTOR, "what arrives stands outside of the last mean of ∂L/∂x"
    )
    alone = "every number acts on all outputs of its group, through mean and variance"
    for wrong, words in (
        (g * (1 - 1 / n - hat * hat / n), "here each acts on its own alone: the sums are missing"),
        (g * (1 - hat * hat / n), "here each acts on its own alone: a sum is missing"),
        (g * (1 - 1 / n), "here each acts on its own alone: the sums are missing"),
        (g - g * hat * hat, "here each acts on its own alone: a mean is missing"),
        (-g * hat * hat, "here each acts on its own alone: the means are missing"),
        (g / n, "here each gets an equal share of its own"),
    ):
        yield at.slip("x", join(r * wrong), Mistake.DIAGONAL_ONLY, f"{alone}: {words}", 0.9)
    missing = "the mean in the last term of ∂L/∂x is missing: the products are taken number by number"
    yield slip(hat * g * hat, Mistake.DIAGONAL_ONLY, missing)
    yield slip(hat * g * hat / n, Mistake.DIAGONAL_ONLY, missing)
    if norm.mean is None:
        what = "the mean of what arrives is taken away, as for a LayerNorm: here forward subtracts no mean"
        for second in (hat * m(g * hat), torch.zeros_like(g)):
            yield slip(m(g) + second, Mistake.OTHER_FORMULA, what)
    else:
        yield at.slip(
            "x",
            join(r * (g - g / n - hat * m(g * hat))),
            Mistake.DIAGONAL_ONLY,
            "the mean's term in ∂L/∂x is no sum over the group: only each number's own share is taken away",
        )


def _axes(at: At, norm: _Norm, join: Back, split: Back) -> Iterator[Slip | None]:
    """Means over other axes than forward's, or one that lost its axis."""
    x, grad = join(norm.x), join(norm.grad * norm.gain)
    choices: dict[tuple[int, ...], str] = {tuple(range(x.dim())): "everything"}
    names = {0: "the examples", 1: "the channels" if x.dim() > 2 else "the features"}
    for axis in range(x.dim()):
        choices[(axis,)] = f"{names.get(axis, f'axis {axis}')} only"
    if x.dim() > 2:
        choices[tuple(range(1, x.dim()))] = "each example with all that it has"
        choices[tuple(range(2, x.dim()))] = "the positions only"
        choices[(0, *range(2, x.dim()))] = "the examples and positions"
        choices[(0, 1)] = "the examples and axis 1"
    subtract = norm.mean is not None
    for axes, words in choices.items():
        if x.shape == norm.x.shape and axes == norm.axes:
            continue

        def m(of: Tensor, axes: tuple[int, ...] = axes) -> Tensor:
            return of.mean(axes, keepdim=True)

        def share(of: Tensor, axes: tuple[int, ...] = axes) -> Tensor:
            return of.sum(axes, keepdim=True) / norm.count

        for collect, word in ((m, "mean"), (share, "sum")):
            yield from _collected_wrongly(at, norm, join, collect, f"the {word}{{}} over {words}")
        what = f"the means in ∂L/∂x run over {words}: forward takes them over {norm.words}"
        mean = m(x) if subtract else torch.zeros_like(m(x))
        scale = (m((x - mean).square()) + norm.eps).rsqrt()
        own_hat = (x - mean) * scale
        yield at.slip(
            "x",
            scale * (grad - subtract * m(grad) - own_hat * m(grad * own_hat)),
            Mistake.WRONG_AXIS,
            f"mean and variance are taken over {words} in backward: forward takes them over {norm.words}",
        )
    if x.shape == norm.x.shape and len(norm.axes) == 1 and norm.axes[0] > 0:
        g, h = norm.grad * norm.gain, norm.centered * norm.scale
        unkept = norm.axes[0]
        what = "a mean lost its axis (keepdim), so that it is taken away from the wrong rows"
        first, second = g.mean(unkept), (g * h).mean(unkept)
        kept = subtract * norm.average(g), norm.average(g * h)
        for one, two in ((subtract * first, second), (subtract * first, kept[1]), (kept[0], second)):
            yield at.slip(
                "x", lambda one=one, two=two: norm.scale * (g - one - h * two), Mistake.WRONG_AXIS, what
            )


def _collected_wrongly(at: At, norm: _Norm, join: Back, collect: Back, told: str) -> Iterator[Slip | None]:
    """The terms of mean and variance with another sum than the group's.

    Args:
        collect: the other sum, in the shape of x; the deviation may stand inside of it or outside.
        told: what it is, with a place for where it stands.
    """
    r, centered = join(norm.scale.expand_as(norm.x)), join(norm.centered)
    g, subtract = join(norm.grad * norm.gain), norm.mean is not None
    own = join((norm.scale * norm.average(norm.grad * norm.gain)).expand_as(norm.x))
    products = norm.grad * norm.gain * norm.centered * norm.scale
    last = join((norm.centered * norm.scale**2 * norm.average(products)).expand_as(norm.x))
    for first, second in (
        (r * collect(g), centered * r**2 * collect(g * centered * r)),
        (collect(g * r), centered * collect(g * centered * r**3)),
    ):
        for one, two, where in (
            (first, second, "s in ∂L/∂x run"),
            (own, second, " in the variance's term of ∂L/∂x runs"),
            (first, last, " in the mean's term of ∂L/∂x runs"),
        ):
            if subtract or (one is first and two is second):
                what = f"{told.format(where)}: forward takes its means over {norm.words}"
                yield at.slip("x", r * g - subtract * one - two, Mistake.WRONG_AXIS, what)


def _statistics(at: At, norm: _Norm, join: Back) -> Iterator[Slip | None]:
    """A variance with another divisor, or ε at another place."""
    g, m, n, eps = norm.grad * norm.gain, norm.average, norm.count, norm.eps
    variants = [
        (norm.var.rsqrt(), "ε is left out of the variance in backward: forward adds it", 0.95),
        (1 / (norm.var.sqrt() + eps), "ε is added outside of the root in backward, in forward inside", 0.95),
        (
            (norm.var + eps * eps).rsqrt(),
            "ε is squared in backward, in forward it is added as it is",
            0.95,
        ),
        ((norm.var + 2 * eps).rsqrt(), "ε is added twice in backward", 0.95),
    ]
    if norm.own and n > 1:
        unbiased = norm.var * n / (n - 1)
        what = "the variance in backward divides by n − 1, in forward by n"
        variants += [
            ((unbiased + eps).rsqrt(), what, 0.95),
            (unbiased.rsqrt(), f"{what}; and ε is left out", 0.95),
            (1 / (unbiased.sqrt() + eps), f"{what}; and ε is added outside of the root", 0.95),
        ]
        what = "the sum of squares stands in backward for their mean: the variance is not divided by n"
        variants.append(((norm.var * n + eps).rsqrt(), what, 0.95))
    square = norm.x.square().mean(norm.axes, keepdim=True)
    if norm.mean is not None:
        what = "the mean of the squares stands in backward for the variance: the mean is not taken off"
        variants.append(((square + eps).rsqrt(), what, 0.95))
    right = norm.centered * norm.scale
    for r, what, prior in variants:
        for hat in (norm.centered * r, right):
            wrong = join(r * _formula(norm, g, m(g), m(g * hat), hat))
            yield at.slip("x", wrong, Mistake.WRONG_STATISTICS, what, prior)
        hat = norm.centered * r
        wrong = join(norm.scale * _formula(norm, g, m(g), m(g * hat), hat))
        yield at.slip("x", wrong, Mistake.WRONG_STATISTICS, what, prior)
        if "weight" in at:
            terms = join(norm.grad * hat)
            yield at.slip(
                "weight",
                lambda terms=terms: _collected(at, norm, terms),
                Mistake.WRONG_STATISTICS,
                what,
                prior,
            )


def _collected(at: At, norm: _Norm, terms: Tensor) -> Tensor:
    """Summed to the shape of the weight: one number for each channel, or for each of the last axes."""
    shape = at["weight"].shape
    return terms.sum((0, *range(2, terms.dim()))) if norm.by_channel else terms.sum_to_size(shape)


def _affine(at: At, norm: _Norm, join: Back, axes: dict[int, str]) -> Iterator[Slip | None]:
    """Wrong gradients of weight and bias."""
    g, hat = join(norm.grad), join(norm.centered * norm.scale)
    over = tuple(axes)
    if "weight" in at:
        gain = join(norm.grad * norm.gain)
        others = [
            (
                g * join(norm.x),
                "x stands in ∂L/∂weight where the normalized numbers belong",
                Mistake.WRONG_FACTOR,
            ),
            (
                g * join(norm.centered),
                "x less its mean stands in ∂L/∂weight: it is not divided by the standard deviation",
                Mistake.MISSING_FACTOR,
            ),
            (
                g * at.out,
                "the output stands in ∂L/∂weight where the normalized numbers belong",
                Mistake.WRONG_FACTOR,
            ),
            (
                g,
                "the normalized numbers are left out of ∂L/∂weight: forward multiplies them with the weight",
                Mistake.MISSING_FACTOR,
            ),
            (gain * hat, "the weight is a factor of its own gradient", Mistake.EXTRA_FACTOR),
            (hat, "grad_output is left out of ∂L/∂weight", Mistake.UPSTREAM_IGNORED),
            (
                g * hat * join(norm.scale.expand_as(norm.x)),
                "∂L/∂weight is divided by the standard deviation twice: the normalized numbers are already",
                Mistake.EXTRA_FACTOR,
            ),
            (
                g * hat * hat,
                "the normalized numbers are multiplied in twice in ∂L/∂weight",
                Mistake.EXTRA_FACTOR,
            ),
        ]
        for terms, what, mistake in others:
            yield at.slip("weight", terms.sum(over), mistake, what)
        yield from wrong_sums(at, "weight", g * hat, axes)
        yield at.slip(
            "weight",
            g.sum(over) * hat.sum(over),
            Mistake.MISPLACED_FACTOR,
            "∂L/∂weight is a product of two sums: each number is multiplied first, and then all are added",
        )
    if "bias" in at:
        scaled = "∂L/∂bias is multiplied with the weight: the bias is added after it"
        yield at.slip("bias", (g * join(norm.gain + 0 * norm.x)).sum(over), Mistake.EXTRA_FACTOR, scaled)
        divided = "∂L/∂bias is divided by the standard deviation: the bias is added after the division"
        yield at.slip(
            "bias", (g * join(norm.scale.expand_as(norm.x))).sum(over), Mistake.EXTRA_FACTOR, divided
        )
        times = "∂L/∂bias is multiplied with the normalized numbers: that is how the weight acts"
        yield at.slip("bias", (g * hat).sum(over), Mistake.EXTRA_FACTOR, times, 0.9)
        yield at.slip(
            "bias",
            lambda: torch.ones_like(g).sum(over),
            Mistake.UPSTREAM_IGNORED,
            "grad_output is left out of ∂L/∂bias",
        )
        yield at.slip(
            "bias",
            lambda: torch.ones_like(at["bias"]),
            Mistake.UPSTREAM_IGNORED,
            "grad_output is left out of ∂L/∂bias",
        )
        yield at.slip(
            "bias", g.sum(over) * at["bias"], Mistake.EXTRA_FACTOR, "the bias is a factor of its own gradient"
        )
        yield from wrong_sums(at, "bias", g, axes)


@slips("L1Normalize")
def l1_normalize(at: At) -> Iterator[Slip | None]:
    """Each vector divided by the sum of its absolute values."""
    x, g, out, dim = at["x"], at.grad, at.out, at.module.dim
    norm = x.abs().sum(dim, keepdim=True).clamp(min=at.module.eps)
    size, sign = x.shape[dim], x.sign()

    def total(of: Tensor, axis: int = dim) -> Tensor:
        return of.sum(axis, keepdim=True)

    along = total(g * out)
    what = (
        "the length depends on x, too: here it is treated as a constant, and the path through it is missing"
    )
    yield at.slip("x", g / norm, Mistake.CONSTANT_STATISTICS, what)
    yield at.slip("x", -sign * along / norm, Mistake.PATH_LOST, "only the path through the length is there")
    yield at.slip("x", (g + sign * along) / norm, Mistake.SIGN, "the length's term has the wrong sign")
    for factor, words in (
        (1.0, "nothing stands in the length's term"),
        (out, "the output stands in the length's term, as for the square root of squares,"),
        (x, "x itself stands in the length's term"),
        (x.abs(), "the absolute value of x stands in the length's term"),
        ((x > 0).to(x), "a mask of the positive numbers stands in the length's term"),
        (-sign, "the negative sign stands in the length's term"),
    ):
        what = f"{words} where the slope of the absolute value belongs"
        yield at.slip("x", (g - factor * along) / norm, Mistake.WRONG_FACTOR, what)
    for inside, words, mistake in (
        (total(g), "the output is left out of the sum", Mistake.MISSING_FACTOR),
        (total(g * x), "x stands in the sum where the output belongs", Mistake.INPUT_FOR_OUTPUT),
        (total(out), "what arrives is left out of the sum", Mistake.MISSING_FACTOR),
        (g * total(out), "what arrives stands outside of the sum", Mistake.MISPLACED_FACTOR),
        (out * total(g), "the output stands outside of the sum", Mistake.MISPLACED_FACTOR),
        (along / size, "a mean stands where a sum belongs", Mistake.MEAN_FOR_SUM),
        (g * out, "the sum is missing: each number acts on all outputs of its vector", Mistake.DIAGONAL_ONLY),
        ((g * out).sum(), "the sum runs over everything, not over each vector", Mistake.WRONG_AXIS),
    ):
        yield at.slip("x", (g - sign * inside) / norm, mistake, f"in the length's term {words}")
    for axis in range(x.dim()):
        what = "the sum in the length's term runs over the wrong axis"
        yield at.slip("x", (g - sign * total(g * out, axis)) / norm, Mistake.WRONG_AXIS, what)
    what = (
        "the sum in the length's term lost its axis (keepdim), so that it is taken away from the wrong rows"
    )
    if dim % x.dim() > 0:
        yield at.slip("x", lambda: (g - sign * (g * out).sum(dim)) / norm, Mistake.WRONG_AXIS, what)
    whole = g - sign * along
    yield at.slip("x", whole, Mistake.MISSING_FACTOR, "the division by the length is left out")
    yield at.slip("x", whole / norm**2, Mistake.EXTRA_FACTOR, "the division by the length is done twice")
    yield at.slip(
        "x", whole * norm, Mistake.WRONG_FACTOR, "multiplied with the length, forward divides by it"
    )
    what = "only one of the two terms is divided by the length"
    yield at.slip("x", g / norm - sign * along, Mistake.MISPLACED_FACTOR, what)
    yield at.slip("x", g - sign * along / norm, Mistake.MISPLACED_FACTOR, what)
    what = "the length is squared in the length's term once too often: the output has one of them already"
    yield at.slip("x", g / norm - sign * along / norm**2, Mistake.EXTRA_FACTOR, what)
    turned = "rows and columns of the Jacobian are exchanged: each output acts in the place of each input"
    yield at.slip("x", (g - out * total(g * sign)) / norm, Mistake.MISSING_TRANSPOSE, turned)
    other = x.square().sum(dim, keepdim=True).sqrt()
    what = "divided by the root of the squares, where forward divides by the sum of the absolute values"
    yield at.slip("x", whole / other, Mistake.WRONG_FACTOR, what)


@slips("Dropout")
def dropout(at: At) -> Iterator[Slip | None]:
    """The mask and its scale."""
    x, g, p = at["x"], at.grad, at.module.p
    if p == 1:
        return
    if not at.module.training or p == 0:
        for values, words in (
            (g / (1 - p), "divided by 1 − p"),
            (g * (1 - p), "multiplied with 1 − p"),
            (g * p, "multiplied with p"),
        ):
            what = f"the gradient is {words}, though in eval mode forward does nothing"
            yield at.slip("x", values, Mistake.EXTRA_FACTOR, what)
        return
    kept = (at.out != 0).to(g)
    unmasked = "the mask of forward is not applied: what was dropped gets a gradient"
    yield at.slip("x", g / (1 - p), Mistake.MASK_MISSING, unmasked)
    yield at.slip("x", g, Mistake.MASK_MISSING, "neither the mask nor its scale is applied")
    missing = "the mask is applied, but not the scale that forward gives to what it keeps"
    yield at.slip("x", g * kept, Mistake.MASK_SCALE_MISSING, missing)
    inverted = "the mask is the wrong way round: what was dropped gets a gradient, what was kept gets none"
    for scale in (1 / (1 - p), 1.0, 1 / p):
        yield at.slip("x", g * (1 - kept) * scale, Mistake.MASK_MISSING, inverted)
    for scale, words in (
        (1 / p, "divided by p, the probability to be dropped"),
        (1 - p, "multiplied with the probability to be kept, forward divides by it"),
        (p, "multiplied with p, the probability to be dropped"),
        ((1 - p) ** -2, "divided by the probability to be kept twice"),
    ):
        yield at.slip("x", g * kept * scale, Mistake.WRONG_FACTOR, f"what was kept is {words}", 0.9)
    yield at.slip("x", g * (1 - p), Mistake.MASK_MISSING, f"{unmasked}; and it is multiplied with 1 − p", 0.9)
    yield at.slip(
        "x", g * at.out, Mistake.WRONG_FACTOR, "grad_output is multiplied with the output, not the mask"
    )
    yield at.slip(
        "x", g * (x > 0), Mistake.WRONG_FACTOR, "the mask is that of the positive numbers, not forward's"
    )
    yield at.slip("x", g * (at.out > 0), Mistake.WRONG_FACTOR, "the mask is where the output is positive")
    yield at.slip("x", kept / (1 - p), Mistake.UPSTREAM_IGNORED, "grad_output is not used")
    yield at.slip(
        "x", g * kept * x, Mistake.EXTRA_FACTOR, "x is multiplied in, though the output's slope has no x"
    )
