"""The base of every picture: a matplotlib figure with alt text, the shared colors, room between labels."""

import base64
import html
import io
from typing import Any

import matplotlib.figure
import numpy as np
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg

VALUE_COLOR = "#005A9C"
"""Blue, for what forward computes; safe for color-blind readers beside GRADIENT_COLOR, contrast 7.1 on
white."""
GRADIENT_COLOR = "#B8430B"
"""Rust, for what backward computes; contrast 5.5 on white."""
NEUTRAL_COLOR = "#555555"

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""For more than two things, in this order; safe for color-blind readers (Okabe, Ito: Color universal design,
2008)."""

STYLE: Any = {
    "font.size": 13,
    "axes.titlesize": 14,
    "axes.labelsize": 13,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.linewidth": 2.2,
    "axes.grid": True,
    "grid.color": "#e4e4e4",
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
}
"""Readable from the last row when projected at 1280 × 720."""


class Figure(matplotlib.figure.Figure):
    """A figure of the course; `alt` says in a sentence or two what there is to see in it.

    Args:
        alt: the alternative text for readers who do not see the picture.
        width, height: inches.
    """

    def __init__(self, alt: str, width: float = 9.0, height: float = 4.0, **options: Any) -> None:
        if not alt.strip():
            raise ValueError("a figure needs alt text: say what there is to see")
        super().__init__(figsize=(width, height), layout="constrained", facecolor="white", **options)
        FigureCanvasAgg(self)
        self.alt = alt

    def to_png(self, dpi: int = 120) -> bytes:
        """The picture as PNG bytes."""
        buffer = io.BytesIO()
        with rc_context(STYLE):
            # quick rather than small
            self.savefig(buffer, format="png", dpi=dpi, pil_kwargs={"compress_level": 1})
        return buffer.getvalue()

    def _repr_html_(self) -> str:
        # Less than two thirds of the window leave room on a slide for the heading and the call.
        data = base64.b64encode(self.to_png()).decode()
        return (
            f'<img src="data:image/png;base64,{data}" alt="{html.escape(self.alt)}" '
            f'style="max-width:100%;max-height:60vh">'
        )


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
