"""Names beside the ends of curves, moved apart where they would touch; ticks for time steps and for powers of ten."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator


def apart(ends: list[float], low: float, high: float, room: float = 0.08) -> list[float]:
    """Heights for the labels of curves that end at `ends`, in the order given.

    Args:
        ends: where the curves end, on the axis that is drawn (logarithms for a logarithmic one).
        low, high: the ends of the axis; labels stay within.
        room: how far apart labels are at least, as a part of the axis.
    """
    least = room * (high - low)
    order = np.argsort(ends, kind="stable")
    placed = np.clip(np.array(ends, dtype=float)[order], low + least / 2, high - least / 2)
    for _ in range(200):
        lack = np.clip(least - np.diff(placed), 0, None) / 2
        placed = np.clip(placed + np.append(0, lack) - np.append(lack, 0), low + least / 2, high - least / 2)
    heights = np.empty_like(placed)
    heights[order] = placed
    return heights.tolist()


def rounded(number: float, digits: int = 2) -> str:
    """A number by its first digits, written out however large it is: 860 where the format ``.2g`` has 8.6e+02."""
    return f"{float(f'{number:.{digits}g}'):,.12g}"


def time_ticks(steps: int) -> list[int]:
    """Ticks for the time steps 1 … steps: the first one and round ones."""
    every = 1 if steps <= 8 else 5 if steps <= 30 else 10
    return sorted({1, *range(every, steps + 1, every)})


def label_powers(axes: Axes) -> None:
    """Write the numbers of the y axis as powers of ten, for curves of logarithms: quicker to draw than a logarithmic axis."""
    axes.yaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.yaxis.set_major_formatter(lambda power, _: f"$10^{{{power:.0f}}}$")
