"""Depth against width: a deep net of two units a layer folds the line into teeth.

A shallow net of its size cannot draw them.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from matplotlib import rc_context
from matplotlib.axes import Axes

from course.containers.chain import Chain
from course.device import device
from course.figure import STYLE, VALUE_COLOR, Figure
from course.figures.registry import figure
from course.module import Module
from course.modules import Linear, ReLU

DEEPEST = 7
GRID = np.linspace(0, 1, 1 + 16 * 2**DEEPEST)  # meets every peak and every valley of every depth


@dataclass(frozen=True)
class Pair:
    """A deep and a shallow net with equally many parameters, and their outputs over the grid from 0 to 1."""

    deep: Chain
    shallow: Chain
    deep_out: np.ndarray
    shallow_out: np.ndarray

    @property
    def error(self) -> float:
        """The root mean squared distance between the two."""
        return float(np.sqrt(np.mean((self.deep_out - self.shallow_out) ** 2)))


@cache
def pair(depth: int) -> Pair:
    """The tent map composed `depth` times as a deep net, and the best shallow net that was found."""
    deep = deep_net(depth)
    shallow = shallow_net(depth, target=run(deep))
    return Pair(deep, shallow, run(deep), run(shallow))


def deep_net(depth: int) -> Chain:
    """t(x) = 2 ReLU(x) − 4 ReLU(x − ½), composed `depth` times.

    The hidden layers have two units each, which makes 6 · depth + 1 parameters.
    """
    modules: list[Module] = [_linear([[1], [1]], [0, -0.5]), ReLU()]
    for _ in range(depth - 1):
        modules += [_linear([[2, -4], [2, -4]], [0, -0.5]), ReLU()]
    return Chain(*modules, _linear([[2, -4]], [0]))


def shallow_net(depth: int, target: np.ndarray) -> Chain:
    """One hidden layer of 2 · depth units, so 6 · depth + 1 parameters as well, fitted to the target.

    One unit draws a straight line, each other one bends it once. The bends lie on the first peaks and
    valleys, so that teeth are met exactly as long as bends last; the last bend is where it lowers the error
    most. The output weights are the least squares'. (For depths 3 and 4 a search through all knots on a grid,
    by dynamic programming, finds nothing better.)
    """
    exact = min(2 * depth - 1, 2**depth - 1)
    knots = [j / 2**depth for j in range(1, exact + 1)]
    if exact < 2**depth - 1:
        tried = [[*knots[:-1], knots[-1] - back / 2**depth] for back in np.linspace(0.2, 0.7, 26)]
        knots = min(tried, key=lambda bends: _fit(bends, GRID[::4], target[::4])[1])
    weights, _ = _fit(knots, GRID, target)
    return Chain(
        _linear(np.ones((len(knots) + 1, 1)), [0.0, *np.negative(knots)]),
        ReLU(),
        _linear([weights[1:]], weights[:1]),
    )


def _fit(knots: list[float], x: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, float]:
    """The least squares' weights of 1, x and the bends, and the mean squared error that they leave."""
    columns = np.stack([np.ones_like(x), *(np.maximum(0, x - knot) for knot in (0.0, *knots))], axis=1)
    weights = np.linalg.lstsq(columns, target, rcond=None)[0]
    return weights, float(np.mean((columns @ weights - target) ** 2))


def _linear(weight: Any, bias: Any) -> Linear:
    outputs, inputs = np.shape(weight)
    module = Linear(inputs, outputs).to(dtype=torch.float64)
    module.load_state_dict({"weight": torch.tensor(np.array(weight)), "bias": torch.tensor(np.array(bias))})
    return module


def run(net: Chain) -> np.ndarray:
    """The net's output over the grid."""
    return net(torch.as_tensor(GRID[:, None], device=device())).cpu().numpy()[:, 0]


def teeth(output: np.ndarray) -> int:
    """How often the output climbs above three quarters."""
    above = output > 0.75
    return int(np.sum(above[1:] & ~above[:-1]) + above[0])


