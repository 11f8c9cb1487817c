"""Normalization in the plane: each vector goes to the unit circle.

Its gradient stands at a right angle to it.
"""

from collections.abc import Callable

import numpy as np
import torch
from matplotlib import rc_context
from matplotlib.axes import Axes

from course.device import tensor
from course.figure import GRADIENT_COLOR, NEUTRAL_COLOR, STYLE, VALUE_COLOR, Figure
from course.figures.gate_patterns import show
from course.figures.registry import figure
from course.module import Module
from course.modules import L1Normalize, L2Normalize

NORMS: dict[str, Callable[[], Module]] = {"L2": L2Normalize, "L1": L1Normalize}
REACH = 2.2


@figure(
    lecture=8,
    live={
        "norm": list(NORMS),
        "x_1": (-2.0, 2.0),
        "x_2": (-2.0, 2.0),
        "g_1": (-1.0, 1.0),
        "g_2": (-1.0, 1.0),
    },
)
def unit_length(
    norm: str = "L2", x_1: float = 1.6, x_2: float = 0.6, g_1: float = 0.3, g_2: float = 1.0
) -> Figure:
    """Draw x, its normalized a with the gradient g that arrives there, and ∂L/∂x at x.

    They are all computed by the library's own backward.

    Source: Schroff, Kalenichenko, Philbin: FaceNet, CVPR (2015), for normalized features.

    Args:
        norm: L2, the Euclidean length, or L1, the sum of absolute values.
        x_1, x_2: the vector.
        g_1, g_2: the gradient that arrives at a.
    """
    if norm not in NORMS:
        raise ValueError(f"no norm is called '{norm}': there are {', '.join(NORMS)}")
    x, upstream = np.array([x_1, x_2]), np.array([g_1, g_2])
    a, grad = normalized(norm, x, upstream)
    with rc_context(STYLE):
        figure = Figure(_describe(norm, x, a, upstream, grad), width=11, height=5.2)
        figure.set_layout_engine("none")  # the axes stay where they are while the sliders move
        axes = figure.add_axes((0.05, 0.11, 0.42, 0.87))
        axes.set(xlim=(-REACH, REACH), ylim=(-REACH, REACH), aspect="equal")
        axes.set_xticks(range(-2, 3))
        axes.set_yticks(range(-2, 3))
        axes.set_xlabel("first coordinate", labelpad=0)
        axes.set_ylabel("second coordinate", labelpad=-4)
        axes.axhline(0, color=NEUTRAL_COLOR, linewidth=1)
        axes.axvline(0, color=NEUTRAL_COLOR, linewidth=1)
        axes.plot(*_ball(norm), color=NEUTRAL_COLOR, linewidth=2)
        _arrow(axes, np.zeros(2), x, VALUE_COLOR, 2.5)
        axes.plot(*a, "o", color=VALUE_COLOR, ms=11, zorder=5)
        _arrow(axes, a, upstream, GRADIENT_COLOR, 2.5, style=(0, (3, 1.5)))
        _arrow(axes, x, grad, GRADIENT_COLOR, 4)
        _name(axes, "x", x, -grad, VALUE_COLOR)
        _name(axes, "a", a, -upstream, VALUE_COLOR)
        _name(axes, "g", a + upstream, upstream, GRADIENT_COLOR)
        _name(axes, "∂L/∂x", x + grad, x, GRADIENT_COLOR, room=0.4)
        _write(figure, norm, x, a, upstream, grad)
    return figure


def normalized(norm: str, x: np.ndarray, upstream: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The normalized a, and ∂L/∂x for the gradient that arrives at it."""
    module = NORMS[norm]()
    a = module(tensor(x[None], torch.float64))
    grad = module.backward(tensor(upstream[None], torch.float64))
    return a[0].cpu().numpy(), grad[0].cpu().numpy()


def _ball(norm: str) -> np.ndarray:
    """All vectors of norm 1: a circle, or a square on its corner."""
    if norm == "L1":
        return np.array([[1, 0, -1, 0, 1], [0, 1, 0, -1, 0]])
    angle = np.linspace(0, 2 * np.pi, 201)
    return np.stack([np.cos(angle), np.sin(angle)])


def _arrow(
    axes: Axes, start: np.ndarray, way: np.ndarray, color: str, width: float, style: object = "-"
) -> None:
    look = {
        "arrowstyle": "-|>,head_width=0.35,head_length=0.7",
        "color": color,
        "linewidth": width,
        "linestyle": style,
    }
    axes.annotate(
        "",
        tuple(start + way),
        tuple(start),
        arrowprops={**look, "shrinkA": 0, "shrinkB": 0},
        zorder=4,
        annotation_clip=False,
    )


def _name(axes: Axes, word: str, place: np.ndarray, away: np.ndarray, color: str, room: float = 0.2) -> None:
    length = float(np.hypot(*away))
    right, up = place + (room * away / length if length > 1e-9 else np.array([room, room]))
    axes.text(
        right, up, word, color=color, fontsize=17, weight="bold", ha="center", va="center", clip_on=False
    )


def _write(
    figure: Figure, norm: str, x: np.ndarray, a: np.ndarray, upstream: np.ndarray, grad: np.ndarray
) -> None:
    size = np.abs(x).sum() if norm == "L1" else np.hypot(*x)
    along = float(upstream @ a)
    rows = (
        (
            f"{norm}: a = x / ‖x‖, with ‖x‖ = {'|x₁| + |x₂|' if norm == 'L1' else '√(x₁² + x₂²)'}",
            "black",
            "normal",
        ),
        (f"x = {pair(x)},  ‖x‖ = {show(size)}", VALUE_COLOR, "normal"),
        (f"a = {pair(a)}", VALUE_COLOR, "normal"),
        (f"g = {pair(upstream)},  Σ g·a = {show(along)}", GRADIENT_COLOR, "normal"),
        (f"∂L/∂x = (g − {'sign(x)' if norm == 'L1' else 'a'} · Σ g·a) / ‖x‖", GRADIENT_COLOR, "bold"),
        (f"          = {pair(grad)}", GRADIENT_COLOR, "bold"),
        (f"x · ∂L/∂x = {show(round(float(x @ grad), 9))}: a right angle", "black", "bold"),
    )
    for row, (words, color, weight) in enumerate(rows):
        figure.text(0.51, 0.88 - 0.125 * row, words, color=color, weight=weight, fontsize=17)


def pair(vector: np.ndarray) -> str:
    """Two numbers as a point: (0.86, 0.51)."""
    return f"({', '.join(show(round(float(number), 9)) for number in vector)})"


def _describe(norm: str, x: np.ndarray, a: np.ndarray, upstream: np.ndarray, grad: np.ndarray) -> str:
    ball = "unit circle" if norm == "L2" else "square |x₁| + |x₂| = 1"
    return (
        f"A plane with the {ball}. The arrow to x = {pair(x)} crosses it at a = {pair(a)}, where the "
        f"gradient g = "
        f"{pair(upstream)} arrives; at x stands ∂L/∂x = {pair(grad)}, at a right angle to x."
    )
