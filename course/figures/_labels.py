"""Names beside the ends of curves, moved apart where they would touch."""

import numpy as np


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
