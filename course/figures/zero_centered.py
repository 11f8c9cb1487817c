"""Inputs that are all positive: a unit's weight gradients share one sign, and descent has to zig-zag."""

import functools

import numpy as np
import torch
from matplotlib import rc_context
from matplotlib.axes import Axes
from torch import Tensor

from course.data import iris
from course.device import tensor
from course.figure import GRADIENT_COLOR, NEUTRAL_COLOR, PALETTE, STYLE, Figure
from course.figures.gate_patterns import show
from course.figures.registry import figure
from course.modules import EuclideanLoss, Linear
from course.optim import SGD

FEATURES = ("sepal length", "sepal width")
TARGET = (1.0, -1.0)
"""The weights with which the targets are made: one must grow and the other one fall."""
REACH = 1.6
SPEED = 0.4
"""The learning rate is this over the mean of ‖x‖²; beyond 2/‖x‖² a step would overshoot for good."""


@figure(lecture=6, live={"mean": (0.0, 4.0), "steps": (1, 150)})
def zero_centered(mean: float = 2.0, steps: int = 60) -> Figure:
    """Draw two weights' gradients, one arrow for each example, and SGD's way from zero to the best weights.

    The inputs are two measurements of irises, standardized and then moved to the given mean.

    Args:
        mean: of each of the two inputs, whose deviation is 1.
        steps: of SGD, one example at a time.

    Raises:
        ValueError: there is not a single step.
    """
    if steps < 1:
        raise ValueError(f"steps={steps} go nowhere: there must be at least 1")
    gradients, way = first_gradients(mean), descend(mean, steps)
    share = float((gradients.prod(axis=1) > 0).mean())
    left_over = float(np.linalg.norm(way[-1] - TARGET) / np.linalg.norm(TARGET))
    with rc_context(STYLE):
        figure = Figure(_describe(mean, steps, share, left_over), width=12.2, height=5.3)
        figure.set_layout_engine("none")  # the axes stay where they are while the sliders move
        left, right = figure.subplots(
            1, 2, gridspec_kw={"left": 0.07, "right": 0.98, "top": 0.83, "bottom": 0.12}
        )
        _draw_gradients(left, gradients)
        _draw_way(right, mean, way)
        left.set_title(f"steps that the examples ask for: {share:.0%} with one sign")
        right.set_title(f"after {steps} step{'s' * (steps > 1)}, {left_over:.0%} of the way is left")
        signs = (
            "share one sign"
            if share > 0.9
            else ("mostly share one sign")
            if share > 0.7
            else "have any signs"
        )
        figure.suptitle(f"Inputs around {show(mean)}: the gradients of the two weights {signs}", fontsize=17)
    return figure


@functools.lru_cache(maxsize=64)
def examples(mean: float) -> tuple[Tensor, Tensor]:
    """The flowers in an order drawn once, and the targets that weights of TARGET make of them."""
    data = iris(dtype=torch.float64).only(*FEATURES).standardize()
    order = torch.randperm(len(data), generator=torch.Generator().manual_seed(0)).to(data.inputs.device)
    inputs = data.inputs[order] + mean
    return inputs, inputs @ tensor(TARGET, torch.float64)[:, None]


def first_gradients(mean: float) -> np.ndarray:
    """∂L_i/∂w at w = 0, one row for each example."""
    inputs, targets = examples(mean)
    unit, loss = _unit(), EuclideanLoss()
    rows = []
    for x, y in zip(inputs[:, None], targets[:, None], strict=True):
        unit.zero_grad()
        _backward(unit, loss, x, y)
        rows.append(unit.weight.grad[0].tolist())
    return np.array(rows)