@figure(lecture=1, live={"depth": (1, 7)})
def tent_map(depth: int = 4) -> Figure:
    """Draw a deep and a shallow net of the same size over 0 … 1, and their teeth and the error against depth.

    Source: Telgarsky: Benefits of depth in neural networks, COLT (2016).

    Args:
        depth: how often the tent map is composed with itself: as many hidden layers of two units, from 1 to
            7.

    Raises:
        ValueError: a depth outside 1 to 7.
    """
    if not 1 <= depth <= DEEPEST:
        raise ValueError(f"depth={depth}: the picture has room for 1 to {DEEPEST}, 2**(depth − 1) teeth")
    pairs = {k: pair(k) for k in range(1, DEEPEST + 1)}
    chosen = pairs[depth]
    size = sum(parameter.value.numel() for parameter in chosen.deep.parameters())
    counts = teeth(chosen.deep_out), teeth(chosen.shallow_out)
    deep, shallow = (f"{count} {'tooth' if count == 1 else 'teeth'}" for count in counts)
    alt = (
        f"Two nets with {size} parameters each over x from 0 to 1. The deep one, {depth} times 2 units, has "
        f"{deep}; the "
        f"shallow one, one layer of {2 * depth} units, draws {shallow}: its RMS error is {chosen.error:.3f}. "
        "With every layer the teeth of the deep net double, while the shallow net of the same size gains one "
        "at most."
    )
    with rc_context(STYLE):
        figure = Figure(alt, width=11.5, height=5)
        figure.set_layout_engine("none")  # the places are fixed, so that nothing jumps while a slider moves
        left = figure.add_axes((0.07, 0.14, 0.52, 0.72))
        bottom = figure.add_axes((0.7, 0.14, 0.28, 0.31))
        top = figure.add_axes((0.7, 0.55, 0.28, 0.31), sharex=bottom)
        left.plot(GRID, chosen.deep_out, color=VALUE_COLOR, linewidth=2.5 if depth < 6 else 1.5)
        left.plot(GRID, chosen.shallow_out, "--", color="black", linewidth=2.5)
        left.set(xlabel="x", ylabel="output", xlim=(0, 1), ylim=(-0.05, 1.2), yticks=[0, 0.5, 1])
        left.text(0.01, 1.1, f"deep: {depth} × 2 units", color=VALUE_COLOR, fontweight="bold", fontsize=15)
        left.text(
            0.99, 1.1, f"shallow: 1 × {2 * depth} units (dashed)", ha="right", fontweight="bold", fontsize=15
        )
        _draw_growth(top, bottom, pairs, depth)
        figure.suptitle(
            f"{size} parameters draw {deep} in a deep net, {shallow} in a shallow one", fontsize=18, y=0.97
        )
    return figure


def _draw_growth(top: Axes, bottom: Axes, pairs: dict[int, Pair], depth: int) -> None:
    for axes, values, color, style in (
        (top, [teeth(p.deep_out) for p in pairs.values()], VALUE_COLOR, "o-"),
        (top, [teeth(p.shallow_out) for p in pairs.values()], "black", "s--"),
        (bottom, [p.error for p in pairs.values()], "black", "s--"),
    ):
        axes.plot(list(pairs), values, style, color=color, ms=6)
        axes.plot(depth, values[depth - 1], "o", ms=15, mfc="none", mec=color, mew=2)
        axes.set(xticks=list(pairs), xlim=(0.6, 7.4))
    top.text(6.2, 45, "deep", color=VALUE_COLOR, ha="right", fontweight="bold")
    top.text(7.3, 15, "shallow", ha="right", fontweight="bold")
    top.set(ylabel="teeth", ylim=(-6, 72), yticks=[0, 32, 64])
    bottom.set(ylabel="RMS error,\nshallow", ylim=(-0.03, 0.33), yticks=[0, 0.1, 0.2, 0.3])
    bottom.set_xlabel("depth k  (6k + 1 parameters)")
