"""The Jacobian of a batch: blocks on the diagonal, as no example's output depends on another's input."""

from collections.abc import Callable

import numpy as np
import torch
from matplotlib import rc_context
from matplotlib.axes import Axes

from course.device import device, generator
from course.figure import GRADIENT_COLOR, NEUTRAL_COLOR, STYLE, VALUE_COLOR, Figure
from course.figures._matrix import canvas, draw_matrix, outline
from course.figures.jacobian import jacobian_rows
from course.figures.registry import figure
from course.module import Module
from course.modules import Linear, Sin, Softmax

FEATURES, MOST = 3, 6
MODULES: dict[str, tuple[Callable[[], Module], str]] = {
    "Sin": (Sin, "only the diagonal"),
    "Softmax": (lambda: Softmax(dim=1), "a block for each example"),
    "Linear": (lambda: Linear(FEATURES, 2, rng=generator(1)), "the same block, the weight, for each example"),
}
"""By name: a module of rows of three numbers, and what its Jacobian is made of."""


@figure(lecture=4, live={"module": list(MODULES), "examples": (1, 6)})
def batch_jacobian(module: str = "Softmax", examples: int = 3) -> Figure:
    """Draw a batch, and ∂(every output)/∂(every input) of a module applied to it, framed example by example.

    Args:
        module: one of MODULES.
        examples: rows of the batch, from 1 to 6.

    Raises:
        ValueError: there is no such module, or the batch is too large to be drawn.
    """
    if module not in MODULES or not 1 <= examples <= MOST:
        raise ValueError(
            f"{module} of {examples} examples: choose {', '.join(MODULES)} and 1 to {MOST} examples"
        )
    x, rows = jacobian_of_batch(module, examples)
    alive, total = int((rows != 0).sum()), rows.size
    title = f"{module}: {MODULES[module][1]}. {alive} of {total} numbers are not zero"
    many = "s" * (examples > 1)
    alt = (
        f"Left, a batch of {examples} example{many} of {FEATURES} features. Right, the Jacobian of {module} "
        f"for the whole "
        f"batch, {rows.shape[0]} × {rows.shape[1]} numbers, of which {alive} are not zero, in {examples} "
        f"frame{many} along the "
        f"diagonal: {MODULES[module][1]}."
    )
    with rc_context(STYLE):
        figure, axes = canvas(alt, 30.0, 13.6)
        axes.text(15, 0.7, title, fontsize=18, ha="center", va="center")
        _draw_batch(axes, x, examples)
        _draw_jacobian(axes, rows, examples)
    return figure


def jacobian_of_batch(module: str, examples: int) -> tuple[np.ndarray, np.ndarray]:
    """The batch, and the Jacobian with a row for each output number and a column for each input number."""
    x = torch.randn(MOST, FEATURES, dtype=torch.float64, generator=generator(3), device=device())[:examples]
    _, rows = jacobian_rows(MODULES[module][0]().to(dtype=torch.float64), (x,))
    return x.cpu().numpy(), rows


def _draw_batch(axes: Axes, x: np.ndarray, examples: int) -> None:
    cell, left = 1.5, 3.6
    top = 7.4 - examples * cell / 2
    draw_matrix(axes, x, left, top, cell=cell, digits=1, fontsize=14)
    for row in range(examples):
        label = f"example {row + 1}"
        axes.text(left - 0.2, top + (row + 0.5) * cell, label, fontsize=14, ha="right", va="center")
    label = f"X: {examples} × {FEATURES}"
    axes.text(left + 1.5 * cell, top - 0.2, label, fontsize=16, ha="center", va="bottom", color=VALUE_COLOR)


def _draw_jacobian(axes: Axes, rows: np.ndarray, examples: int) -> None:
    outputs, inputs = rows.shape
    wide, high = min(1.9, 17 / inputs), min(1.9, 10.4 / outputs)
    left, top = 19.4 - inputs * wide / 2, 7.5 - outputs * high / 2
    digits = 2 if wide > 1.4 else None
    for text in draw_matrix(axes, rows, left, top, cell=(wide, high), digits=digits, fontsize=13):
        if text.get_text() == "0":
            text.set_color("#A0A0A0")
    wide, high = inputs * wide, outputs * high
    for example in range(examples):
        corner, size = (
            (left + example * wide / examples, top + example * high / examples),
            (wide / examples, high / examples),
        )
        outline(axes, *corner, *size, GRADIENT_COLOR, linewidth=3, zorder=4)
    middle, look = left + wide / 2, {"fontsize": 14, "color": NEUTRAL_COLOR}
    label = f"Jacobian: {outputs} × {inputs}"
    axes.text(middle, top - 0.2, label, fontsize=16, ha="center", va="bottom", color=GRADIENT_COLOR)
    axes.text(left + wide + 0.25, top + high / 2, "outputs", rotation=-90, va="center", **look)
    axes.text(middle, top + high + 0.15, "inputs, example after example", ha="center", va="top", **look)
