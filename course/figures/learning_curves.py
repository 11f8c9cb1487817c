"""Learning curves: loss and metrics by epoch, on the training examples and on others."""

import functools

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from course import Chain, generator
from course.data import breast_cancer
from course.figure import NEUTRAL_COLOR, PALETTE, STYLE, VALUE_COLOR, Figure
from course.figures._labels import apart
from course.modules import CrossEntropyLoss, Linear, ReLU
from course.optim import Adam
from course.training import History, accuracy, fit


def learning_curves(history: History | None = None) -> Figure:
    """Draw what `fit` went through, one panel for the loss and one for each metric; ``history.plot()`` is the same.

    Args:
        history: what `fit` returned; None: an example, a network that overfits 60 tumors.
    """
    history = overfitting() if history is None else history
    if not len(history):
        raise ValueError("this history has no epoch, so there is no curve to draw: train for one epoch or more")
    names = list(history.train)
    with rc_context(STYLE):
        figure = Figure(_describe(history), width=max(7.0, 5.6 * len(names)), height=4.4)
        figure.suptitle(point(history))
        for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
            _draw(axes, history, name)
    return figure


def _draw(axes: Axes, history: History, name: str) -> None:
    epochs = range(1, len(history) + 1)
    curves = [("training", history.train[name], VALUE_COLOR, "-")]
    if name in history.validation:
        curves.append(("validation", history.validation[name], PALETTE[1], "--"))
    for _, numbers, color, line in curves:
        axes.plot(epochs, numbers, line, color=color, marker="o" if len(history) == 1 else "")
    if all(number >= 0 for _, numbers, _, _ in curves for number in numbers):
        axes.set_ylim(bottom=0)
    heights = apart([numbers[-1] for _, numbers, _, _ in curves], *axes.get_ylim())
    for (said, numbers, color, _), height in zip(curves, heights, strict=True):
        label = {"textcoords": "offset points", "va": "center", "annotation_clip": False}
        axes.annotate(f"{said} {numbers[-1]:.3g}", (len(history), height), (9, 0), color=color, weight="bold", **label)
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


def point(history: History) -> str:
    """What the curves say, in one line."""
    best, count = history.best_epoch, len(history)
    if best is None:
        first, last = history.train["loss"][0], history.train["loss"][-1]
        return f"training loss from {first:.3g} to {last:.3g} in {count} epoch{'s' * (count > 1)}"
    lowest, last = history.validation["loss"][best - 1], history.validation["loss"][-1]
    if best < count and last > 1.05 * lowest and history.train["loss"][-1] < history.train["loss"][best - 1]:
        return f"after epoch {best} only the training loss falls on: the network overfits"
    return f"lowest validation loss {lowest:.3g}, in epoch {best} of {count}"


@functools.cache
def overfitting(examples: int = 60, epochs: int = 60, seed: int = 0) -> History:
    """Train a network with far more weights than examples: tumors, a part of them to learn from, a quarter to validate."""
    train, validation = breast_cancer().split(seed=seed)
    train = train[:examples]
    rng = generator(seed)
    net = Chain(Linear(30, 32, rng=rng), ReLU(), Linear(32, 2, rng=rng))
    return fit(
        net,
        CrossEntropyLoss(),
        Adam(net.parameters(), lr=3e-3),
        train.standardize(),
        validation=validation.standardize(by=train),
        metrics=[accuracy],
        epochs=epochs,
        seed=seed,
        progress=False,
    )


def _describe(history: History) -> str:
    said = [
        f"training {name} {numbers[0]:.3g} at first and {numbers[-1]:.3g} at last" for name, numbers in history.train.items()
    ]
    for name, numbers in history.validation.items():
        said.append(f"validation {name} {numbers[0]:.3g} at first and {numbers[-1]:.3g} at last")
    return f"Curves over {len(history)} epochs: {', '.join(said)}. In short: {point(history)}."
