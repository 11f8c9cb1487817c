"""What four small modules do with a gradient: add distributes, multiply swaps, max routes, copy sums."""

from matplotlib import rc_context
from matplotlib.axes import Axes

from course.device import tensor
from course.figure import GRADIENT_COLOR, NEUTRAL_COLOR, STYLE, VALUE_COLOR, Figure
from course.figures.registry import figure
from course.module import Module, as_tuple
from course.modules import Add, Copy, Max, Multiply

GATES = (("add distributes", Add), ("multiply swaps", Multiply), ("max routes", Max), ("copy sums", Copy))


@figure(lecture=3)
def gate_patterns(x: float = 3.0, y: float = -4.0, upstream: tuple[float, float] = (2.0, 5.0)) -> Figure:
    """Run four modules forward and backward, and draw values above their edges and gradients below.

    Args:
        x, y: the inputs (Copy reads x alone).
        upstream: the gradients that arrive at the outputs (Add, Multiply and Max have one output and take the
            first).
    """
    with rc_context({**STYLE, "axes.grid": False}):
        gates = [(title, *run_gate(kind(), x, y, upstream)) for title, kind in GATES]
        figure = Figure(_describe(gates), width=12.5, height=2.9)
        for axes, (title, module, values, grads) in zip(figure.subplots(1, 4), gates, strict=True):
            _draw(axes, title, module, values, grads)
        figure.supxlabel(
            "values blue, above the edge; gradients rust, below", fontsize=13, color=NEUTRAL_COLOR
        )
    return figure


Edges = tuple[tuple[float, ...], tuple[float, ...]]


def run_gate(
    module: Module, x: float, y: float, upstream: tuple[float, float]
) -> tuple[Module, Edges, Edges]:
    """The values and the gradients on a module's edges, each as (inputs, outputs)."""
    inputs = (x,) if isinstance(module, Copy) else (x, y)
    outputs = as_tuple(module(*(tensor(value) for value in inputs)))
    arriving = upstream[: len(outputs)]
    grads = as_tuple(module.backward(*(tensor(value) for value in arriving)))
    return module, (inputs, tuple(o.item() for o in outputs)), (tuple(g.item() for g in grads), arriving)


def _draw(axes: Axes, title: str, module: Module, values: Edges, grads: Edges) -> None:
    axes.set(xlim=(-1.75, 1.75), ylim=(-1.05, 1.05))
    axes.axis("off")
    axes.set_title(title)
    for side, direction in ((0, -1), (1, 1)):
        for position, (value, grad) in enumerate(zip(values[side], grads[side], strict=True)):
            height = 0.0 if len(values[side]) == 1 else 0.62 - 1.24 * position
            x_far, x_mid, y_mid = 1.7 * direction, 1.15 * direction, height * 0.72
            axes.plot(
                (x_far, 0.3 * direction), (height, height * 0.2), color=NEUTRAL_COLOR, linewidth=1.5, zorder=1
            )
            look = {"ha": "center", "fontweight": "bold", "fontsize": 17}
            axes.text(x_mid, y_mid + 0.1, show(value), color=VALUE_COLOR, va="bottom", **look)
            axes.text(x_mid, y_mid - 0.13, show(grad), color=GRADIENT_COLOR, va="top", style="italic", **look)
    axes.plot(0, 0, "o", ms=50, mfc="#FFF3B0", mec=NEUTRAL_COLOR, mew=1.5, zorder=2)
    axes.text(0, 0, module.symbol, ha="center", va="center", fontsize=17 if len(module.symbol) < 3 else 13)


def show(number: float) -> str:
    """A number for a picture: no trailing zeros, a true minus sign, no negative zero."""
    return f"{number + 0.0:.3g}".replace("-", "−")


def _describe(gates: list[tuple[str, Module, Edges, Edges]]) -> str:
    listed = [
        f"{title}: values {' and '.join(map(show, values[0]))} in, {' and '.join(map(show, values[1]))} out; "
        f"gradients {' and '.join(map(show, grads[1]))} arriving, {' and '.join(map(show, grads[0]))} handed "
        f"on"
        for title, _, values, grads in gates
    ]
    return "Four modules with values and gradients on their edges. " + ". ".join(listed) + "."
