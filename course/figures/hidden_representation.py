"""Hidden representation: two hidden units bend the plane until a line can part what no line could."""

from typing import Any

import numpy as np
import torch
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from course import Chain
from course.device import tensor
from course.figure import NEUTRAL_COLOR, STYLE, Figure
from course.figures._points import draw_points, draw_regions, window
from course.figures._replay import Replay, replay
from course.figures.registry import figure
from course.modules import Linear

EPOCHS = 100
SUBSCRIPTS = "₁₂"


@figure(
    lecture=1,
    live={
        "epoch": (0, 100),
        "data": ["XOR", "two moons", "circles"],
        "activation": ["Tanh", "ReLU", "Sigmoid", "Identity"],
        "seed": (0, 9),
    },
)
def hidden_representation(
    data: str = "XOR", activation: str = "Tanh", epoch: int = 100, seed: int = 0
) -> Figure:
    """Draw the same points as the network gets them, and as its output unit gets them from two hidden units.

    Gray lines are those of a square grid on the left, and what becomes of them on the right. Not every
    seed finds the solution.

    Args:
        data: the data set, of 200 points.
        activation: of the hidden units.
        epoch: how long the network has trained, from 0 to 100.
        seed: of the noise in the data, the initial weights and the batches.

    Raises:
        ValueError: there is no such data set, activation or epoch.
    """
    if not 0 <= epoch <= EPOCHS:
        raise ValueError(f"epoch={epoch} was not trained: choose 0 to {EPOCHS}")
    run = replay(data, 2, activation, epochs=EPOCHS, seed=seed)
    first, bend, last = run.at(epoch).modules
    hidden = Chain(first, bend)
    inner, targets = hidden(run.data.inputs).cpu().numpy(), run.data.targets.cpu().numpy()
    with rc_context(STYLE):
        figure = Figure(_describe(run, data, activation, epoch), width=11.0, height=5.2)
        figure.set_layout_engine("constrained", w_pad=0.12)
        figure.suptitle(point(run, data, epoch))
        left, right = figure.subplots(1, 2)
        ends = window(run.data)
        lines = grid(ends)
        draw_regions(left, run.at(epoch), ends)
        draw_points(left, run.data.inputs.cpu().numpy(), targets)
        if isinstance(first, Linear):
            _draw_units(left, first, ends)
        left.set(xlim=ends[:2], ylim=ends[2:], xlabel="x₁", ylabel="x₂", title="what the network gets")
        bent = [hidden(tensor(line, torch.float32)).cpu().numpy() for line in lines]
        around = _around(np.concatenate([inner, *bent]))
        draw_regions(right, last, around)
        draw_points(right, inner, targets)
        right.set(
            xlim=around[:2], ylim=around[2:], xlabel="h₁", ylabel="h₂", title="what its output unit gets"
        )
        for axes, drawn in ((left, lines), (right, bent)):
            axes.add_collection(
                LineCollection(drawn, colors=NEUTRAL_COLOR, linewidths=0.8, alpha=0.45, zorder=1)
            )
    return figure


def grid(ends: tuple[float, float, float, float], count: int = 9, fineness: int = 60) -> list[np.ndarray]:
    """Upright and level lines across a window, each as points in a row."""
    left, right, low, high = ends
    across, up = np.linspace(left, right, fineness), np.linspace(low, high, fineness)
    upright = [np.stack([np.full(fineness, x), up], axis=1) for x in np.linspace(left, right, count)]
    level = [np.stack([across, np.full(fineness, y)], axis=1) for y in np.linspace(low, high, count)]
    return upright + level


def _draw_units(axes: Axes, first: Linear, ends: tuple[float, float, float, float]) -> None:
    """The line on which each hidden unit's sum is 0, with an arrow to where it grows."""
    middle = np.array([(ends[0] + ends[1]) / 2, (ends[2] + ends[3]) / 2])
    bias = first.bias.value.tolist() if first.bias is not None else [0.0] * first.out_features
    for number, (weight, shift) in enumerate(zip(first.weight.value.cpu().numpy(), bias, strict=True)):
        length = np.linalg.norm(weight)
        if length < 1e-6:
            continue
        normal = weight / length
        foot = middle - normal * (middle @ weight + shift) / length  # the line's nearest point to the middle
        along = np.array([-normal[1], normal[0]]) * (1 if normal[1] < 0 else -1)  # to the right
        axes.plot(
            *(foot + np.outer([-9, 9], along)).T, color="black", linestyle="--", linewidth=1.4, zorder=2
        )
        start = foot + (0.5 - number) * along  # to the right for the first unit, to the left for the second
        tip = start + 0.22 * normal
        axes.annotate("", tip, start, arrowprops={"arrowstyle": "-|>", "lw": 1.8, "color": "black"}, zorder=4)
        box = {"boxstyle": "round,pad=0.15", "fc": "white", "ec": "none", "alpha": 0.8}
        label: dict[str, Any] = {
            "ha": "center",
            "va": "center",
            "bbox": box,
            "zorder": 5,
            "clip_on": True,
            "weight": "bold",
        }
        x, y = tip + 0.1 * normal
        axes.text(x, y, f"h{SUBSCRIPTS[number]}", **label)


def _around(points: np.ndarray, margin: float = 0.08) -> tuple[float, float, float, float]:
    low, high = points.min(axis=0), points.max(axis=0)
    reach = margin * (high - low) + 1e-3
    return low[0] - reach[0], high[0] + reach[0], low[1] - reach[1], high[1] + reach[1]


def point(run: Replay, data: str, epoch: int) -> str:
    """What the picture shows, in one line."""
    share = run.accuracies[epoch]
    if share >= 0.99:
        return f"After {epoch} epochs a line parts {data} as two hidden units see it: {share:.0%} are right"
    return f"After {epoch} epochs {share:.0%} are right: no line parts the classes yet"


def _describe(run: Replay, data: str, activation: str, epoch: int) -> str:
    return (
        f"Two planes with the same 200 points of {data}. Left the inputs: a square grid, the straight line "
        f"of each "
        f"of two {activation} units with an arrow to where it grows, and the regions in which the network "
        f"sees either class. "
        f"Right the values of the two units: the grid is bent, the output unit's boundary a straight line. "
        f"After {epoch} "
        f"epochs {run.accuracies[epoch]:.0%} of the points lie on the side of their class."
    )
