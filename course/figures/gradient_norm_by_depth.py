"""The gradient's length on its way back through a deep chain: what vanishes, explodes, or keeps it alive."""

import math
from itertools import pairwise

from matplotlib import rc_context
from matplotlib.axes import Axes

from course.figure import NEUTRAL_COLOR, PALETTE, STYLE, Figure
from course.figures.gradient_norms import INITIALIZATIONS, WIDTH, gradient_norms
from course.figures.registry import figure
from course.widgets import Slider

LINES = {
    "Sigmoid": (PALETTE[0], "-"),
    "Tanh": (PALETTE[2], (0, (5, 1.5))),
    "ReLU": (PALETTE[1], "-"),
    "SELU": (PALETTE[6], (0, (1.5, 1))),
}
LOW, HIGH = -12, 9
"""The powers of ten that are drawn; the label of a line that leaves them says where it went."""
WORD = {"ha": "center", "va": "center", "fontsize": 15, "color": NEUTRAL_COLOR, "style": "italic"}
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
RULES = {"small": "0.01", "Xavier": "√(1/n)", "He": "√(2/n)"}


@figure(lecture=6, live={"depth": (2, 50), "scale": Slider(0.1, 10.0, log=True)})
def gradient_norm_by_depth(depth: int = 20, scale: float = 1.0, seed: int = 0) -> Figure:
    """Draw ‖∂L/∂x_l‖ from the last layer back to the first, for four activations and three initializations.

    Args:
        depth: how many times Linear and activation follow one another.
        scale: all weights are multiplied by it.
        seed: of weights, inputs and the gradient at the output.
    """
    if depth < 1:
        raise ValueError(f"a chain of depth {depth} has no layers: it must be at least 1")
    norms = {(i, a): gradient_norms(a, i, depth, scale, seed) for i in INITIALIZATIONS for a in LINES}
    with rc_context(STYLE):
        figure = Figure(_describe(norms, depth, scale), width=12.6, height=5.6)
        figure.set_layout_engine("none")  # the axes stay where they are while the sliders move
        places = {"left": 0.075, "right": 0.87, "top": 0.83, "bottom": 0.11, "wspace": 0.72}
        panels = figure.subplots(1, 3, sharey=True, gridspec_kw=places)
        for axes, initialization in zip(panels, INITIALIZATIONS, strict=True):
            _draw(axes, {name: norms[initialization, name] for name in LINES}, depth)
            axes.set_title(f"{initialization}: σ = {RULES[initialization]}", fontsize=15)
            axes.set_xlabel("backward →", labelpad=-6)
        for height, word in ((6.5, "explodes"), (-10.9, "vanishes")):
            panels[-1].text(0.66, 10.0**height, word, transform=panels[-1].get_yaxis_transform(), **WORD)
        panels[0].set_ylabel("‖∂L/∂x‖, 1 at the output")
        lengths = [short(ends([numbers[0] for numbers in norms.values()])) for ends in (min, max)]
        way = f"{depth} layers of Linear({WIDTH}) and activation" + (
            f", weights × {scale:.3g}" if scale != 1 else ""
        )
        figure.suptitle(
            f"Back through {way}: the gradient is {lengths[0]} to {lengths[1]} times as long", fontsize=15
        )
    return figure


def _draw(axes: Axes, norms: dict[str, list[float]], depth: int) -> None:
    axes.set(yscale="log", ylim=(10.0**LOW, 10.0**HIGH), xlim=(depth + 1, 1))
    axes.axhspan(10.0**LOW, 1e-4, color="#EFEFEF", zorder=0)
    axes.axhspan(1e4, 10.0**HIGH, color="#F7E3D8", zorder=0)
    axes.axhline(1, color=NEUTRAL_COLOR, linewidth=1)
    heights = spread(
        [exponent(numbers[0]) for numbers in norms.values()], gap=1.5, low=LOW + 0.3, high=HIGH - 0.3
    )
    for (name, numbers), height in zip(norms.items(), heights, strict=True):
        color, line = LINES[name]
        axes.plot(range(1, depth + 2), numbers, color=color, linestyle=line, label=name, linewidth=2.8)
        beside = {"transform": axes.get_yaxis_transform(), "color": color, "clip_on": False}
        if LOW < exponent(numbers[0]) < HIGH:
            axes.plot((1.0, 1.06), (numbers[0], 10.0**height), linewidth=1.2, **beside)
        axes.text(1.08, 10.0**height, f"{name} {short(numbers[0])}", fontsize=14, va="center", **beside)
    powers = range(LOW, HIGH + 1, 3)
    axes.set_yticks([10.0**n for n in powers], [f"10{str(n).translate(RAISED)}" for n in powers])
    axes.set_xticks([depth + 1, 1], ["output", "layer 1"])
    axes.minorticks_off()


def spread(heights: list[float], gap: float, low: float, high: float) -> list[float]:
    """Heights for labels near the given ones, in their order, at least `gap` apart, from `low` to `high`."""
    order = sorted(range(len(heights)), key=heights.__getitem__)
    placed = [min(max(height, low), high) for height in heights]
    for below, above in pairwise(order):
        placed[above] = max(placed[above], placed[below] + gap)
    limit = high
    for place in reversed(order):
        placed[place] = min(placed[place], limit)
        limit = placed[place] - gap
    return placed


def exponent(number: float) -> float:
    """log₁₀; far below the picture for a gradient that is nothing but zeros."""
    return math.log10(number) if number > 0 else -999.0


def short(number: float) -> str:
    """A number in few letters, its order of magnitude where it is very small or large: 0.17, 65, 10⁻¹³."""
    return (
        f"{number:.2g}"
        if 0.01 <= number < 100 or number == 0
        else f"10{str(round(exponent(number))).translate(RAISED)}"
    )


def _describe(norms: dict[tuple[str, str], list[float]], depth: int, scale: float) -> str:
    listed = "; ".join(
        f"{initialization}: " + ", ".join(f"{name} {short(norms[initialization, name][0])}" for name in LINES)
        for initialization in INITIALIZATIONS
    )
    return (
        f"Three plots of the gradient's norm, on a logarithmic axis, from the output of {depth} layers, "
        f"where it is 1, back to "
        f"the first; weights times {scale:.3g}. At the first layer, {listed}."
    )
