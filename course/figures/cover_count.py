"""Cover's count: how many of all labelings of n points a hyperplane can make.

A Monte-Carlo check by linear programs stands beside it.
"""

import math
from functools import cache

import numpy as np
import torch
from matplotlib import rc_context
from matplotlib.axes import Axes

from course.device import generator
from course.figure import NEUTRAL_COLOR, STYLE, VALUE_COLOR, Figure
from course.figures.registry import figure

OTHERS = (2, 5, 10, 20)
BATCH = 20
"""Trials are made and remembered in lots of so many: more samples only add to them."""


def fraction(points: int, dimensions: int) -> float:
    """The part of the 2ⁿ labelings of n points that a hyperplane through the origin separates: C(n, d) / 2ⁿ.

    C(n, d) = 2 Σ_{k<d} C(n − 1, k), for points in general position.
    """
    return 2 * sum(math.comb(points - 1, k) for k in range(dimensions)) / 2**points


def separable(x: np.ndarray, labels: np.ndarray) -> bool:
    """Whether some w has labels · (x w) ≥ 1 for every row of x: decided by a linear program."""
    from scipy.optimize import linprog  # takes a second to import, which only this needs

    result = linprog(
        np.zeros(x.shape[1]),
        A_ub=-labels[:, None] * x,
        b_ub=-np.ones(len(x)),
        bounds=(None, None),
        method="highs",
    )
    return result.status == 0  # 2 is infeasible


@cache
def _lot(points: int, dimensions: int, seed: int, number: int) -> int:
    """How many of one lot of random points with random labels are separable."""
    rng = generator(((1000 * seed + points) * 1000 + dimensions) * 1000 + number)
    x = torch.randn(BATCH, points, dimensions, generator=rng, device=rng.device).cpu().double().numpy()
    labels = 2 * torch.randint(2, (BATCH, points), generator=rng, device=rng.device).cpu().numpy() - 1
    return sum(map(separable, x, labels))


def counted(points: int, dimensions: int, samples: int, seed: int = 0) -> int:
    """How many of so many random trials are separable; `samples` is a multiple of 20."""
    return sum(_lot(points, dimensions, seed, number) for number in range(samples // BATCH))


def interval(successes: int, trials: int) -> tuple[float, float]:
    """The 95 % confidence interval of a probability (Wilson, 1927)."""
    z, share = 1.959964, successes / trials
    center = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    reach = z / (1 + z * z / trials) * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    return max(0.0, center - reach), min(1.0, center + reach)


def places(dimensions: int) -> list[int]:
    """The numbers of points at which the count is checked: around n = 2 d, where the curve falls."""
    return sorted({max(2, round(part * dimensions)) for part in (1, 1.4, 1.7, 2, 2.3, 2.6, 3)})


@figure(lecture=1, live={"dimensions": [2, 5, 10, 20], "samples": [20, 60, 200]})
def cover_count(dimensions: int = 5, samples: int = 60, seed: int = 0) -> Figure:
    """Draw the separable fraction against n, with the Monte-Carlo check, and against n / d.

    Source: Cover: Geometrical and statistical properties of systems of linear inequalities with applications
    in pattern recognition, IEEE Transactions on Electronic Computers 14 (1965).

    Args:
        dimensions: d, of the space in which the points lie.
        samples: linear programs for each number of points, in twenties.
        seed: for points and labels.

    Raises:
        ValueError: no dimension, or not one lot of samples.
    """
    if dimensions < 1 or samples < BATCH:
        raise ValueError(
            f"dimensions={dimensions}, samples={samples}: take at least 1 dimension and {BATCH} samples"
        )
    trials = samples // BATCH * BATCH
    hits = {n: counted(n, dimensions, trials, seed) for n in places(dimensions)}
    off = max(abs(count / trials - fraction(n, dimensions)) for n, count in hits.items())
    late = 3 * dimensions
    alt = (
        f"The fraction of all labelings of n points that a hyperplane separates, d = {dimensions}: 1 up to n "
        f"= {dimensions}, "
        f"one half at n = {2 * dimensions}, {fraction(late, dimensions):.2g} at n = {late}. Points with "
        f"error bars, {trials} "
        f"linear programs each, lie along the curve, off it by {off:.2f} at most. Against n / d the curves "
        f"for 2, 5, 10 and 20 "
        "dimensions all pass through one half at n / d = 2, the more dimensions the steeper."
    )
    with rc_context(STYLE):
        figure = Figure(alt, width=11.5, height=5)
        figure.set_layout_engine("none")  # the places are fixed, so that nothing jumps while a slider moves
        left, right = figure.add_axes((0.075, 0.14, 0.5, 0.7)), figure.add_axes((0.66, 0.14, 0.32, 0.7))
        _draw_count(left, dimensions, hits, trials)
        _draw_ratio(right, dimensions)
        space = "1 dimension" if dimensions == 1 else f"{dimensions} dimensions"
        figure.suptitle(
            f"{space}: half of all labelings of {2 * dimensions} points are separable", fontsize=18, y=0.97
        )
    return figure


def _draw_count(axes: Axes, dimensions: int, hits: dict[int, int], trials: int) -> None:
    reach = max(6, 3.4 * dimensions)
    n = range(1, int(reach) + 1)
    axes.plot(n, [fraction(points, dimensions) for points in n], "-", color=VALUE_COLOR)
    axes.axvline(2 * dimensions, color=NEUTRAL_COLOR, linestyle=":", linewidth=1.5)
    shares = np.array([count / trials for count in hits.values()])
    ends = np.array([interval(count, trials) for count in hits.values()])
    bars = np.abs(ends.T - shares)
    axes.errorbar(list(hits), shares, bars, fmt="o", color="black", ms=7, capsize=5, linewidth=1.8)
    axes.text(2 * dimensions, 1.04, " n = 2d", color=NEUTRAL_COLOR)
    axes.text(
        0.03, 0.3, "line: Cover's count", color=VALUE_COLOR, transform=axes.transAxes, fontweight="bold"
    )
    axes.text(
        0.03,
        0.2,
        f"points: {trials} linear programs\neach, with 95% intervals",
        transform=axes.transAxes,
        va="top",
    )
    axes.set(
        xlabel="number of points n", ylabel="fraction separable", xlim=(0, reach + 0.5), ylim=(-0.03, 1.12)
    )


def _draw_ratio(axes: Axes, dimensions: int) -> None:
    for d in sorted({*OTHERS, dimensions}):
        n = range(d, 4 * d + 1)
        look = (
            {"color": VALUE_COLOR, "linewidth": 3.5, "zorder": 3}
            if d == dimensions
            else {"color": NEUTRAL_COLOR, "linewidth": 1.5}
        )
        axes.plot([points / d for points in n], [fraction(points, d) for points in n], **look)
    axes.plot(2, 0.5, "o", color="black", ms=9, zorder=4)
    axes.annotate("one half at n = 2d,\nwhatever d", (2, 0.5), xytext=(12, 12), textcoords="offset points")
    axes.set(
        xlabel="points per dimension n / d", xlim=(0.9, 4.1), ylim=(-0.03, 1.12), title="d = 2, 5, 10, 20"
    )
