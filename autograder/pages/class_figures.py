"""The pictures of a class report."""

import math
import textwrap
from collections.abc import Collection, Mapping, Sequence

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, PercentFormatter

from autograder.pages.page import humane
from course.figure import GRADIENT_COLOR, NEUTRAL_COLOR, STYLE, VALUE_COLOR, Figure

LOOKS = {**STYLE, "text.parse_math": False}
"""Names come as they are: a dollar sign in one begins no formula."""

REST_COLOR = "#e3e8ec"
WIDEST = 72
"""Characters of a label."""


def distribution(totals: Sequence[float], most: float) -> Figure:
    """How many submissions have how many points."""
    middle = float(np.median(totals))
    alt = (
        f"Histogram of {len(totals)} totals out of {most:g}: from {min(totals):g} to {max(totals):g}, "
        f"median {middle:g}."
    )
    with rc_context(LOOKS):
        figure = Figure(alt, height=3.4)
        axes = figure.subplots()
        top = max(most, *totals, 1.0)
        width = math.ceil(top / 20)  # whole points, or else some bars would hold more numbers than others
        bins = [float(edge) for edge in range(0, math.ceil(top) + width, width)]
        axes.hist(totals, bins=bins, color=VALUE_COLOR, edgecolor="white")
        axes.axvline(middle, color=GRADIENT_COLOR)
        side = "right" if middle > most / 2 else "left"
        offset = (-8 if side == "right" else 8, 0)
        axes.annotate(
            f"median {middle:g}",
            (middle, axes.get_ylim()[1]),
            offset,
            textcoords="offset points",
            ha=side,
            va="top",
            color=GRADIENT_COLOR,
        )
        axes.set(xlabel=f"points of {most:g}", ylabel="submissions", xlim=(0, None))
        axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
        axes.grid(axis="x", visible=False)
    return figure


def shares_right(shares: Mapping[str, Mapping[str, float]]) -> Figure:
    """The share of the class that has each part of each exercise right."""
    rows = [(exercise, part, share) for exercise, parts in shares.items() for part, share in parts.items()]
    worst = min(rows, key=lambda row: row[2])
    alt = (
        f"Bars for {len(rows)} parts of exercises: the share that is right. Lowest: {_label(*worst[:2])}, "
        f"{worst[2]:.0%}."
    )
    with rc_context(LOOKS):
        figure = Figure(alt, height=0.9 + 0.36 * len(rows) + 0.18 * len(shares))
        axes = figure.subplots()
        places, ticks = [], 0.0
        for position, (exercise, _, _) in enumerate(rows):
            # a gap between exercises
            ticks += 1.0 if not position or rows[position - 1][0] == exercise else 1.5
            places.append(ticks)
        right = [share for _, _, share in rows]
        axes.barh(places, 1.0, color=REST_COLOR, height=0.8)
        axes.barh(places, right, color=VALUE_COLOR, height=0.8)
        _say_shares(axes, places, right)
        axes.set_yticks(places, [_label(exercise, part) for exercise, part, _ in rows])
        _finish_bars(axes, 1.0, "right, share of the class")
    return figure


def mistakes_made(shares: Mapping[str, float], unnamed: Collection[str] = ()) -> Figure:
    """The share of the class that made each mistake; what has no name is gray."""
    first = next(iter(shares.items()))
    alt = (
        f"Bars for {len(shares)} mistakes: the share of the class that made each. Most frequent: "
        f"{first[0]}, {first[1]:.0%}."
    )
    with rc_context(LOOKS):
        figure = Figure(alt, height=0.9 + 0.52 * len(shares))
        axes = figure.subplots()
        places, made = list(range(len(shares))), list(shares.values())
        axes.barh(
            places,
            made,
            color=[NEUTRAL_COLOR if name in unnamed else GRADIENT_COLOR for name in shares],
            height=0.7,
        )
        _say_shares(axes, places, made)
        axes.set_yticks(places, [textwrap.fill(_short(name), 36) for name in shares])
        _finish_bars(axes, max(made) * 1.15, "made it, share of the class")
    return figure


def times(seconds: Mapping[str, Sequence[float]]) -> Figure:
    """How long the judge took for each exercise."""
    slowest = max(seconds, key=lambda exercise: max(seconds[exercise]))
    alt = (
        f"Boxes for {len(seconds)} exercises: seconds a submission. The longest took "
        f"{max(seconds[slowest]):.1f} s ({slowest})."
    )
    with rc_context(LOOKS):
        figure = Figure(alt, height=1.0 + 0.45 * len(seconds))
        axes = figure.subplots()
        boxes = axes.boxplot(
            list(seconds.values()),
            orientation="horizontal",
            widths=0.55,
            patch_artist=True,
            whis=(0, 95),
            flierprops={"marker": ".", "markeredgecolor": NEUTRAL_COLOR, "markersize": 5},
            medianprops={"color": GRADIENT_COLOR, "linewidth": 2.5},
        )
        for box in boxes["boxes"]:
            box.set(facecolor=REST_COLOR, edgecolor=VALUE_COLOR)
        axes.set_yticks(range(1, len(seconds) + 1), [humane(_short(exercise)) for exercise in seconds])
        axes.set_xscale("symlog", linthresh=0.1)
        axes.set(xlabel="seconds a submission", xlim=(0, None))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.grid(axis="y", visible=False)
        axes.invert_yaxis()
    return figure


def _say_shares(axes: Axes, places: Sequence[float], shares: Sequence[float]) -> None:
    for place, share in zip(places, shares, strict=True):
        axes.annotate(
            f"{share:.0%}", (share, place), (5, 0), textcoords="offset points", va="center", color="#111"
        )


def _finish_bars(axes: Axes, end: float, label: str) -> None:
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set(xlabel=label, xlim=(0, end * 1.08))
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10]))
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()


def _label(exercise: str, part: str) -> str:
    return _short(f"{humane(exercise)}: {part}")


def _short(name: str) -> str:
    return name if len(name) <= WIDEST else f"{name[: WIDEST - 1]}…"
