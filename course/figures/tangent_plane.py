"""A surface and its tangent plane: zoom in until the two cannot be told apart."""

import math
from typing import Any

import torch
from matplotlib import rc_context
from matplotlib.axes import Axes
from torch import Tensor

from course.containers.graph import Graph
from course.device import device, tensor
from course.figure import GRADIENT_COLOR, NEUTRAL_COLOR, STYLE, VALUE_COLOR, Figure
from course.figures.gate_patterns import show
from course.figures.gradient_check import power
from course.figures.registry import figure
from course.modules import Cos, Multiply, Sin
from course.widgets import Slider

REACH, FINENESS = 1.5, 17
"""Half the width of the window at zoom 1, and how many points of the surface are drawn along each side."""


def surface() -> Graph:
    """The surface f = sin x · cos y."""
    graph = Graph("x", "y")
    graph.add("s", Sin(), "x")
    graph.add("c", Cos(), "y")
    graph.add("f", Multiply(), "s", "c")
    return graph


@figure(lecture=4, live={"zoom": Slider(1.0, 300.0, log=True), "x": (-3.0, 3.0), "y": (-3.0, 3.0)})
def tangent_plane(zoom: float = 2.0, x: float = 0.4, y: float = 0.6) -> Figure:
    """Draw f = sin x · cos y, the plane that touches it, and their largest gap.

    They are drawn in a window that is `zoom` times smaller.

    The plane's two slopes are what the graph's own backward hands to x and to y.

    Args:
        zoom: how many times nearer we look.
        x, y: where the plane touches.

    Raises:
        ValueError: a zoom below 1.
    """
    if zoom < 1:
        raise ValueError(f"zoom={zoom} looks from farther away: it must be at least 1")
    reach = REACH / zoom
    slopes, error = gradient_at(x, y), largest_gap(x, y, reach)
    with rc_context(STYLE):
        figure = Figure(_describe(x, y, zoom, slopes, error), width=12.4, height=5.2)
        figure.set_layout_engine("none")  # the axes stay where they are while we zoom
        _draw_surface(figure, x, y, reach, slopes)
        plot = figure.add_axes((0.655, 0.15, 0.325, 0.7))
        distances = [REACH * 10 ** (-step / 8) for step in range(21)]
        plot.plot(distances, [largest_gap(x, y, away) for away in distances], color=VALUE_COLOR, linewidth=3)
        plot.plot([reach], [error], "o", color=GRADIENT_COLOR, ms=13, clip_on=False, zorder=5)
        _dress(plot)
        title = (
            f"∂f/∂x = {show(slopes[0])}, ∂f/∂y = {show(slopes[1])};  {zoom:.3g} times nearer: at most "
            f"{power(error)} apart"
        )
        figure.suptitle(title, fontsize=17)
    return figure


def gradient_at(x: float, y: float) -> tuple[float, float]:
    """∂f/∂x and ∂f/∂y, by the graph's backward."""
    graph = surface()
    value = graph(tensor(x, torch.float64), tensor(y, torch.float64))
    along_x, along_y = graph.backward(torch.ones_like(value))
    return along_x.item(), along_y.item()


def rises(
    x: float, y: float, reach: float, fineness: int = FINENESS
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Δx and Δy of a lattice around (x, y), and how much surface and plane rise to each of its points."""
    away = torch.linspace(-reach, reach, fineness, dtype=torch.float64, device=device())
    dx, dy = torch.meshgrid(away, away, indexing="xy")
    graph, (along_x, along_y) = surface(), gradient_at(x, y)
    rise = graph(x + dx, y + dy) - graph(tensor(x, torch.float64), tensor(y, torch.float64))
    return dx, dy, rise, along_x * dx + along_y * dy


def largest_gap(x: float, y: float, reach: float) -> float:
    """How far surface and plane are apart at most, over a window that reaches so far on all sides."""
    _, _, rise, plane = rises(x, y, reach)
    return (rise - plane).abs().max().item()


def _draw_surface(figure: Figure, x: float, y: float, reach: float, slopes: tuple[float, float]) -> None:
    axes: Any = figure.add_axes((-0.01, 0.0, 0.6, 0.96), projection="3d", computed_zorder=False)
    dx, dy, rise, plane = (part.cpu().numpy() for part in rises(x, y, reach))
    ends = slice(None, None, FINENESS - 1)
    corners = (dx[ends, ends], dy[ends, ends], plane[ends, ends])
    look = {"linewidth": 0.5, "antialiased": True, "shade": False}
    axes.plot_surface(dx, dy, rise, color=VALUE_COLOR, alpha=0.45, edgecolor="white", zorder=2, **look)
    axes.plot_surface(*corners, color=GRADIENT_COLOR, alpha=0.3, edgecolor=GRADIENT_COLOR, zorder=1, **look)
    axes.plot_wireframe(*corners, color=GRADIENT_COLOR, linewidth=2, zorder=3)
    axes.plot([0], [0], [0], "o", color="black", ms=9, zorder=4)
    high = 1.25 * reach
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), zlim=(-high, high))
    axes.view_init(elev=24, azim=-62)
    axes.set_box_aspect((1.1, 1.1, 0.75), zoom=0.98)
    for set_ticks in (axes.set_xticks, axes.set_yticks, axes.set_zticks):
        set_ticks([-reach / 2, reach / 2], [f"−{reach / 2:.2g}", f"{reach / 2:.2g}"])
    axes.set_zlabel("Δf", labelpad=-2)
    axes.set_xlabel(f"Δx from {x:.2f}".replace("-", "−"), labelpad=11)
    axes.set_ylabel(f"Δy from {y:.2f}".replace("-", "−"), labelpad=11)
    axes.text2D(
        0.07,
        0.87,
        "f = sin x · cos y",
        transform=axes.transAxes,
        color=VALUE_COLOR,
        fontsize=16,
        weight="bold",
    )
    axes.text2D(
        0.07,
        0.81,
        "its tangent plane",
        transform=axes.transAxes,
        color=GRADIENT_COLOR,
        fontsize=16,
        weight="bold",
    )


def _dress(axes: Axes) -> None:
    axes.set(xscale="log", yscale="log", xlim=(4e-3, 2), ylim=(1e-6, 6))
    axes.plot([0.01, 0.3], [6 * 0.01**2, 6 * 0.3**2], color=NEUTRAL_COLOR, linestyle=":", linewidth=2)
    axes.text(0.016, 0.016, "∝ h²", color=NEUTRAL_COLOR, fontsize=16)
    axes.set_xticks([0.01, 0.1, 1], ["0.01", "0.1", "1"])
    axes.set_yticks([1e-6, 1e-4, 1e-2, 1], ["10⁻⁶", "10⁻⁴", "10⁻²", "1"])
    axes.minorticks_off()
    axes.set_xlabel("h, how far we look on each side")
    axes.set_ylabel("largest gap to the plane")


def _describe(x: float, y: float, zoom: float, slopes: tuple[float, float], error: float) -> str:
    steep = show(math.hypot(*slopes))
    return (
        f"Left, the surface f = sin x · cos y around x = {show(x)}, y = {show(y)} and its tangent plane, "
        f"{zoom:.3g} times "
        f"nearer; the plane rises by {show(slopes[0])} along x and {show(slopes[1])} along y, by {steep} "
        f"where it is steepest. "
        f"Within {show(REACH / zoom)} of the point they are at most {power(error)} apart. Right, this gap "
        f"against the "
        "distance, both axes logarithmic: a straight line of slope two."
    )
