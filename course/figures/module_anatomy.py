"""One module, cos(θx) + π, and all that passes through it: forward left to right, backward right to left."""

from dataclasses import dataclass

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

from course.device import tensor
from course.figure import GRADIENT_COLOR, NEUTRAL_COLOR, STYLE, VALUE_COLOR, Figure
from course.figures.gate_patterns import show
from course.figures.registry import figure
from course.module import Parameter
from course.modules import CosineUnit


@dataclass(frozen=True)
class Passed:
    """What a forward and a backward through the module gave."""

    a: float
    grad_x: float
    grad_theta: float


@figure(lecture=5, live={"x": (-4.0, 4.0), "theta": (-3.0, 3.0), "upstream": (-3.0, 3.0)})
def module_anatomy(x: float = 1.2, theta: float = 0.8, upstream: float = 2.0) -> Figure:
    """Draw the module with its input, output and parameter, and the gradients of all three, in numbers.

    Args:
        x: the input.
        theta: the parameter.
        upstream: ∂L/∂a, the gradient that arrives.
    """
    passed = run(x, theta, upstream)
    with rc_context({**STYLE, "axes.grid": False}):
        figure = Figure(_describe(x, theta, upstream, passed), width=12.4, height=5.0)
        figure.set_layout_engine("none")
        axes = figure.add_axes((0, 0, 1, 1))
        axes.axis("off")
        axes.set(xlim=(0, 24.8), ylim=(10, 0))
        _arrow(axes, (0.6, 4.0), (8.0, 4.0), VALUE_COLOR)
        _arrow(axes, (16.8, 4.0), (24.2, 4.0), VALUE_COLOR)
        _arrow(axes, (24.2, 5.6), (16.8, 5.6), GRADIENT_COLOR)
        _arrow(axes, (8.0, 5.6), (0.6, 5.6), GRADIENT_COLOR)
        _arrow(axes, (11.4, 1.5), (11.4, 2.9), VALUE_COLOR)
        _arrow(axes, (13.4, 6.7), (13.4, 8.1), GRADIENT_COLOR)
        axes.add_patch(_box())
        axes.text(12.4, 4.2, "a = cos(θx) + π", fontsize=21, ha="center", va="center", zorder=3)
        text = f"saved: x = {show(x)}"
        axes.text(12.4, 5.6, text, fontsize=16, ha="center", va="center", color=NEUTRAL_COLOR, zorder=3)
        for place, height, name, number in (
            (4.3, 3.7, "x", x),
            (20.5, 3.7, "a", passed.a),
            (11.4, 1.2, "θ", theta),
        ):
            axes.text(
                place,
                height,
                f"{name} = {show(number)}",
                fontsize=19,
                weight="bold",
                color=VALUE_COLOR,
                ha="center",
            )
        look = {
            "fontsize": 19,
            "weight": "bold",
            "style": "italic",
            "color": GRADIENT_COLOR,
            "ha": "center",
            "va": "top",
        }
        axes.text(20.5, 5.95, f"g = ∂L/∂a = {show(upstream)}", **look)
        axes.text(4.3, 5.95, f"∂L/∂x = {show(passed.grad_x)}", **look)
        axes.text(4.3, 6.95, "g · (−θ sin θx)", color=NEUTRAL_COLOR, fontsize=17, ha="center", va="top")
        axes.text(13.4, 8.25, f"θ.grad += {show(passed.grad_theta)}", **look)
        axes.text(13.4, 9.1, "g · (−x sin θx)", color=NEUTRAL_COLOR, fontsize=17, ha="center", va="top")
    return figure


def run(x: float, theta: float, upstream: float) -> Passed:
    """Forward and backward of the library's module."""
    module = CosineUnit()
    module.theta = Parameter(tensor(theta))
    a = module(tensor(x))
    grad_x = module.backward(tensor(upstream))
    return Passed(a.item(), grad_x.item(), module.theta.grad.item())


def _box() -> FancyBboxPatch:
    look = {"facecolor": "#FFF3B0", "edgecolor": NEUTRAL_COLOR, "linewidth": 1.8, "zorder": 2}
    return FancyBboxPatch((8.5, 3.2), 7.8, 3.2, boxstyle="round,pad=0.3", **look)


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float], color: str) -> None:
    line = "--" if color == GRADIENT_COLOR else "-"
    axes.annotate(
        "",
        end,
        start,
        arrowprops={"arrowstyle": "-|>", "color": color, "lw": 2.5, "linestyle": line, "mutation_scale": 22},
    )


def _describe(x: float, theta: float, upstream: float, passed: Passed) -> str:
    return (
        f"A box, a = cos(θx) + π. Forward, x = {show(x)} enters from the left, the parameter θ = "
        f"{show(theta)} from above, and "
        f"a = {show(passed.a)} leaves to the right; x is saved. Backward, ∂L/∂a = {show(upstream)} enters "
        f"from the right, "
        f"∂L/∂x = {show(passed.grad_x)} leaves to the left, and {show(passed.grad_theta)} is added below to "
        f"the gradient of θ."
    )
