"""The V of gradient checking: too long a step truncates, too short a step rounds off.

One step is shown weight by weight, too.
"""

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb

from course.figure import GRADIENT_COLOR, NEUTRAL_COLOR, PALETTE, STYLE, Figure
from course.figures.difference_error import (
    METHODS,
    PRECISIONS,
    STEPS,
    Curve,
    error_curves,
    problem,
    relative_errors,
)
from course.figures.registry import figure
from course.widgets import Slider

COLORS = {"float64": PALETTE[0], "float32": PALETTE[1]}
LINES = {"central": "-", "one-sided": (0, (4, 2))}
LABELS = (
    (2e-12, 2.2, "float32", PALETTE[1], "left"),
    (2e-12, 1.5e-7, "float64", PALETTE[0], "left"),
    (1.5e-6, 1.2e-5, "one-sided ∝ ε", NEUTRAL_COLOR, "right"),
    (6e-5, 1e-10, "central ∝ ε²", NEUTRAL_COLOR, "left"),
    (1.5e-6, 0.12, "round-off ∝ 1/ε", NEUTRAL_COLOR, "left"),
    (5e-6, 2.3e-12, "∛eps", PALETTE[0], "center"),
    (1.6e-8, 9e-8, "√eps", PALETTE[0], "center"),
    (9e-4, 4e-6, "∛eps", PALETTE[1], "right"),
    (2.6e-4, 1e-3, "√eps", PALETTE[1], "center"),
    (1, 2.3e-12, "▽ predicted best step", NEUTRAL_COLOR, "right"),
    (1, 1.6e-7, "doubtful", NEUTRAL_COLOR, "right"),
)
"""x, y, words, color and side of what is written into the plot: colors are precisions, lines are methods."""
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
BAND = (1e-7, 1e-4)
"""Below it a gradient is right, above it is wrong; in between, look twice."""


@figure(
    lecture=9,
    live={
        "epsilon": Slider(1e-12, 1.0, log=True),
        "method": ["central", "one-sided"],
        "precision": ["float64", "float32"],
    },
)
def gradient_check(
    epsilon: float = 1e-2, method: str = "central", precision: str = "float64", seed: int = 0
) -> Figure:
    """Draw the error of numerical gradients by step ε, and for one ε the error of each weight of a Linear.

    Args:
        epsilon: the step that is marked.
        method: central or one-sided differences, for the marked step.
        precision: float64 or float32, for the marked step.
        seed: of the weights, the inputs and the upstream gradient.
    """
    if epsilon <= 0:
        raise ValueError(f"a difference over ε = {epsilon} is none: the step must be above 0")
    for choice, choices in ((method, METHODS), (precision, tuple(PRECISIONS))):
        if choice not in choices:
            raise ValueError(f"'{choice}' is unknown: there are {' and '.join(choices)}")
    curves = error_curves(seed)
    error = float(relative_errors(method, precision, np.array([epsilon]), seed)[0])
    analytic, numeric = (
        problem(seed).analytic,
        problem(seed).numeric(np.array([epsilon]), method, precision)[0],
    )
    off = (numeric.double() - analytic).abs().cpu().numpy()
    with rc_context(STYLE):
        figure = Figure(_describe(curves, epsilon, method, precision, error, off), width=12.6, height=5.5)
        figure.set_layout_engine("none")  # the axes stay where they are while ε moves
        axes = figure.add_axes((0.08, 0.125, 0.52, 0.795))
        _draw_curves(axes, curves)
        axes.axvline(epsilon, color=NEUTRAL_COLOR, linewidth=1.5, linestyle=":")
        axes.plot(
            [epsilon],
            [max(error, 1e-12)],
            "o",
            color=COLORS[precision],
            ms=13,
            mec="black",
            zorder=5,
            clip_on=False,
        )
        beside = figure.add_axes((0.66, 0.2, 0.325, 0.58))
        _draw_map(beside, off, f"{method}, {precision}, ε = {power(epsilon)}")
        beside.set_xlabel(f"all together: a relative error of {power(error)}")
    return figure


def _draw_curves(axes: Axes, curves: tuple[Curve, ...]) -> None:
    axes.set(xscale="log", yscale="log")
    axes.axhspan(*BAND, color="#EFEFEF", zorder=0)
    for curve in curves:
        color, line = COLORS[curve.precision], LINES[curve.method]
        axes.plot(STEPS, curve.errors, color=color, linestyle=line, label=f"{curve.method} {curve.precision}")
        near = float(np.interp(np.log(curve.predicted), np.log(STEPS), curve.errors))
        axes.plot([curve.predicted], [near], "v", color=color, ms=12, mfc="white", mew=2.2, zorder=4)
    for x, y, words, color, side in LABELS:
        axes.text(x, y, words, color=color, ha=side, fontsize=14)
    axes.set(xlim=(1e-12, 1.5), ylim=(1e-12, 30))
    for ticks in (axes.set_xticks, axes.set_yticks):
        ticks(
            10.0 ** np.arange(-12, 1, 2),
            [f"10{str(n).translate(RAISED)}" for n in range(-12, 1, 2)],
        )
    axes.minorticks_off()
    axes.set_xlabel("step ε")
    axes.set_ylabel("relative error of the gradient")
    axes.set_title("too long a step truncates, too short a step rounds off")


def _draw_map(axes: Axes, off: np.ndarray, words: str) -> None:
    part = np.clip((np.log10(np.maximum(off, 1e-300)) + 12) / 12, 0, 1)[..., None]
    axes.imshow(1 - 0.75 * part * (1 - np.array(to_rgb(GRADIENT_COLOR))), aspect="auto")
    for (row, column), number in np.ndenumerate(off):
        axes.text(column, row, power(number), ha="center", va="center", fontsize=15)
    axes.set_xticks(range(off.shape[1]), [f"in {i}" for i in range(off.shape[1])])
    axes.set_yticks(range(off.shape[0]), [f"out {i}" for i in range(off.shape[0])])
    axes.tick_params(length=0)
    axes.grid(False)
    axes.set_title(f"|analytic − numeric| of each weight\n{words}")


def power(number: float) -> str:
    """A number as one digit, below a hundredth with a power of ten: 0.4, 3e−9."""
    return (
        f"{number:.1g}"
        if number == 0 or number >= 0.01
        else f"{number:.0e}".replace("e-0", "e-").replace("-", "−")
    )


def _describe(
    curves: tuple[Curve, ...], epsilon: float, method: str, precision: str, error: float, off: np.ndarray
) -> str:
    listed = "; ".join(
        f"{c.method} in {c.precision} smallest at ε = {power(c.best)}, predicted {power(c.predicted)}"
        for c in curves
    )
    return (
        "Four V-shaped curves of the relative error of a numerical gradient against the step ε, both axes "
        "logarithmic: "
        f"{listed}. Beside them a heat map of each weight's error at ε = {power(epsilon)}, {method}, "
        f"{precision}: from "
        f"{power(off.min())} to {power(off.max())}, together a relative error of {power(error)}."
    )
