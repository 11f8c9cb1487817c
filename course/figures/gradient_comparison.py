"""A gradient laid over the numeric one: where dot and ring part, backward is wrong."""

from collections.abc import Mapping

import numpy as np
from matplotlib import rc_context
from matplotlib.ticker import MaxNLocator

from course.figure import GRADIENT_COLOR, NEUTRAL_COLOR, STYLE, Figure
from course.figures.registry import figure

Gradients = Mapping[str, np.ndarray | None]

EXAMPLE: Gradients = {"x": np.array([2.0, -6.0, 10.0]), "y": None}
"""What a half-done Multiply hands back for x = (1, −2, 3), y = (4, 5, −1) and upstream (2, 3, 5): its factors
are swapped."""
TRUTH = {"x": np.array([8.0, 15.0, -5.0]), "y": np.array([2.0, -6.0, 15.0])}


@figure(lecture=5)
def gradient_comparison(
    analytic: Gradients = EXAMPLE,
    numeric: Mapping[str, np.ndarray] = TRUTH,
    *,
    title: str = "backward and numeric gradient",
) -> Figure:
    """Draw every coordinate of every gradient: a ring for the numeric one, a dot for the one from backward.

    Args:
        analytic: gradients by name; None or left out where there is none yet.
        numeric: the true gradients by name, in the shape that they should have.
        title: above the picture.

    Where there is no numeric gradient, of a module that cannot compute forward yet, the picture says so.
    """
    with rc_context(STYLE):
        if not numeric:
            return _nothing_yet(title)
        wrong = [name for name in numeric if not agrees(analytic.get(name), numeric[name])]
        figure = Figure(_describe(numeric, analytic, wrong), width=max(6.0, 3.4 * len(numeric)), height=3.6)
        figure.suptitle(title)
        for axes, name in zip(figure.subplots(1, len(numeric), squeeze=False)[0], numeric, strict=True):
            true, mine = numeric[name].ravel(), analytic.get(name)
            index = np.arange(true.size)
            axes.axhline(0, color=NEUTRAL_COLOR, linewidth=1)
            axes.plot(index, true, "o", ms=15, mfc="none", mec=NEUTRAL_COLOR, mew=2, label="numeric")
            fits = mine is not None and mine.shape == numeric[name].shape
            if fits and mine is not None:
                axes.plot(index, mine.ravel(), "o", ms=7, color=GRADIENT_COLOR, label="backward")
            verdict = (
                "not written yet"
                if mine is None
                else ""
                if fits
                else (f"shape {mine.shape}, not {numeric[name].shape}")
            )
            axes.set_title(f"∂L/∂{name}" + (f": {verdict}" if verdict else ""))
            axes.set_xlabel("coordinate")
            axes.xaxis.set_major_locator(MaxNLocator(8, integer=True, min_n_ticks=1))
            axes.margins(x=0.15, y=0.2)
        first = figure.axes[0]
        first.set_ylabel("gradient")
        handles = {
            label: handle
            for axes in figure.axes
            for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
        }
        figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=2, frameon=False)
    return figure


def _nothing_yet(title: str) -> Figure:
    sentence = "There is nothing to compare yet: forward computes no output."
    figure = Figure(sentence, width=6.0, height=1.6)
    figure.suptitle(title)
    axes = figure.subplots()
    axes.axis("off")
    axes.text(0.5, 0.5, sentence, ha="center", va="center")
    return figure


def agrees(analytic: np.ndarray | None, numeric: np.ndarray) -> bool:
    """Whether two gradients look the same in the picture: same shape, and no coordinate off noticeably."""
    if analytic is None or analytic.shape != numeric.shape:
        return False
    return bool(np.allclose(analytic, numeric, rtol=1e-4, atol=1e-6))


def _describe(numeric: Mapping[str, np.ndarray], analytic: Gradients, wrong: list[str]) -> str:
    names = ", ".join(f"∂L/∂{name}" for name in numeric)
    if not wrong:
        return (
            f"Dots in rings: for {names}, the gradient from backward lies on the numeric one at every "
            f"coordinate."
        )
    missing = [f"∂L/∂{name}" for name in wrong if analytic.get(name) is None]
    off = [f"∂L/∂{name}" for name in wrong if analytic.get(name) is not None]
    listed = [f"no dots yet for {', '.join(missing)}"] * bool(missing) + [
        f"dots off their rings for {', '.join(off)}"
    ] * bool(off)
    return f"Rings mark the numeric gradients {names}; there are {' and '.join(listed)}."
