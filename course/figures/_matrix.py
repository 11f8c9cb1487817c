"""Matrices as heat maps with their numbers, laid out side by side on one canvas.

The figures that show tensors share this.
"""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from course.figure import GRADIENT_COLOR, NEUTRAL_COLOR, VALUE_COLOR, Figure

SEAM_COLOR = "#D9D9D9"
STRONGEST = 0.6
"""How much color the largest number gets, as in the explorer: black numbers stay readable on it."""


def canvas(alt: str, columns: float, rows: float, width: float = 12.0) -> tuple[Figure, Axes]:
    """A figure with one empty axes of columns × rows square cells; y runs downwards, as matrix rows do."""
    figure = Figure(alt, width=width, height=width * rows / columns)
    figure.set_layout_engine("none")  # the cells are the layout
    axes = figure.add_axes((0, 0, 1, 1))
    axes.axis("off")
    axes.set(xlim=(0, columns), ylim=(rows, 0), autoscale_on=False)
    return figure, axes


def shade(numbers: np.ndarray, largest: float | None = None) -> np.ndarray:
    """A color for each number: white at zero, blue above, rust below.

    NaN, for a cell without a number, is light gray.
    """
    largest = float(np.nanmax(np.abs(numbers), initial=0.0)) if largest is None else largest
    part = np.clip(np.nan_to_num(numbers) / (largest or 1.0), -1, 1)[..., None]
    ends = np.where(part < 0, to_rgb(GRADIENT_COLOR), to_rgb(VALUE_COLOR))
    return np.where(np.isnan(numbers)[..., None], 0.93, 1 - STRONGEST * np.abs(part) * (1 - ends))


def draw_matrix(
    axes: Axes,
    numbers: np.ndarray,
    left: float,
    top: float,
    *,
    cell: float | tuple[float, float] = 1.0,
    largest: float | None = None,
    digits: int | None = 2,
    fontsize: float = 13,
) -> list[Text]:
    """Draw a matrix with its upper left corner at (left, top); returns the texts of its numbers.

    Args:
        axes: where to.
        numbers: a matrix; NaN leaves a cell empty.
        left, top: the corner, in cells of the canvas.
        cell: the width and height of one cell of the matrix, one number for a square, in cells of the canvas.
        largest: what gets the strongest color; the largest number when left out.
        digits: after the point; None writes no numbers.
        fontsize: of the numbers.
    """
    rows, columns = numbers.shape
    wide, high = cell if isinstance(cell, tuple) else (cell, cell)
    low, right = top + rows * high, left + columns * wide
    axes.imshow(
        shade(numbers, largest),
        extent=(left, right, low, top),
        interpolation="nearest",
        aspect="auto",
        zorder=1,
    )
    axes.hlines(top + high * np.arange(1, rows), left, right, color=SEAM_COLOR, linewidth=0.8, zorder=1.5)
    axes.vlines(left + wide * np.arange(1, columns), top, low, color=SEAM_COLOR, linewidth=0.8, zorder=1.5)
    outline(axes, left, top, columns * wide, rows * high)
    if digits is None:
        return []
    return [
        axes.text(
            left + (column + 0.5) * wide, top + (row + 0.5) * high, number_text(number, digits),
            ha="center", va="center", fontsize=fontsize, zorder=3,
        )
        for (row, column), number in np.ndenumerate(numbers)
        if not np.isnan(number)
    ]  # fmt: skip


def outline(
    axes: Axes,
    left: float,
    top: float,
    width: float,
    height: float,
    color: str = NEUTRAL_COLOR,
    **look: float,
) -> None:
    """A frame, such as the one around a matrix or a window in it."""
    axes.add_patch(
        Rectangle(
            (left, top), width, height, fill=False, edgecolor=color, **{"linewidth": 1.2, "zorder": 2, **look}
        )
    )


def number_text(number: float, digits: int) -> str:
    """A number with so many digits after the point, without a zero that says nothing: 0.25, −3, 1.5."""
    text = f"{number:.{digits}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "0") else text.replace("-", "−")
