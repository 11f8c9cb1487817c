"""f = (x + y) z when one input moves and the others rest, with the slope that backward gives."""

from dataclasses import dataclass

import numpy as np
from matplotlib import rc_context

from course.containers.graph import Graph
from course.device import tensor
from course.figure import GRADIENT_COLOR, NEUTRAL_COLOR, STYLE, VALUE_COLOR, Figure
from course.figures.gate_patterns import show
from course.figures.registry import figure
from course.modules import Add, Multiply

INPUTS = ("x", "y", "z")
REACH = 4.0
"""How far each input is moved to both sides."""


@dataclass(frozen=True)
class Slopes:
    """f and its three derivatives at one point, and f while each input moves by `moves` alone."""

    f: float
    grads: dict[str, float]
    moves: np.ndarray
    curves: dict[str, np.ndarray]


def product_of_sum() -> Graph:
    """f(x, y, z) = (x + y) z."""
    graph = Graph(*INPUTS)
    graph.add("q", Add(), "x", "y")
    graph.add("f", Multiply(), "q", "z")
    return graph


def slopes(x: float, y: float, z: float) -> Slopes:
    """One forward and one backward pass for the slopes, and forward passes for the curves."""
    graph, moves = product_of_sum(), np.linspace(-REACH, REACH, 41)
    curves = {}
    for index, name in enumerate(INPUTS):
        points = [tensor(np.full_like(moves, number).tolist()) for number in (x, y, z)]
        points[index] = points[index] + tensor(moves.tolist())
        curves[name] = graph(*points).cpu().double().numpy()
    f = graph(tensor(x), tensor(y), tensor(z)).item()
    grads = {name: grad.item() for name, grad in zip(INPUTS, graph.backward(tensor(1.0)), strict=True)}
    return Slopes(f, grads, moves, curves)


@figure(lecture=3, live={"x": (-6.0, 6.0), "y": (-6.0, 6.0), "z": (-6.0, 6.0)})
def input_slopes(x: float = -2.0, y: float = 5.0, z: float = -4.0) -> Figure:
    """Draw f against each of its three inputs, each with a step of 1 and the rise that the slope promises.

    Args:
        x, y, z: where we stand.
    """
    local = slopes(x, y, z)
    at = dict(zip(INPUTS, (x, y, z), strict=True))
    listed = ", ".join(f"{show(grad)} for {name}" for name, grad in local.grads.items())
    alt = (
        f"Three panels, f = (x + y) z against x, y and z, each a straight line through the point where f = "
        f"{show(local.f)}. "
        f"A step of 1 to the right raises f by {listed}: these are the gradients."
    )
    with rc_context(STYLE):
        figure = Figure(alt, width=11, height=4.2)
        panels = figure.subplots(1, 3, sharey=True)
        for axes, name in zip(panels, INPUTS, strict=True):
            grad, here = local.grads[name], at[name]
            axes.plot(here + local.moves, local.curves[name], color=VALUE_COLOR)
            axes.plot([here, here + 1], [local.f, local.f], color=NEUTRAL_COLOR, linewidth=1.5)
            axes.plot([here + 1, here + 1], [local.f, local.f + grad], color=GRADIENT_COLOR, linewidth=4)
            axes.plot([here], [local.f], "o", color=VALUE_COLOR, ms=9)
            axes.annotate(
                "1",
                (here + 0.5, local.f),
                xytext=(0, -6 if grad >= 0 else 6),
                textcoords="offset points",
                ha="center",
                va="top" if grad >= 0 else "bottom",
                color=NEUTRAL_COLOR,
            )
            axes.annotate(
                f"{show(grad)}",
                (here + 1, local.f + grad / 2),
                xytext=(8, 0),
                textcoords="offset points",
                va="center",
                color=GRADIENT_COLOR,
                weight="bold",
                fontsize=16,
            )
            axes.set_xlabel(f"{name}, the others at rest")
            axes.set_title(f"∂f/∂{name} = {show(grad)}", color=GRADIENT_COLOR)
        low = min(curve.min() for curve in local.curves.values())
        high = max(curve.max() for curve in local.curves.values())
        edge = max(2.0, 0.08 * (high - low))
        panels[0].set_ylim(low - edge, high + edge)
        panels[0].set_ylabel("f = (x + y) z", color=VALUE_COLOR)
    return figure