def descend(mean: float, steps: int) -> np.ndarray:
    """The weights before the first step and after each."""
    inputs, targets = examples(mean)
    unit, loss = _unit(), EuclideanLoss()
    optimizer = SGD(unit.parameters(), lr=SPEED / inputs.square().sum(dim=1).mean().item())
    way = [[0.0, 0.0]]
    for step in range(steps):
        row = slice(step % len(inputs), step % len(inputs) + 1)
        optimizer.zero_grad()
        _backward(unit, loss, inputs[row], targets[row])
        optimizer.step()
        way.append(unit.weight.value[0].tolist())
    return np.array(way)


def _unit() -> Linear:
    unit = Linear(2, 1, bias=False)
    unit.weight.value = tensor([[0.0, 0.0]], torch.float64)
    return unit


def _backward(unit: Linear, loss: EuclideanLoss, x: Tensor, y: Tensor) -> None:
    value = loss(unit(x), y)
    unit.backward(loss.backward(torch.ones_like(value))[0])


def _draw_gradients(axes: Axes, gradients: np.ndarray) -> None:
    steps = -gradients / np.linalg.norm(gradients, axis=1).max()
    _shade(axes, 0, 0, 1.15)
    for x, y in steps:
        axes.plot((0, x), (0, y), color=GRADIENT_COLOR, linewidth=1, alpha=0.55)
    axes.plot(*steps.T, "o", ms=4.5, color=GRADIENT_COLOR)
    axes.set(
        xlim=(-1.15, 1.15),
        ylim=(-1.15, 1.15),
        aspect="equal",
        xlabel="step of weight 1",
        ylabel="step of weight 2",
    )
    axes.set(xticks=[-1, 0, 1], yticks=[-1, 0, 1])
    for x, y, word in ((0.6, 1.02, "both up"), (-0.6, -1.02, "both down")):
        axes.text(x, y, word, ha="center", va="center", color=NEUTRAL_COLOR, fontsize=15)


def _draw_way(axes: Axes, mean: float, way: np.ndarray) -> None:
    inputs, _ = examples(mean)
    second = (inputs.T @ inputs / len(inputs)).cpu().numpy()
    across, up = np.meshgrid(*2 * [np.linspace(-REACH, REACH, 121)])
    off = np.stack([across - TARGET[0], up - TARGET[1]], axis=-1)
    height = 0.5 * np.einsum("abi,ij,abj->ab", off, second, off)
    axes.contour(across, up, np.sqrt(height), levels=12, colors="#9a9a9a", linewidths=1)
    axes.plot(*way.T, "o-", ms=4, color=GRADIENT_COLOR, linewidth=1.6)
    axes.plot(*way[0], "o", ms=13, mfc="white", mec="black", mew=2, zorder=4)
    axes.plot(*way[-1], "D", ms=10, color=PALETTE[4], mec="black", zorder=5)
    axes.plot(*TARGET, "*", ms=20, color="black", zorder=4)
    axes.set(xlim=(-REACH, REACH), ylim=(-REACH, REACH), aspect="equal", xlabel="weight 1", ylabel="weight 2")
    axes.set(xticks=[-1, 0, 1], yticks=[-1, 0, 1])


def _shade(axes: Axes, x: float, y: float, reach: float) -> None:
    """The two quadrants in which both numbers have one sign."""
    axes.fill_between([x, reach], y, reach, color="#E4E4E4", zorder=0, linewidth=0)
    axes.fill_between([-reach, x], -reach, y, color="#E4E4E4", zorder=0, linewidth=0)
    axes.grid(False)


def _describe(mean: float, steps: int, share: float, left_over: float) -> str:
    return (
        f"Two plots of a unit with two weights whose inputs have mean {show(mean)} and deviation 1. Left, an "
        f"arrow for the "
        f"step that each of 150 examples asks for, from weights of zero: in {share:.0%} of them both weights "
        f"go up or both go "
        "down, in the two shaded quadrants. Right, contours of the loss and the way of stochastic gradient "
        "descent to the best "
        f"weights, {show(TARGET[0])} and {show(TARGET[1])}, a star: after {steps} steps {left_over:.0%} of "
        f"the way is left."
    )
