"""Dead units against the learning rate: what a few large steps do to ReLUs, and what a leak saves."""

import functools
from dataclasses import dataclass

from matplotlib import rc_context
from matplotlib.axes import Axes

from course.containers.chain import Chain
from course.data import digits
from course.device import generator
from course.figure import NEUTRAL_COLOR, PALETTE, STYLE, Figure, apart
from course.figures._threads import one_thread
from course.figures.gate_patterns import show
from course.figures.registry import figure
from course.modules import CrossEntropyLoss, LeakyReLU, Linear
from course.optim import SGD
from course.training import DivergedError, accuracy, evaluate, fit

RATES = (0.1, 0.5, 1.0, 1.5, 2.0, 4.0)
SMALL_RATE = 0.1
"""Of the epochs that follow: a network that still can learns well with it."""
UNITS, BATCH, LARGE_EPOCHS, SMALL_EPOCHS, SEEDS = 100, 128, 4, 6, 1
INPUTS = ("ink from 0 to 1", "standardized")
CHANCE = 0.1
KINDS = {"ReLU": (PALETTE[1], "-", "o"), "LeakyReLU": (PALETTE[0], (0, (5, 1.5)), "s")}


@dataclass(frozen=True)
class Outcome:
    """What became of a network, on average over the seeds."""

    off: float
    """The share of hidden units whose sum is 0 or below for every training example; a ReLU of these is
    dead."""
    accuracy: float
    """On the test examples, after the epochs with the small rate."""


@figure(lecture=6, live={"inputs": list(INPUTS), "negative_slope": [0.01, 0.1]})
def dead_relus(inputs: str = "ink from 0 to 1", negative_slope: float = 0.01) -> Figure:
    """Draw the share of units that are off for every training digit, by the first epochs' learning rate.

    Beside it the accuracy after six more epochs with a rate of 0.1: what a network can still learn.

    Args:
        inputs: pixels as they are, which are never negative, or standardized, with mean 0: one of INPUTS.
        negative_slope: of LeakyReLU.

    Raises:
        ValueError: the digits do not come as such inputs.
    """
    if inputs not in INPUTS:
        raise ValueError(f"the digits do not come as '{inputs}': choose {' or '.join(INPUTS)}")
    slopes = {"ReLU": 0.0, "LeakyReLU": negative_slope}
    outcomes = {
        kind: {rate: outcome(slope, rate, inputs) for rate in RATES} for kind, slope in slopes.items()
    }
    kept = {
        kind: {rate: result for rate, result in row.items() if result is not None}
        for kind, row in outcomes.items()
    }
    with rc_context(STYLE):
        figure = Figure(_describe(outcomes, inputs, negative_slope), width=12.4, height=5.2)
        figure.set_layout_engine("none")  # the axes stay where they are from one choice to the next
        places = {"left": 0.07, "right": 0.85, "top": 0.8, "bottom": 0.14, "wspace": 0.62}
        left, right = figure.subplots(1, 2, gridspec_kw=places)
        _draw(left, {kind: {rate: result.off for rate, result in row.items()} for kind, row in kept.items()})
        _draw(
            right,
            {kind: {rate: result.accuracy for rate, result in row.items()} for kind, row in kept.items()},
        )
        left.set_title("off for every training digit")
        right.set_title(f"accuracy after {SMALL_EPOCHS} more epochs, rate {show(SMALL_RATE)}")
        right.axhline(CHANCE, color=NEUTRAL_COLOR, linewidth=1.2, linestyle=":")
        right.text(RATES[0], CHANCE - 0.02, "guessing", va="top", fontsize=13, color=NEUTRAL_COLOR)
        rate, result = max(kept["ReLU"].items())
        summary = f"{result.off:.0%} of the ReLUs are dead" if result.off else "no ReLU is dead"
        figure.suptitle(
            f"Inputs: {inputs}. After {LARGE_EPOCHS} epochs with learning rate {rate:g}, {summary}",
            fontsize=17,
        )
    return figure


@functools.cache
@one_thread()
def outcome(negative_slope: float, rate: float, inputs: str) -> Outcome | None:
    """Train a hidden layer on digits with SGD, with the rate, then with the small one; None if it diverged.

    The hidden units are ReLUs where the slope is 0, which is what LeakyReLU computes then.
    """
    train, test = digits().split() if inputs == INPUTS[0] else digits().split().standardize()
    loss, off, right = CrossEntropyLoss(), [], []
    for seed in range(SEEDS):
        rng = generator(seed)
        net = Chain(Linear(64, UNITS, rng=rng), LeakyReLU(negative_slope), Linear(UNITS, 10, rng=rng))
        try:
            for lr, epochs in ((rate, LARGE_EPOCHS), (SMALL_RATE, SMALL_EPOCHS)):
                options = {"epochs": epochs, "batch_size": BATCH, "seed": seed, "progress": False}
                fit(net, loss, SGD(net.parameters(), lr=lr), train, **options)
        except DivergedError:
            return None
        off.append((net[0](train.inputs) <= 0).all(dim=0).double().mean().item())
        right.append(evaluate(net, loss, test, [accuracy])["accuracy"])
    return Outcome(sum(off) / SEEDS, sum(right) / SEEDS)


def _draw(axes: Axes, lines: dict[str, dict[float, float]]) -> None:
    for kind, numbers in lines.items():
        color, line, mark = KINDS[kind]
        axes.plot(
            list(numbers), list(numbers.values()), color=color, linestyle=line, marker=mark, ms=8, label=kind
        )
    axes.set(xscale="log", xlim=(0.085, 4.7), ylim=(-0.04, 1.04), xlabel="learning rate of the first epochs")
    axes.set_xticks(RATES, [f"{rate:g}" for rate in RATES])
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0 %", "25 %", "50 %", "75 %", "100 %"])
    axes.minorticks_off()
    ends = {kind: max(numbers.items()) for kind, numbers in lines.items() if numbers}
    heights = apart([height for _, height in ends.values()], *axes.get_ylim())
    for (kind, (rate, share)), height in zip(ends.items(), heights, strict=True):
        text = f"{kind} {share:.0%}" + "\n(diverges beyond)" * (rate < RATES[-1])
        look = {
            "textcoords": "offset points",
            "va": "center",
            "annotation_clip": False,
            "color": KINDS[kind][0],
        }
        axes.annotate(text, (rate, height), (12, 0), weight="bold", **look)


def _describe(outcomes: dict[str, dict[float, Outcome | None]], inputs: str, negative_slope: float) -> str:
    listed = [
        f"{kind}: "
        + ", ".join(
            f"{rate:g} {result.off:.0%} off, accuracy {result.accuracy:.0%}"
            if result
            else f"{rate:g} diverges"
            for rate, result in by_rate.items()
        )
        for kind, by_rate in outcomes.items()
    ]
    return (
        f"Two plots over the learning rate of the first {LARGE_EPOCHS} epochs of a network with {UNITS} "
        f"hidden units on "
        f"digits, {inputs}: the share of units that are off for every training example, and the accuracy "
        f"after {SMALL_EPOCHS} "
        f"more epochs with rate {SMALL_RATE:g}. LeakyReLU has slope {negative_slope:g}. {'; '.join(listed)}."
    )
