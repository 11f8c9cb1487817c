"""The machine-learning loop: six steps with the numbers of a real training, at any of its rounds."""

import functools
from dataclasses import dataclass

import torch
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from course.containers.chain import Chain
from course.data import Dataset, iris
from course.device import generator, tensor
from course.figure import GRADIENT_COLOR, NEUTRAL_COLOR, STYLE, VALUE_COLOR, Figure
from course.figures.registry import figure
from course.modules import CrossEntropyLoss, Linear, Tanh

ROUNDS = 100
RATE = 0.5
WIDE, HIGH = 0.265, 0.25
PLACES = ((0.02, 0.66), (0.365, 0.66), (0.71, 0.66), (0.71, 0.12), (0.365, 0.12), (0.02, 0.12))
"""The lower left corners of the six boxes: three from left to right, then three back."""


@dataclass(frozen=True, kw_only=True)
class Training:
    """The data, the network as it is after the last round, and for each round what its steps gave."""

    data: Dataset
    net: Chain
    weights: tuple[float, ...]
    right: tuple[int, ...]
    losses: tuple[float, ...]
    norms: tuple[float, ...]


@functools.cache
def training() -> Training:
    """Train 4 inputs, 8 hidden units and 3 scores on all training flowers at once, by gradient descent."""
    data = iris().split().standardize().train
    rng, loss = generator(0), CrossEntropyLoss()
    net = Chain(Linear(4, 8, rng=rng), Tanh(), Linear(8, 3, rng=rng))
    weights, right, losses, norms = [], [], [], []
    for _ in range(ROUNDS + 1):
        weights.append(next(net.parameters()).value[0, 0].item())
        scores = net(data.inputs)
        losses.append(loss(scores, data.targets).item())
        right.append(int((scores.argmax(dim=1) == data.targets).sum()))
        net.zero_grad()
        net.backward(loss.backward(tensor(1.0))[0])
        norms.append(torch.stack([parameter.grad.norm() for parameter in net.parameters()]).norm().item())
        for parameter in net.parameters():
            parameter.value -= RATE * parameter.grad
    return Training(
        data=data,
        net=net,
        weights=tuple(weights),
        right=tuple(right),
        losses=tuple(losses),
        norms=tuple(norms),
    )


@figure(lecture=2, live={"rounds": (0, 100)})
def learning_loop(rounds: int = 0) -> Figure:
    """Draw collect, model, initialize, predict, loss and back as boxes in a ring.

    Beside them stands the loss of all rounds.

    Args:
        rounds: how often the last three steps have been done before, from 0 to 100.

    Raises:
        ValueError: there is no such round.
    """
    if not 0 <= rounds <= ROUNDS:
        raise ValueError(f"rounds={rounds}: the training has 0 to {ROUNDS}")
    trained = training()
    count, classes = len(trained.data), len(trained.data.target_names)
    parameters = sum(parameter.value.numel() for parameter in trained.net.parameters())
    steps = (
        (
            "1  collect data",
            f"{count} flowers, {trained.data.inputs.shape[1]} numbers\neach, {classes} species",
        ),
        ("2  define the model", f"4 inputs, 8 tanh units,\n3 scores: {parameters} parameters"),
        ("3  initialize", f"at random: the first\nweight starts at {_text(trained.weights[0])}"),
        (
            "4  predict",
            f"{trained.right[rounds]} of {count} flowers right\n"
            f"first weight {_text(trained.weights[rounds])}",
        ),
        ("5  evaluate the loss", f"loss = {trained.losses[rounds]:.3f}"),
        ("6  go back", f"gradient of length {trained.norms[rounds]:.3f},\none step against it"),
    )
    alt = (
        f"Six boxes in a ring, and a curve. Collect {count} flowers; define a network of {parameters} "
        f"parameters; initialize "
        f"them at random; then, in round {rounds}: predict, {trained.right[rounds]} are right; evaluate the "
        f"loss, "
        f"{trained.losses[rounds]:.3f}; go back, with a gradient of length {trained.norms[rounds]:.3f}; and "
        f"again from predict. "
        f"The loss falls from {trained.losses[0]:.3f} to {trained.losses[-1]:.3f} in {ROUNDS} rounds."
    )
    with rc_context(STYLE):
        figure = Figure(alt, width=12.5, height=4.9)
        figure.set_layout_engine("none")  # the places are fixed, so that nothing jumps while a slider moves
        axes = figure.add_axes((0, 0, 0.66, 0.9))
        axes.axis("off")
        axes.set(xlim=(0, 1), ylim=(0, 1))
        _draw_boxes(axes, steps)
        _draw_losses(figure.add_axes((0.735, 0.15, 0.245, 0.68)), trained, rounds)
        figure.text(
            0.5, 0.93, f"Round {rounds}: the loss is {trained.losses[rounds]:.3f}", ha="center", fontsize=18
        )
    return figure


def _draw_boxes(axes: Axes, steps: tuple[tuple[str, str], ...]) -> None:
    for number, ((name, text), (x, y)) in enumerate(zip(steps, PLACES, strict=True)):
        color = NEUTRAL_COLOR if number < 3 else GRADIENT_COLOR if number == 5 else VALUE_COLOR
        box = FancyBboxPatch(
            (x, y), WIDE, HIGH, boxstyle="round,pad=0.012", fc="white", ec=color, linewidth=2.2
        )
        axes.add_patch(box)
        axes.text(
            x + WIDE / 2,
            y + HIGH - 0.015,
            name,
            ha="center",
            va="top",
            fontsize=13.5,
            fontweight="bold",
            color=color,
        )
        axes.text(x + WIDE / 2, y + 0.075, text, ha="center", va="center", fontsize=12.5, linespacing=1.3)
    middle = HIGH / 2
    for start, end in (
        ((0.298, 0), (0.352, 1)),
        ((0.643, 1), (0.697, 2)),
        ((0.697, 3), (0.643, 4)),
        ((0.352, 4), (0.298, 5)),
    ):
        (x0, i), (x1, _) = start, end
        _arrow(axes, (x0, PLACES[i][1] + middle), (x1, PLACES[i][1] + middle))
    _arrow(axes, (0.8425, 0.645), (0.8425, 0.385))
    _arrow(axes, (0.1525, 0.39), (0.775, 0.39), bend=-0.16)
    axes.text(0.465, 0.515, "again", ha="center", fontsize=15, style="italic", color=NEUTRAL_COLOR)


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float], bend: float = 0.0) -> None:
    look = {
        "arrowstyle": "-|>",
        "linewidth": 2,
        "color": NEUTRAL_COLOR,
        "mutation_scale": 18,
        "shrinkA": 2,
        "shrinkB": 2,
    }
    axes.add_patch(FancyArrowPatch(start, end, connectionstyle=f"arc3,rad={bend}", **look))


def _draw_losses(axes: Axes, trained: Training, rounds: int) -> None:
    axes.plot(trained.losses, color=NEUTRAL_COLOR, linewidth=1.4)
    axes.plot(trained.losses[: rounds + 1], color=VALUE_COLOR)
    axes.plot(rounds, trained.losses[rounds], "o", color=VALUE_COLOR, ms=10)
    axes.set(xlabel="round", ylabel="loss", ylim=(0, 1.1 * max(trained.losses)), xlim=(-4, ROUNDS + 4))


def _text(number: float) -> str:
    return f"{number:.3f}".replace("-", "−")
