"""The cost of backpropagation: a layered network has few edges and very many paths.

One backward sums over all of them.
"""

import itertools
import math

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from course.figure import GRADIENT_COLOR, NEUTRAL_COLOR, STYLE, VALUE_COLOR, Figure
from course.figures._labels import label_powers, rounded
from course.figures._paths import cost
from course.figures.registry import figure

WIDTHS, DEEPEST = (2, 3, 4), 9


@figure(lecture=5, live={"width": [2, 3, 4], "layers": (1, 9)})
def path_counts(width: int = 3, layers: int = 6) -> Figure:
    """Draw a layered network with one of its paths, and paths against edges, counted and measured, by depth.

    Source: Goodfellow, Bengio, Courville: Deep Learning (2016), section 6.5.3.

    Args:
        width: neurons in each layer.
        layers: hidden layers of the network that is drawn.

    Raises:
        ValueError: a width or a depth that would take too long.
    """
    if width not in WIDTHS or not 1 <= layers <= DEEPEST:
        raise ValueError(
            f"width={width}, layers={layers}: paths can be walked for widths {WIDTHS} and 1 to "
            f"{DEEPEST} layers"
        )
    costs = [cost(width, depth) for depth in range(1, DEEPEST + 1)]
    chosen = costs[layers - 1]
    slow, quick = chosen.paths_seconds * 1000, chosen.backward_seconds * 1000
    alt = (
        f"A network of {layers} × {width} neurons has {chosen.edges} edges and {chosen.paths:,} paths from x "
        f"to "
        f"y, one of them marked. Summing over all paths took {rounded(slow, 3)} ms, one backward "
        f"{rounded(quick, 3)} ms, "
        f"for the same gradient {chosen.by_backward:.3g}. With {DEEPEST} layers it has {costs[-1].edges} "
        f"edges and "
        f"{costs[-1].paths:,} paths: these grow {width}-fold with every layer, edges by {width * width}."
    )
    with rc_context(STYLE):
        figure = Figure(alt, width=12, height=4.8)
        figure.set_layout_engine("none")  # the places are fixed, so that nothing jumps while a slider moves
        _draw_network(figure.add_axes((0.01, 0.12, 0.42, 0.72)), width, layers)
        left, right = figure.add_axes((0.5, 0.15, 0.21, 0.67)), figure.add_axes((0.78, 0.15, 0.21, 0.67))
        _draw_growth(left, [c.paths for c in costs], [c.edges for c in costs], layers)
        left.set_title("how many")
        left.text(6, math.log10(costs[6].paths), "paths", color=GRADIENT_COLOR, ha="right", fontweight="bold")
        under = {
            "xytext": (0, -14),
            "textcoords": "offset points",
            "ha": "right",
            "va": "top",
            "fontweight": "bold",
        }
        left.annotate("edges", (9.2, math.log10(costs[-1].edges)), color=VALUE_COLOR, **under)
        _draw_growth(
            right, [c.paths_seconds * 1000 for c in costs], [c.backward_seconds * 1000 for c in costs], layers
        )
        right.set_title("measured time in ms")
        right.text(
            4.4,
            math.log10(costs[2].paths_seconds * 1000),
            "all paths",
            color=GRADIENT_COLOR,
            fontweight="bold",
        )
        above = max(c.backward_seconds * 1000 for c in costs[:5])
        right.text(
            0.8, math.log10(above) + 0.1, "backward", color=VALUE_COLOR, va="bottom", fontweight="bold"
        )
        figure.suptitle(
            f"{chosen.paths:,} paths over {chosen.edges} edges: backward takes each edge once",
            fontsize=18,
            y=0.97,
        )
    return figure


def _draw_network(axes: Axes, width: int, layers: int) -> None:
    axes.axis("off")
    places = [3 * unit / (width - 1) - 1.5 for unit in range(width)]
    columns = [[0.0], *[places] * layers, [0.0]]
    edges = [
        ((column, low), (column + 1, high))
        for column, (before, after) in enumerate(itertools.pairwise(columns))
        for low, high in itertools.product(before, after)
    ]
    axes.add_collection(LineCollection(edges, colors="#BBBBBB", linewidths=1.2, zorder=1))
    marked = [0.0, *(places[layer % width] for layer in range(1, layers + 1)), 0.0]
    axes.plot(range(layers + 2), marked, color=GRADIENT_COLOR, linewidth=4, zorder=2)
    nodes = [(column, place) for column, heights in enumerate(columns) for place in heights]
    axes.plot(*zip(*nodes, strict=True), "o", ms=15, mfc="white", mec=NEUTRAL_COLOR, mew=1.5, zorder=3)
    axes.text(-0.05, 0.28, "x", fontsize=17, ha="center")
    axes.text(layers + 1.05, 0.28, "y", fontsize=17, ha="center")
    axes.text(
        (layers + 1) / 2,
        -2.2,
        f"one of {width}$^{{{layers}}}$ paths",
        ha="center",
        color=GRADIENT_COLOR,
        fontsize=15,
    )
    axes.set(xlim=(-0.4, layers + 1.4), ylim=(-2.2, 1.8))


def _draw_growth(axes: Axes, by_paths: list[float], by_edges: list[float], layers: int) -> None:
    for values, color, style in ((by_paths, GRADIENT_COLOR, "s--"), (by_edges, VALUE_COLOR, "o-")):
        heights = [math.log10(value) for value in values]
        axes.plot(range(1, DEEPEST + 1), heights, style, color=color, ms=6)
        axes.plot(layers, heights[layers - 1], "o", ms=15, mfc="none", mec=color, mew=2)
    axes.set(xlabel="layers", xticks=range(1, DEEPEST + 1, 2))
    axes.margins(y=0.12)
    label_powers(axes)
