"""The Jacobian of a small module as a heat map, found row by row: backward of one unit vector is one row."""

from collections.abc import Callable

import numpy as np
import torch
from matplotlib import rc_context
from matplotlib.axes import Axes
from torch import Tensor

from course.containers.graph import Graph
from course.device import generator, tensor
from course.figure import GRADIENT_COLOR, NEUTRAL_COLOR, STYLE, VALUE_COLOR, Figure
from course.figures._matrix import canvas, draw_matrix, number_text
from course.figures.registry import figure
from course.module import Module, as_tuple
from course.modules import Add, LayerNorm, Linear, Multiply, ReLU, Sin, Softmax, Tanh

CELL, LEFT = 2.6, 5.9
INDEX = "₁₂₃"


def two_outputs() -> Graph:
    """f(x₁, x₂, x₃) = (x₁x₂, x₂ + sin x₃) as a graph."""
    graph = Graph("x1", "x2", "x3", outputs=("a1", "a2"))
    graph.add("a1", Multiply(), "x1", "x2")
    graph.add("s", Sin(), "x3")
    graph.add("a2", Add(), "x2", "s")
    return graph


MODULES: dict[str, tuple[Callable[[], Module], str]] = {
    "R³ → R²": (
        two_outputs,
        "R³ → R², f(x) = (x₁·x₂, x₂ + sin x₃): a row for each output, a column for each input",
    ),
    "Tanh": (Tanh, "Tanh, element by element: the Jacobian is diagonal, three numbers say it all"),
    "ReLU": (ReLU, "ReLU, element by element: ones and zeros on the diagonal, a gate for each number"),
    "Softmax": (
        lambda: Softmax(dim=-1),
        "Softmax: every output depends on every input, and each row adds up to 0",
    ),
    "LayerNorm": (
        lambda: LayerNorm(3),
        "LayerNorm: every output depends on every input, and each row adds up to 0",
    ),
    "Linear": (lambda: Linear(3, 2, rng=generator(1)), "Linear: the Jacobian is its weight, wherever x is"),
}
"""By name: a module of three inputs, and what its Jacobian shows."""


@figure(lecture=4, live={"module": list(MODULES), "x_1": (-3.0, 3.0), "x_2": (-3.0, 3.0), "x_3": (-3.0, 3.0)})
def jacobian(module: str = "Softmax", x_1: float = 1.0, x_2: float = -0.5, x_3: float = 0.5) -> Figure:
    """Draw ∂a_i/∂x_j of a module, each cell with its number.

    Args:
        module: one of MODULES.
        x_1, x_2, x_3: its inputs.
    """
    if module not in MODULES:
        raise ValueError(f"no Jacobian of '{module}': there are {', '.join(MODULES)}")
    make, point = MODULES[module]
    made, x = make().to(dtype=torch.float64), [x_1, x_2, x_3]
    inputs = (
        tuple(tensor(number, torch.float64) for number in x)
        if isinstance(made, Graph)
        else (tensor(x, torch.float64),)
    )
    outputs, rows = jacobian_rows(made, inputs)
    with rc_context(STYLE):
        alt = _describe(point, x, outputs, rows)
        figure, axes = canvas(alt, 23.6, 11.6)
        axes.text(11.8, 0.75, point, fontsize=18, ha="center", va="center")
        top = 2.6 + (3 - len(outputs)) * CELL / 2
        _draw(axes, top, x, outputs, rows)
        if isinstance(made, Linear):
            weight = made.weight.value.cpu().numpy()
            axes.text(
                21, top - 0.25, "module.weight", fontsize=16, ha="center", va="bottom", color=VALUE_COLOR
            )
            draw_matrix(axes, weight, 18.75, top, cell=1.5, largest=_largest(rows), fontsize=15)
    return figure


def jacobian_rows(module: Module, inputs: tuple[Tensor, ...]) -> tuple[list[float], np.ndarray]:
    """The outputs of a module, and its Jacobian.

    Row i is what backward makes of a gradient that is 1 at output i, else 0.
    """
    outputs = as_tuple(module(*inputs))
    sizes = [output.numel() for output in outputs]
    rows = []
    for unit in torch.eye(sum(sizes), dtype=outputs[0].dtype, device=outputs[0].device):
        arriving = (part.view(output.shape) for part, output in zip(unit.split(sizes), outputs, strict=True))
        rows.append(torch.cat([grad.flatten() for grad in as_tuple(module.backward(*arriving))]))
    return torch.cat([output.flatten() for output in outputs]).tolist(), torch.stack(rows).cpu().numpy()


def _draw(axes: Axes, top: float, x: list[float], outputs: list[float], rows: np.ndarray) -> None:
    texts = draw_matrix(axes, rows, LEFT, top, cell=CELL, largest=_largest(rows), fontsize=22)
    for text in texts:
        if text.get_text() == "0":
            text.set_color("#8A8A8A")
    for place, number in enumerate(x):
        label = f"x{INDEX[place]} = {number_text(number, 2)}"
        axes.text(
            LEFT + (place + 0.5) * CELL,
            top - 0.25,
            label,
            fontsize=16,
            ha="center",
            va="bottom",
            color=VALUE_COLOR,
        )
    for place, number in enumerate(outputs):
        middle = top + (place + 0.5) * CELL
        label = f"a{INDEX[place]} = {number_text(number, 2)}"
        axes.text(LEFT - 0.3, middle, label, fontsize=17, ha="right", va="center", color=VALUE_COLOR)
        unit = ", ".join("1" if i == place else "0" for i in range(len(outputs)))
        label = f"← backward({unit})"
        axes.text(
            LEFT + 3 * CELL + 0.3,
            middle,
            label,
            fontsize=17,
            va="center",
            color=GRADIENT_COLOR,
            style="italic",
        )
    low = top + len(outputs) * CELL + 0.25
    axes.text(LEFT + 1.5 * CELL, low, "∂aᵢ/∂xⱼ", fontsize=17, ha="center", va="top", color=NEUTRAL_COLOR)


def _largest(rows: np.ndarray) -> float:
    """What gets the strongest color.

    It is no less than softmax's largest slope, so that a saturated module looks pale.
    """
    return max(0.25, float(np.abs(rows).max()))


def _describe(point: str, x: list[float], outputs: list[float], rows: np.ndarray) -> str:
    listed = [
        "; ".join(", ".join(number_text(number, 2) for number in row) for row in part)
        for part in ([x], [outputs], rows)
    ]
    return (
        f"A heat map. {point}. At x = ({listed[0]}) the output is ({listed[1]}), and the rows of the "
        f"Jacobian: {listed[2]}."
    )
