"""Loss surface: the ways of four optimizers over the same hills."""

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from matplotlib import rc_context
from matplotlib.axes import Axes
from torch import Tensor

from course import Parameter
from course.device import tensor
from course.figure import PALETTE, STYLE, Figure, apart
from course.figures._contours import draw_contours
from course.figures._surfaces import Surface, surface
from course.figures.registry import figure
from course.optim import SGD, Adam, Momentum, Optimizer, RMSProp
from course.widgets import Slider

OPTIMIZERS: dict[str, Callable[[list[Parameter], float], Optimizer]] = {
    "SGD": lambda parameters, lr: SGD(parameters, lr=lr),
    "Momentum": lambda parameters, lr: Momentum(parameters, lr=lr),
    "RMSProp": lambda parameters, lr: RMSProp(parameters, lr=lr, alpha=0.9),
    "Adam": lambda parameters, lr: Adam(parameters, lr=lr),
}
LOOKS = dict(
    zip(OPTIMIZERS, zip(PALETTE, ("o", "s", "^", "D"), ("-", "--", "-.", ":"), strict=False), strict=True)
)
LEAST = 1e-6
"""Losses below count as this on the logarithmic axis."""
BOUND = 1e6


@figure(
    lecture=10,
    live={
        "name": ["bowl", "saddle", "valley", "regression", "regression, standardized"],
        "learning_rate": Slider(0.005, 0.5, log=True),
        "steps": (1, 80),
        "condition": (1, 30),
    },
)
def loss_surface(
    name: str = "bowl", learning_rate: float = 0.05, steps: int = 40, condition: float = 10.0
) -> Figure:
    """Draw a loss's contours, the ways of the course's optimizers from one start, and how far each still is.

    Args:
        name: the surface. A bowl; a saddle, whose loss falls for ever along θ₂; a bent valley; the loss of a
            line through real data, in units of its own or standardized.
        learning_rate: of all four.
        steps: how many each takes.
        condition: of the bowl: how much more it bends along θ₂ than along θ₁.

    Raises:
        ValueError: there is no such surface.
    """
    landscape = surface(name, condition)
    trajectories = ways(landscape, learning_rate, steps)
    floor = landscape.loss(tensor([landscape.lowest], torch.float64)).item() if landscape.lowest else None
    losses = {kind: _numbers(landscape.loss(tensor(points))) for kind, points in trajectories.items()}
    with rc_context(STYLE):
        figure = Figure(_describe(landscape, losses, name, learning_rate), width=12.0, height=5.0)
        figure.set_layout_engine("constrained", w_pad=0.12)
        figure.suptitle(point(losses, steps))
        left, right = figure.subplots(1, 2, width_ratios=(1.5, 1))
        _draw_surface(left, landscape)
        for kind, points in trajectories.items():
            color, marker, line = LOOKS[kind]
            left.plot(
                *points.T,
                line,
                marker=marker,
                ms=5,
                color=color,
                linewidth=1.8,
                markevery=max(1, steps // 20),
                zorder=3,
            )
        left.plot(*landscape.start, "o", ms=13, mfc="white", mec="black", mew=2, zorder=4)
        _draw_losses(right, losses, floor)
    return figure


def ways(landscape: Surface, learning_rate: float, steps: int) -> dict[str, np.ndarray]:
    """Where each optimizer is before its first step and after each.

    An optimizer whose numbers would leave all bounds stays where it is.
    """
    thetas = {kind: Parameter(tensor(landscape.start, torch.float64)) for kind in OPTIMIZERS}
    optimizers = {kind: make([thetas[kind]], learning_rate) for kind, make in OPTIMIZERS.items()}
    points = {kind: [list(landscape.start)] for kind in OPTIMIZERS}
    for _ in range(steps):
        gradients = landscape.gradient(tensor([way[-1] for way in points.values()], torch.float64))
        for (kind, theta), gradient in zip(thetas.items(), gradients, strict=True):
            theta.grad = gradient
            optimizers[kind].step()
            here = theta.value.tolist()
            points[kind].append(here if all(abs(number) < BOUND for number in here) else points[kind][-1])
    return {kind: np.array(way) for kind, way in points.items()}


def _draw_surface(axes: Axes, landscape: Surface) -> None:
    draw_contours(axes, landscape.window, _height(landscape))
    if landscape.lowest:
        axes.plot(*landscape.lowest, "*", ms=18, color="black", mec="white", zorder=5)
    axes.set(
        xlabel=landscape.names[0],
        ylabel=landscape.names[1],
        title=f"L = {landscape.about}" if "θ" in landscape.about else landscape.about,
    )


@functools.lru_cache(maxsize=32)
def _height(landscape: Surface) -> np.ndarray:
    return landscape.height()


def _draw_losses(axes: Axes, losses: dict[str, np.ndarray], floor: float | None) -> None:
    above = {
        kind: np.maximum(numbers - floor, LEAST) if floor is not None else numbers
        for kind, numbers in losses.items()
    }
    for kind, numbers in above.items():
        color, marker, line = LOOKS[kind]
        axes.plot(numbers, line, marker=marker, ms=5, color=color, markevery=max(1, len(numbers) // 8))
    first = next(iter(above.values()))[0]
    if floor is not None:
        axes.set_yscale("log")
        lowest = min(numbers.min() for numbers in above.values())
        axes.set_ylim(10 ** min(-2, math.floor(math.log10(lowest))), max(10 * first, 10))
        axes.minorticks_off()
        ends = {kind: math.log10(numbers[-1]) for kind, numbers in above.items()}
        bounds = [math.log10(end) for end in axes.get_ylim()]
        heights = [10**height for height in apart(list(ends.values()), bounds[0], bounds[1], room=0.07)]
    else:
        axes.set_ylim(min(-4, 2 * -first), 1.2 * abs(first))
        ends = {kind: float(np.clip(numbers[-1], *axes.get_ylim())) for kind, numbers in above.items()}
        heights = apart(list(ends.values()), *axes.get_ylim(), room=0.07)
    label: dict[str, Any] = {
        "textcoords": "offset points",
        "va": "center",
        "annotation_clip": False,
        "weight": "bold",
    }
    for (kind, numbers), height in zip(above.items(), heights, strict=True):
        axes.annotate(kind, (len(numbers) - 1, height), (8, 0), color=LOOKS[kind][0], **label)
    axes.set(xlabel="step", title="L above its minimum" if floor is not None else "L")


def _numbers(values: Tensor) -> np.ndarray:
    return values.double().cpu().numpy()


def point(losses: dict[str, np.ndarray], steps: int) -> str:
    """Who came lowest, and who climbed, in one line."""
    last = {kind: numbers[-1] for kind, numbers in losses.items()}
    best = min(last, key=lambda kind: last[kind])
    climbed = [kind for kind, numbers in losses.items() if numbers[-1] > numbers[0]]
    summary = f"After {steps} step{'s' * (steps > 1)} {best} is lowest"
    return f"{summary}; {' and '.join(climbed)} climbed" if climbed else summary


def _describe(landscape: Surface, losses: dict[str, np.ndarray], name: str, learning_rate: float) -> str:
    listed = ", ".join(f"{kind} {numbers[-1]:.3g}" for kind, numbers in losses.items())
    start = next(iter(losses.values()))[0]
    return (
        f"Contours of a loss, the surface '{name}' ({landscape.about}), and the ways of SGD, Momentum, "
        f"RMSProp and Adam from one "
        f"start at learning rate {learning_rate:g}. From a loss of {start:.3g} they come to: {listed}. "
        f"Beside them, L by step."
    )
