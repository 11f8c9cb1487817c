"""Softmax and cross-entropy: logits become probabilities, and the gradient that comes back is p − y."""

from dataclasses import dataclass

import torch
from matplotlib import rc_context
from matplotlib.axes import Axes

from course.containers.graph import Graph
from course.device import device, tensor
from course.figure import GRADIENT_COLOR, NEUTRAL_COLOR, STYLE, VALUE_COLOR, Figure
from course.figures._matrix import number_text
from course.figures.registry import figure
from course.modules import CrossEntropyLoss, LogLoss, Softmax

CLASSES = 3


@dataclass(frozen=True)
class Cross:
    """One example: probabilities, the target as a distribution, the loss, and ∂L/∂logits in two ways."""

    p: list[float]
    y: list[float]
    loss: float
    joined: list[float]
    """By CrossEntropyLoss."""
    chained: list[float]
    """By Softmax, then LogLoss."""


def cross_entropy(logits: list[float], target: int) -> Cross:
    """Run both ways forward and backward."""
    x, grad_output = tensor(logits, torch.float64), tensor(1.0, torch.float64)
    y = torch.nn.functional.one_hot(torch.tensor(target, device=device()), len(logits)).double()
    joined = CrossEntropyLoss()
    loss = joined(x, torch.tensor(target, device=device()))
    apart = Graph("x", "y")
    apart.add("p", Softmax(dim=-1), "x")
    apart.add("loss", LogLoss(), "p", "y")
    apart(x, y)
    gradient, chained = joined.backward(grad_output)[0], apart.backward(grad_output)[0]
    return Cross(apart.values["p"].tolist(), y.tolist(), loss.item(), gradient.tolist(), chained.tolist())


@figure(
    lecture=7,
    live={"logit_0": (-5.0, 5.0), "logit_1": (-5.0, 5.0), "logit_2": (-5.0, 5.0), "target": [0, 1, 2]},
)
def softmax_cross_entropy(
    logit_0: float = 0.0, logit_1: float = 0.4, logit_2: float = 0.9, target: int = 1
) -> Figure:
    """Draw three classes' logits, their probabilities beside the target, and the gradient that comes back.

    Args:
        logit_0, logit_1, logit_2: the scores of the classes.
        target: the true class, from 0 as in Python.
    """
    if target not in range(CLASSES):
        raise ValueError(f"the target {target} is no class: the classes are 0 to {CLASSES - 1}")
    logits = [logit_0, logit_1, logit_2]
    example = cross_entropy(logits, target)
    with rc_context({**STYLE, "axes.grid": False}):
        figure = Figure(_describe(logits, target, example), width=12.6, height=5.4)
        figure.set_layout_engine("none")  # the axes stay where they are while a logit moves
        places = {"left": 0.055, "right": 0.985, "top": 0.82, "bottom": 0.14, "wspace": 0.28}
        first, second, third = figure.subplots(1, 3, gridspec_kw=places)
        figure.suptitle(
            f"L = −ln p{'₀₁₂'[target]} = {number_text(example.loss, 2)}, and ∂L/∂logits = p − y", fontsize=18
        )
        _bars(first, logits, VALUE_COLOR, (-6.6, 6.6), "logits x")
        _bars(second, example.p, VALUE_COLOR, (0, 1.32), "p = softmax(x)")
        _bars(third, example.joined, GRADIENT_COLOR, (-1.35, 1.35), "gradient p − y")
        second.bar(
            range(CLASSES),
            example.y,
            width=0.8,
            fill=False,
            edgecolor="black",
            linewidth=2,
            linestyle=(0, (4, 2)),
        )
        second.set_yticks([0, 0.5, 1])
        second.text(target, 1.18, "target y = 1", ha="center", fontsize=14)
        third.plot(range(CLASSES), example.chained, "D", color="black", mfc="white", ms=9, mew=2)
        third.set_xlabel("class    ◇ Softmax, then LogLoss", fontsize=14)
    return figure


def _bars(axes: Axes, numbers: list[float], color: str, limits: tuple[float, float], title: str) -> None:
    axes.bar(range(CLASSES), numbers, width=0.62, color=color)
    axes.axhline(0, color=NEUTRAL_COLOR, linewidth=1)
    axes.set(ylim=limits, xlim=(-0.6, CLASSES - 0.4))
    gap = (limits[1] - limits[0]) / 28
    for place, number in enumerate(numbers):
        up = number >= 0
        look = {
            "ha": "center",
            "va": "bottom" if up else "top",
            "fontsize": 16,
            "weight": "bold",
            "color": color,
        }
        axes.text(place, number + (gap if up else -gap), number_text(number, 2), **look)
    axes.set_title(title, fontsize=16)
    axes.set_xticks(range(CLASSES))
    axes.set_xlabel("class", fontsize=14)
    axes.tick_params(axis="x", length=0)


def _describe(logits: list[float], target: int, example: Cross) -> str:
    listed = [
        ", ".join(number_text(number, 2) for number in numbers)
        for numbers in (logits, example.p, example.joined)
    ]
    apart = max(abs(a - b) for a, b in zip(example.joined, example.chained, strict=True))
    return (
        f"Three bar charts of three classes. Logits {listed[0]}; softmax makes of them the probabilities "
        f"{listed[1]}; the "
        f"target is class {target}, the loss {number_text(example.loss, 2)}. The gradient at the logits is "
        f"{listed[2]}: p − y. "
        f"Softmax followed by LogLoss gives the same, to within {apart:.1g}."
    )
