"""All activations of lecture 06 in one plot, all their derivatives beside it, each curve with its name."""

import math
from typing import Any

import torch
from matplotlib import rc_context
from matplotlib.axes import Axes

from course.device import device, generator
from course.figure import NEUTRAL_COLOR, PALETTE, STYLE, Figure
from course.figures._slope import value_and_slope
from course.figures.gate_patterns import show
from course.figures.registry import figure
from course.figures.saturation import make_activation
from course.modules import NoisyReLU

BLUE, RUST, GREEN, BLACK = PALETTE[0], PALETTE[1], PALETTE[2], PALETTE[6]
DASHED, DOTTED, MIXED = (0, (5, 2)), (0, (1, 1.3)), (0, (6, 1.5, 1, 1.5))

LOOKS: dict[str, tuple[str, Any]] = {
    "Identity": (BLACK, "-"),
    "Sigmoid": (BLUE, "-"),
    "Tanh": (BLUE, DASHED),
    "ReLU": (RUST, "-"),
    "LeakyReLU": (RUST, DASHED),
    "PReLU": (RUST, MIXED),
    "NoisyReLU": (RUST, "none"),
    "Softplus": (GREEN, "-"),
    "ELU": (GREEN, DASHED),
    "GELU": (GREEN, MIXED),
    "SiLU": (GREEN, DOTTED),
}
"""The activations of lecture 06; the color says to which family a curve belongs: S-shaped, rectifier, smooth
rectifier."""

Curves = dict[str, tuple[list[float], list[float], list[float]]]
Places = dict[str, tuple[float, float, float]]
VALUE_LABELS: Places = {
    "Identity": (-1.25, -0.4, -1.3),
    "Sigmoid": (1.6, 1.85, 0.45),
    "Tanh": (-2.6, -3.6, -1.15),
    "ReLU": (-3.6, -4.0, 0.3),
    "LeakyReLU": (-4.7, -4.1, -0.35),
    "PReLU": (-4.4, -4.4, -1.4),
    "NoisyReLU": (0.5, -0.6, 1.6),
    "Softplus": (-0.6, -1.2, 0.95),
    "ELU": (-1.1, -2.2, -0.75),
    "GELU": (-0.6, 0.4, -0.6),
    "SiLU": (-1.5, -2.4, -0.5),
}
"""Where a name points at its curve (x), and where it stands (x and y)."""
SLOPE_LABELS: Places = {
    "Identity": (-4.0, -4.0, 1.12),
    "Sigmoid": (1.0, 1.7, 0.3),
    "Tanh": (0.7, 1.5, 0.7),
    "ReLU": (-4.2, -4.4, -0.13),
    "LeakyReLU": (-4.4, -4.1, 0.12),
    "PReLU": (-4.0, -4.0, 0.34),
    "NoisyReLU": (0.2, 0.9, 0.1),
    "Softplus": (-0.5, -1.5, 0.52),
    "ELU": (-0.5, -1.4, 0.75),
    "GELU": (1.3, 1.0, 1.2),
    "SiLU": (-2.4, -2.9, -0.19),
}


@figure(lecture=6, live={"highlight": ["all", *LOOKS]})
def activation_family(highlight: str = "all", seed: int = 0) -> Figure:
    """Draw every activation of lecture 06, and beside it every derivative, by the module's own backward.

    Args:
        highlight: the name of one that stands out, or "all".
        seed: of NoisyReLU's noise, which is drawn as dots.
    """
    if highlight not in ("all", *LOOKS):
        raise ValueError(
            f"no activation of lecture 06 is called '{highlight}': there are all, {', '.join(LOOKS)}"
        )
    curves = family(seed=seed)
    with rc_context(STYLE):
        figure = Figure(_describe(curves, highlight), width=12.6, height=5.8)
        figure.set_layout_engine("none")  # the axes stay where they are from one highlight to the next
        places = {"left": 0.055, "right": 0.985, "top": 0.93, "bottom": 0.11, "wspace": 0.13}
        both = figure.subplots(1, 2, gridspec_kw=places)
        for column, (axes, labels) in enumerate(zip(both, (VALUE_LABELS, SLOPE_LABELS), strict=True)):
            axes.axhline(0, color=NEUTRAL_COLOR, linewidth=1, zorder=0)
            axes.axvline(0, color=NEUTRAL_COLOR, linewidth=1, zorder=0)
            for name, numbers in curves.items():
                _draw(axes, name, numbers[0], numbers[1 + column], labels[name], highlight in ("all", name))
            axes.set(xlim=(-5, 2.5), ylim=(-1.65, 2.5) if column == 0 else (-0.24, 1.3))
            axes.set_xlabel("x, the number that comes in")
        both[0].set_title("f(x): the S-shaped level off, the rectifiers go on")
        both[1].set_title("f′(x): what backward multiplies the gradient by")
    return figure


def family(points: int = 301, seed: int = 0) -> Curves:
    """x, f(x) and f′(x) from −5 to 2.5 for each name in LOOKS; NoisyReLU with its noise."""
    grid = torch.linspace(-5, 2.5, points, dtype=torch.float64, device=device())
    curves: Curves = {}
    for name in LOOKS:
        noisy = name == "NoisyReLU"
        x = grid[:: points // 75] if noisy else grid
        module = NoisyReLU(rng=generator(seed)) if noisy else make_activation(name)
        value, slope = value_and_slope(module, x)
        curves[name] = x.tolist(), value.tolist(), slope.tolist()
    return curves


def _draw(
    axes: Axes, name: str, x: list[float], y: list[float], label: tuple[float, float, float], lit: bool
) -> None:
    color, style = LOOKS[name]
    color, order = (color, 3) if lit else ("#CFCFCF", 1)
    if name == "NoisyReLU":
        axes.plot(x, y, ".", color=color, ms=5, zorder=order, label=name)
    else:
        broken = [
            math.nan if abs(after - here) > 0.2 else here
            for here, after in zip(y, [*y[1:], y[-1]], strict=True)
        ]
        axes.plot(x, broken, color=color, linestyle=style, zorder=order, label=name)
    at, across, up = label
    nearest = min(range(len(x)), key=lambda i: abs(x[i] - at))
    axes.plot((x[nearest], across), (y[nearest], up), color=color, linewidth=1.2, zorder=order)
    paper = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}
    look = {"color": color if lit else "#757575", "fontsize": 14, "weight": "bold", "bbox": paper}
    axes.text(across, up, name, ha="center", va="center", zorder=order + 2, **look)


def _describe(curves: Curves, highlight: str) -> str:
    peaks = ", ".join(f"{name} {show(max(curves[name][2]))}" for name in LOOKS)
    lit = "" if highlight == "all" else f" {highlight} stands out, the others are grey."
    return (
        f"Two plots over x from −5 to 2.5: {len(curves)} activations ({', '.join(curves)}) and their "
        f"derivatives, each curve "
        f"with its name beside it.{lit} The largest slopes drawn: {peaks}."
    )
