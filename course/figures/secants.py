"""A slope by small steps: lines through two points of a curve, ahead or on both sides, beside the tangent."""

from collections.abc import Callable

import torch
from matplotlib import rc_context
from torch import Tensor

from course.device import device, tensor
from course.figure import GRADIENT_COLOR, NEUTRAL_COLOR, PALETTE, STYLE, VALUE_COLOR, Figure
from course.figures._slope import value_and_slope
from course.figures.gate_patterns import show
from course.figures.registry import figure
from course.module import Module
from course.modules import Exp, ReLU, Sin
from course.widgets import Slider

FUNCTIONS: dict[str, Callable[[], Module]] = {"sin": Sin, "exp": Exp, "ReLU": ReLU}
REACH = 3.0
COLORS = {"one-sided": PALETTE[4], "central": PALETTE[2]}
LINES = {"one-sided": (0, (2, 1)), "central": (0, (6, 2))}
INK = {"one-sided": "#8A5F00", "central": "#006B4E"}
"""Darker than the lines, so that words can be read on white."""


@figure(
    lecture=9,
    live={"drag": "at", "at": (-2.5, 2.5), "step": Slider(0.01, 1.5, log=True), "function": list(FUNCTIONS)},
)
def secants(function: str = "sin", at: float = 0.8, step: float = 0.9) -> Figure:
    """Draw a curve, its tangent, and the lines whose slopes are the one-sided and the central difference.

    Source: Press et al.: Numerical Recipes, 3rd edition (2007), section 5.7.

    Args:
        function: one of FUNCTIONS.
        at: the x whose slope is asked for.
        step: the ε by which x is moved.
    """
    if function not in FUNCTIONS:
        raise ValueError(f"no function is called '{function}': there are {', '.join(FUNCTIONS)}")
    if step <= 0:
        raise ValueError(f"a difference over ε = {step} is none: the step must be above 0")
    true, slopes, points = slopes_at(function, at, step)
    middle, ahead, behind = (points[place] for place in (at, at + step, at - step))
    grid = torch.linspace(-REACH, REACH, 601, dtype=torch.float64, device=device())
    curve = FUNCTIONS[function]()(grid).tolist()
    with rc_context(STYLE):
        figure = Figure(_describe(function, at, step, true, slopes), width=11, height=5.2)
        figure.set_layout_engine("none")  # the axes stay where they are while x is dragged
        axes = figure.add_axes((0.06, 0.115, 0.58, 0.8))
        axes.plot(grid.tolist(), curve, color=VALUE_COLOR, linewidth=3.5)
        axes.axline((at, middle), slope=true, color=GRADIENT_COLOR, linewidth=2.2)
        axes.axline(
            (at, middle), slope=slopes["one-sided"], color=COLORS["one-sided"], linestyle=LINES["one-sided"]
        )
        axes.axline(
            (at - step, behind), slope=slopes["central"], color=COLORS["central"], linestyle=LINES["central"]
        )
        axes.plot([at - step, at, at + step], [behind, middle, ahead], "o", color="black", ms=9, zorder=5)
        low, high = min(curve), max(curve)
        room = 0.35 * (high - low)
        axes.set(xlim=(-REACH, REACH), ylim=(low - room, high + room))
        axes.set_xticks(
            [at - step, at, at + step], ["x − ε", "x", "x + ε"] if step >= 0.45 else ["", "x", ""]
        )
        axes.set_xlabel(f"x = {show(at)}, ε = {show(step)}")
        axes.set_title(f"f = {function}: three lines at x, each with its slope")
        _write(figure, true, slopes)
    return figure


def slopes_at(function: str, at: float, step: float) -> tuple[float, dict[str, float], dict[float, float]]:
    """f′(x) by the module's own backward; both differences by name; and f's values where they need them."""
    module = FUNCTIONS[function]()
    slope = value_and_slope(module, tensor([at], torch.float64))[1].item()
    places = [at - step, at, at + step]
    low, middle, high = _values(module, places)
    differences = {"one-sided": (high - middle) / step, "central": (high - low) / (2 * step)}
    return slope, differences, dict(zip(places, (low, middle, high), strict=True))


def _values(module: Module, places: list[float]) -> list[float]:
    values: Tensor = module(tensor(places, torch.float64))
    return values.tolist()


def _write(figure: Figure, true: float, slopes: dict[str, float]) -> None:
    """The legend: name, slope and error of each line."""
    rows = [
        ("tangent", "f′(x)", true, GRADIENT_COLOR, GRADIENT_COLOR, "-"),
        (
            "one-sided",
            "(f(x + ε) − f(x)) / ε",
            slopes["one-sided"],
            COLORS["one-sided"],
            INK["one-sided"],
            LINES["one-sided"],
        ),
        (
            "central",
            "(f(x + ε) − f(x − ε)) / 2ε",
            slopes["central"],
            COLORS["central"],
            INK["central"],
            LINES["central"],
        ),
    ]
    axes = figure.add_axes((0.67, 0.115, 0.32, 0.8))
    axes.axis("off")
    axes.set(xlim=(0, 1), ylim=(0, 1))
    for row, (name, formula, slope, color, ink, line) in enumerate(rows):
        top = 0.92 - 0.33 * row
        axes.plot([0, 0.16], [top, top], color=color, linestyle=line, linewidth=3)
        axes.text(0.2, top, name, fontsize=16, color=ink, va="center", weight="bold")
        axes.text(0, top - 0.08, formula, fontsize=15, color=NEUTRAL_COLOR, va="center")
        off = "" if row == 0 else f"   off by {show(slope - true)}"
        axes.text(0, top - 0.155, f"{show(slope)}{off}", fontsize=16, va="center")


def _describe(function: str, at: float, step: float, true: float, slopes: dict[str, float]) -> str:
    return (
        f"The curve of {function} with three lines at x = {show(at)}: the tangent with slope {show(true)}; a "
        f"line through the "
        f"points at x and x + ε, ε = {show(step)}, with slope {show(slopes['one-sided'])}; and a line "
        f"through the points at "
        f"x − ε and x + ε, with slope {show(slopes['central'])}."
    )
