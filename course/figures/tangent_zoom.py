"""Zoom in on a curve until it is its tangent.

The error of the linear approximation shrinks with the square of the distance.
"""

from collections.abc import Sequence

import torch
from matplotlib import rc_context
from matplotlib.axes import Axes
from torch import Tensor

from course.containers.chain import Chain
from course.device import device, tensor
from course.figure import GRADIENT_COLOR, NEUTRAL_COLOR, STYLE, VALUE_COLOR, Figure
from course.figures._slope import value_and_slope
from course.figures.gate_patterns import show
from course.figures.gradient_check import power
from course.figures.registry import figure
from course.modules import Polynomial, Sin
from course.widgets import Slider

REACH, STEEP = 3.0, 0.72
"""Half the width of the window at zoom 1, and its height as a part of its width: a slope of 1 looks like
45°."""


def sine_of_square() -> Chain:
    """The curve: u = 0.5 x², then y = sin u."""
    half_square = Polynomial(2)
    half_square.weight.value = tensor([0.0, 0.0, 0.5], torch.float64)
    return Chain(half_square, Sin())


@figure(lecture=4, live={"zoom": Slider(1.0, 1000.0, log=True), "at": (-3.0, 3.0)})
def tangent_zoom(zoom: float = 3.0, at: float = 1.5) -> Figure:
    """Draw y = sin(0.5 x²) and its tangent in a window `zoom` times smaller, and how far the two are apart.

    Args:
        zoom: how many times nearer we look.
        at: where the tangent touches.
    """
    if zoom < 1:
        raise ValueError(f"zoom={zoom} looks from farther away: it must be at least 1")
    reach = REACH / zoom
    away = torch.linspace(-reach, reach, 401, dtype=torch.float64, device=device())
    rise, slope = rise_and_slope(at, away)
    error = tangent_errors(at, [reach])[0]
    with rc_context(STYLE):
        figure = Figure(_describe(at, zoom, slope, error), width=12.6, height=5.4)
        figure.set_layout_engine("none")  # the axes stay where they are while we zoom
        places = {"left": 0.095, "right": 0.985, "top": 0.9, "bottom": 0.13, "wspace": 0.26}
        window, plot = figure.subplots(1, 2, width_ratios=(1.25, 1), gridspec_kw=places)
        _draw_window(window, away, rise, slope, at)
        window.set_title(f"{zoom:.4g} times nearer: curve and tangent at most {power(error)} apart")
        distances = [REACH * 10 ** (-step / 12) for step in range(37)]
        _draw_errors(plot, distances, tangent_errors(at, distances))
        plot.plot([reach], [error], "o", color=GRADIENT_COLOR, ms=13, clip_on=False, zorder=5)
    return figure


def rise_and_slope(at: float, away: Tensor) -> tuple[Tensor, float]:
    """How much y changes from x = at to each x = at + away, and dy/dx there by the chain's own backward."""
    chain = sine_of_square()
    value, slope = value_and_slope(chain, tensor([at], torch.float64))
    return chain(at + away) - value, slope.item()


def tangent_errors(at: float, distances: Sequence[float]) -> list[float]:
    """For each distance h, the largest gap between curve and tangent from at − h to at + h."""
    parts = torch.linspace(-1, 1, 201, dtype=torch.float64, device=device())
    away = tensor(list(distances), torch.float64).unsqueeze(1) * parts
    rise, slope = rise_and_slope(at, away)
    return (rise - slope * away).abs().amax(dim=1).tolist()


def _draw_window(axes: Axes, away: Tensor, rise: Tensor, slope: float, at: float) -> None:
    reach, x = float(away[-1]), away.tolist()
    axes.plot(x, rise.tolist(), color=VALUE_COLOR, linewidth=3.5, label="y = sin(0.5x²)")
    axes.plot(
        x,
        (slope * away).tolist(),
        color=GRADIENT_COLOR,
        linestyle=(0, (4, 2)),
        linewidth=2.5,
        label="tangent",
    )
    axes.plot([0], [0], "o", color="black", ms=9, zorder=5)
    axes.set(xlim=(-reach, reach), ylim=(-STEEP * reach, STEEP * reach))
    axes.set_xlabel(f"Δx from x = {show(at)}")
    axes.set_ylabel("Δy")
    for set_ticks in (axes.set_xticks, axes.set_yticks):
        ticks = [reach * part for part in (-0.5, 0, 0.5)]
        set_ticks(ticks, [show(tick) for tick in ticks])
    side = "upper left" if slope >= 0 else "upper right"
    axes.legend(loc=side, frameon=True, framealpha=0.9, edgecolor="none", title=f"slope {show(slope)}")


def _draw_errors(axes: Axes, distances: list[float], errors: list[float]) -> None:
    axes.set(xscale="log", yscale="log", xlim=(3e-3, 3), ylim=(1e-7, 30))
    axes.plot(distances, errors, color=VALUE_COLOR, linewidth=3)
    last = errors[-1]
    axes.plot(
        [distances[-1], 1.0],
        [last, last / distances[-1] ** 2],
        color=NEUTRAL_COLOR,
        linestyle=":",
        linewidth=2,
    )
    axes.text(0.09, 1.5e-4, "∝ (Δx)²", color=NEUTRAL_COLOR, fontsize=16)
    axes.set_xticks([0.01, 0.1, 1], ["0.01", "0.1", "1"])
    axes.set_yticks([1e-6, 1e-4, 1e-2, 1], ["10⁻⁶", "10⁻⁴", "10⁻²", "1"])
    axes.minorticks_off()
    axes.set_xlabel("|Δx|, how far we look")
    axes.set_ylabel("largest gap to the tangent")
    axes.set_title("10 times nearer, 100 times closer")


def _describe(at: float, zoom: float, slope: float, error: float) -> str:
    return (
        f"Left, the curve y = sin(0.5x²) around x = {show(at)} and its tangent with slope {show(slope)}, "
        f"{zoom:.4g} times "
        f"nearer: within {show(REACH / zoom)} of the point they are at most {power(error)} apart. Right, "
        f"this gap against the "
        "distance, both axes logarithmic: a straight line of slope two."
    )
