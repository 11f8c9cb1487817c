"""Gradients from all possible paths: the product of local derivatives along each path, and their sum."""

import math

import torch
from matplotlib import rc_context
from matplotlib.axes import Axes

from course.containers.graph import Graph
from course.device import tensor
from course.figure import GRADIENT_COLOR, NEUTRAL_COLOR, PALETTE, STYLE, VALUE_COLOR, Figure
from course.figures.gate_patterns import show
from course.figures.graph_paths import Path, paths, three_inputs
from course.figures.registry import figure

INPUTS = ("x", "y", "z")
PLACES = {
    "x": (0, 2), "y": (0, 0), "z": (0, -2), "p": (2.3, 2), "q": (2.3, 0), "r": (2.3, -2), "u": (4.6, 1.2),
    "v": (4.6, -1.2),
    "f": (6.6, 0),
}  # fmt: skip
VALUE = {"color": VALUE_COLOR, "fontsize": 15, "weight": "bold", "zorder": 5}
LOOKS = ((PALETTE[0], "-"), (PALETTE[2], (0, (4, 1.2))), (PALETTE[3], (0, (1.5, 0.8))))
"""Color and line of each path; rust is kept for derivatives."""


@figure(lecture=4, live={"start": ["x", "y", "z"], "x": (-3.0, 3.0), "y": (-3.0, 3.0), "z": (-3.0, 3.0)})
def all_paths(start: str = "y", x: float = 2.0, y: float = -1.0, z: float = 0.5) -> Figure:
    """Light every path from one input to the output, with its local derivatives' product, and add these up.

    Args:
        start: the input whose gradient is taken.
        x, y, z: the inputs.
    """
    if start not in INPUTS:
        raise ValueError(f"no path starts at '{start}': the inputs are {', '.join(INPUTS)}")
    graph = three_inputs()
    output = graph(*(tensor(number, torch.float64) for number in (x, y, z)))
    gradients = dict(zip(INPUTS, graph.backward(torch.ones_like(output)), strict=True))
    routes, gradient = paths(graph, start), gradients[start].item()
    with rc_context({**STYLE, "axes.grid": False}):
        figure = Figure(_describe(graph, start, routes, gradient), width=12.6, height=5.6)
        figure.set_layout_engine("none")
        axes = figure.add_axes((0, 0, 1, 0.9))
        axes.axis("off")
        axes.set(xlim=(-0.6, 11.2), ylim=(-2.75, 2.65))
        lit = {edge for path in routes for edge in zip(path.nodes, path.nodes[1:], strict=False)}
        for here, there in {
            (str(name), node.name) for node in graph.nodes.values() for name in node.reads
        } - lit:
            axes.plot(*zip(PLACES[here], PLACES[there], strict=True), color="#BFBFBF", linewidth=2, zorder=1)
        _draw_paths(axes, routes)
        _draw_sum(axes, start, routes, gradient)
        for name, number in graph.values.items():
            symbol = graph.nodes[name].module.symbol if name in graph.nodes else name
            _draw_node(axes, name, symbol, number.item(), lit=any(name in path.nodes for path in routes))
        ways = "the product along the one path" if len(routes) == 1 else f"the sum over {len(routes)} paths"
        figure.suptitle(f"∂f/∂{start} is {ways} from {start} to f = xy·(y + z) + (y + z)·sin z", fontsize=16)
    return figure


def _draw_paths(axes: Axes, routes: list[Path]) -> None:
    """Each path as a line of its own, beside the others on a shared edge, and on to its product's row."""
    steps = [list(zip(path.nodes, path.nodes[1:], path.factors, strict=False)) for path in routes]
    for number, (path, look) in enumerate(zip(routes, LOOKS, strict=False)):
        color, style = look
        for here, there, _ in steps[number]:
            users = [
                i for i, others in enumerate(steps) if any((here, there) == other[:2] for other in others)
            ]
            (x0, y0), (x1, y1) = PLACES[here], PLACES[there]
            aside = 0.13 * (users.index(number) - (len(users) - 1) / 2) / math.hypot(x1 - x0, y1 - y0)
            dx, dy = (y1 - y0) * aside, (x0 - x1) * aside
            line = {"color": color, "linestyle": style, "linewidth": 4.5, "zorder": 2}
            axes.plot((x0 + dx, x1 + dx), (y0 + dy, y1 + dy), label=" → ".join(path.nodes), **line)
        (x0, y0), row = PLACES["f"], _row(number, len(routes))
        axes.plot((x0, 7.5, 7.75), (y0, row, row), color=color, linestyle=style, linewidth=4.5, zorder=2)
        factors = " · ".join(f"({show(factor)})" if factor < 0 else show(factor) for factor in path.factors)
        axes.text(7.85, row, f"{factors} = {show(path.product)}", fontsize=16, weight="bold", va="center")
    for here, there, factor in {step for path in steps for step in path}:
        (x0, y0), (x1, y1) = PLACES[here], PLACES[there]
        paper = {"facecolor": "white", "edgecolor": "none", "pad": 1.2}
        look = {
            "color": GRADIENT_COLOR,
            "fontsize": 15,
            "weight": "bold",
            "style": "italic",
            "bbox": paper,
            "zorder": 3,
        }
        axes.text((x0 + x1) / 2, (y0 + y1) / 2, show(factor), ha="center", va="center", **look)


def _row(number: int, count: int) -> float:
    return 0.85 * ((count - 1) / 2 - number) + 0.4


def _draw_sum(axes: Axes, start: str, routes: list[Path], gradient: float) -> None:
    line = _row(len(routes) - 1, len(routes)) - 0.55
    axes.plot((7.85, 11.0), (line, line), color=NEUTRAL_COLOR, linewidth=1.5)
    total = show(sum(path.product for path in routes))
    axes.text(7.85, line - 0.42, f"sum = {total}", fontsize=17, weight="bold", va="center")
    text = f"backward: ∂f/∂{start} = {show(gradient)}"
    axes.text(7.85, line - 0.95, text, fontsize=15, color=GRADIENT_COLOR, va="center", weight="bold")


def _draw_node(axes: Axes, name: str, symbol: str, number: float, *, lit: bool) -> None:
    x, y = PLACES[name]
    face, edge = ("#FFF3B0", NEUTRAL_COLOR) if lit else ("white", "#A0A0A0")
    axes.plot(x, y, "o", ms=42, mfc=face, mec=edge, mew=1.5, zorder=4)
    axes.text(x, y, symbol, ha="center", va="center", fontsize=17, zorder=5)
    text = show(number) if symbol == name else f"{name} = {show(number)}"
    below = name in ("v", "f")  # where a line passes above
    axes.text(x, y - 0.4 if below else y + 0.4, text, ha="center", va="top" if below else "bottom", **VALUE)


def _describe(graph: Graph, start: str, routes: list[Path], gradient: float) -> str:
    values = ", ".join(f"{name} = {show(value.item())}" for name, value in graph.values.items())
    listed = [
        f"{' → '.join(path.nodes)}: {' times '.join(map(show, path.factors))} is {show(path.product)}"
        for path in routes
    ]
    return (
        f"A graph of inputs, {len(graph.nodes) - 1} nodes between and an output, with {values}. Lit paths "
        f"from {start} to f: "
        f"{'; '.join(listed)}. They add up to {show(sum(path.product for path in routes))}; backward gives "
        f"{show(gradient)}."
    )
