"""Almost everywhere: a smooth module, one with a kink and one with a jump.

Each is drawn above its slope, which backward passes on.
"""

import numpy as np
import torch
from matplotlib import rc_context
from matplotlib.axes import Axes
from torch import Tensor

from course.device import device
from course.figure import GRADIENT_COLOR, NEUTRAL_COLOR, STYLE, VALUE_COLOR, Figure
from course.figures.registry import figure
from course.module import Module
from course.modules import ReLU, Square

REACH = 2.0
STEP = 1e-6
"""How far to the left and to the right a slope is measured."""


class _Step(Module):
    """a = 1 where x > 0, else 0: the answer of the perceptron. It is flat on both sides: ∂L/∂x = 0."""

    def forward(self, x: Tensor) -> Tensor:
        self.save()
        return (x > 0).to(x.dtype)

    def backward(self, grad_output: Tensor) -> Tensor:
        return torch.zeros_like(grad_output)


PANELS = (
    ("x²: a slope everywhere", Square()),
    ("ReLU: everywhere but at 0", ReLU()),
    ("step: everywhere but at 0, and flat", _Step()),
)


def curves(module: Module, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The module's output at x, and what its backward makes of ones: the slope."""
    given = torch.as_tensor(x, device=device())
    value = module(given)
    return value.cpu().numpy(), module.backward(torch.ones_like(value)).cpu().numpy()


def sides(module: Module, x: float = 0.0) -> tuple[float, float]:
    """The slope measured from x to the left and from x to the right."""
    left, middle, right = curves(module, np.array([x - STEP, x, x + STEP]))[0]
    return (middle - left) / STEP, (right - middle) / STEP


@figure(lecture=2)
def almost_everywhere() -> Figure:
    """Draw x², ReLU and a step, each above its slope; a ring marks where left and right disagree."""
    x = np.linspace(-REACH, REACH, 400)  # an even number, so that 0 is not among them
    panels = [(name, *curves(module, x), sides(module)) for name, module in PANELS]
    rough = [name.split(":")[0] for name, _, _, (left, right) in panels if abs(right - left) > 1e-3]
    still = [name.split(":")[0] for name, _, slope, _ in panels if not slope.any()]
    alt = (
        f"Three functions above their slopes, from −{REACH:g} to {REACH:g}. A ring at 0 marks "
        f"{' and '.join(rough)}, where "
        f"the slopes to the left and to the right disagree. The slope of {' and '.join(still)} is 0 at all "
        f"other points; that "
        "of x² is a straight line, that of ReLU is 0 on the left and 1 on the right."
    )
    with rc_context(STYLE):
        figure = Figure(alt, width=12, height=4.9)
        figure.suptitle(
            "A kink or a jump at one point does no harm, but without a slope nothing is passed on",
            fontsize=17,
        )
        grid = figure.subplots(2, 3, sharex=True, sharey="row")
        for (above, below), (name, value, slope, (left, right)) in zip(grid.T, panels, strict=True):
            _draw(above, x, value, VALUE_COLOR)
            _draw(below, x, slope, GRADIENT_COLOR)
            above.set(title=name, ylim=(-0.5, 4.2))
            below.set(xlabel="x", ylim=(-4.4, 4.4))
            if abs(right - left) > 1e-3:
                for axes, y in ((above, value), (below, slope)):
                    around = y[
                        np.argsort(np.abs(x))[:2]
                    ].mean()  # between its last point on the left and its first on the right
                    axes.plot(0, around, "o", ms=16, mfc="none", mec="black", mew=1.8)
        grid[0, 0].set_ylabel("output a", color=VALUE_COLOR)
        grid[1, 0].set_ylabel("slope ∂a/∂x", color=GRADIENT_COLOR)
    return figure


def _draw(axes: Axes, x: np.ndarray, y: np.ndarray, color: str) -> None:
    axes.axhline(0, color=NEUTRAL_COLOR, linewidth=0.8)
    for side in (x < 0, x > 0):
        axes.plot(x[side], y[side], color=color, linewidth=2.6)
