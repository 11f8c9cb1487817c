"""The learning curves of one training as a picture: loss and metrics by epoch."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from course.figure import NEUTRAL_COLOR, PALETTE, STYLE, VALUE_COLOR, Figure, apart


class Curves(Protocol):
    """What can be drawn: numbers by epoch under their names, as a History holds them."""

    @property
    def train(self) -> Mapping[str, Sequence[float]]:
        """The numbers of the training examples, the loss first."""
        ...

    @property
    def validation(self) -> Mapping[str, Sequence[float]]:
        """The numbers of the validation examples, where there are some."""
        ...

    @property
    def best_epoch(self) -> int | None:
        """The epoch, counted from 1, with the lowest validation loss."""
        ...

    def __len__(self) -> int: ...


def draw_curves(history: Curves) -> Figure:
    """Draw one panel for the loss and one for each metric.

    Raises:
        ValueError: there is no epoch.
    """
    if not len(history):
        raise ValueError(
            "this history has no epoch, so there is no curve to draw: train for one epoch or more"
        )
    names = list(history.train)
    with rc_context(STYLE):
        figure = Figure(_describe(history), width=max(7.0, 5.6 * len(names)), height=4.4)
        figure.suptitle(point(history))
        for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
            _draw(axes, history, name)
    return figure


def _draw(axes: Axes, history: Curves, name: str) -> None:
    epochs = range(1, len(history) + 1)
    curves = [("training", history.train[name], VALUE_COLOR, "-")]
    if name in history.validation:
        curves.append(("validation", history.validation[name], PALETTE[1], "--"))
    for _, numbers, color, line in curves:
        axes.plot(epochs, numbers, line, color=color, marker="o" if len(history) == 1 else "")
    if all(number >= 0 for _, numbers, _, _ in curves for number in numbers):
        axes.set_ylim(bottom=0)
    heights = apart([numbers[-1] for _, numbers, _, _ in curves], *axes.get_ylim())
    for (part, numbers, color, _), height in zip(curves, heights, strict=True):
        label = {"textcoords": "offset points", "va": "center", "annotation_clip": False}
        axes.annotate(
            f"{part} {numbers[-1]:.3g}", (len(history), height), (9, 0), color=color, weight="bold", **label
        )
    if history.best_epoch is not None and name == "loss":
        lowest = history.validation[name][history.best_epoch - 1]
        axes.plot(history.best_epoch, lowest, "D", color=PALETTE[1], ms=9, mec="white")
        axes.axvline(history.best_epoch, color=NEUTRAL_COLOR, linewidth=1.2, linestyle=":", zorder=0)
        near = history.best_epoch < 0.7 * len(history)  # so that there is room on the right
        axes.annotate(
            f"best epoch {history.best_epoch}",
            (history.best_epoch, 1),
            (4 if near else -4, -2),
            ("data", "axes fraction"),
            "offset points",
            va="top",
            ha="left" if near else "right",
            color=NEUTRAL_COLOR,
        )
    axes.set_xlabel("epoch")
    axes.set_title(f"{name} of an example" if name == "loss" else name)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def point(history: Curves) -> str:
    """What the curves say, in one line."""
    best, count = history.best_epoch, len(history)
    if best is None:
        first, last = history.train["loss"][0], history.train["loss"][-1]
        return f"training loss from {first:.3g} to {last:.3g} in {count} epoch{'s' * (count > 1)}"
    lowest, last = history.validation["loss"][best - 1], history.validation["loss"][-1]
    if best < count and last > 1.05 * lowest and history.train["loss"][-1] < history.train["loss"][best - 1]:
        return f"after epoch {best} only the training loss falls on: the network overfits"
    return f"lowest validation loss {lowest:.3g}, in epoch {best} of {count}"


def _describe(history: Curves) -> str:
    curves = [f"training {name} {_ends(numbers)}" for name, numbers in history.train.items()]
    curves += [f"validation {name} {_ends(numbers)}" for name, numbers in history.validation.items()]
    return f"Curves over {len(history)} epochs: {', '.join(curves)}. In short: {point(history)}."


def _ends(numbers: Sequence[float]) -> str:
    return f"{numbers[0]:.3g} at first and {numbers[-1]:.3g} at last"
