"""Dropout and batch normalization: the same units in training and in evaluation."""

import functools

import numpy as np
import torch
from matplotlib import rc_context
from matplotlib.axes import Axes
from torch import Tensor

from course import generator
from course.figure import NEUTRAL_COLOR, PALETTE, STYLE, VALUE_COLOR, Figure
from course.figures._digit_classifier import digit_classifier
from course.figures.registry import figure
from course.modules import BatchNorm1d, Dropout

UNITS = 20
DRAWS = 400
BATCHES = 3
UNIT = 5
"""The hidden unit whose normalization is drawn."""


@figure(lecture=11, live={"p": (0.0, 0.9), "batch": (2, 32), "seed": (0, 20)})
def dropout_batch_norm(p: float = 0.5, batch: int = 8, seed: int = 0) -> Figure:
    """Draw what Dropout and BatchNorm1d make of activations, in train() and in eval().

    The activations are those of the course's digit classifier.

    Args:
        p: the probability with which Dropout sets a unit to 0.
        batch: how many examples are normalized together.
        seed: of the dropped units, and of the examples in the batches.

    Raises:
        ValueError: p is not from 0 to below 1, or a batch has less than 2 examples.
    """
    if not 0 <= p < 1:
        raise ValueError(f"p={p:g} leaves nothing to see: choose a probability from 0 to below 1")
    x, dropped, kept, mean = dropout_units(p, seed)
    train, evaluated = batch_norm_unit(batch, seed)
    with rc_context(STYLE):
        spread = np.ptp(train[:, 0])
        figure = Figure(_describe(p, dropped, x, train, evaluated), width=12.0, height=6.6)
        figure.set_layout_engine("constrained", w_pad=0.1, h_pad=0.08)
        (left, right), (below, beside) = figure.subplots(2, 2, sharey="row")
        _draw_units(left, x, dropped, mean)
        left.set_title(f"Dropout in train(): {fate(x, dropped, p)}")
        _draw_units(right, x, kept, None)
        right.set_title("Dropout in eval(): nothing happens")
        left.set_ylabel("activation")
        for axes, outputs in ((below, train), (beside, evaluated)):
            _draw_batches(axes, outputs)
        below.set_title(f"BatchNorm1d in train(): the diamond moves by {spread:.2f} with its batch")
        beside.set_title("BatchNorm1d in eval(): it stays where it is")
        figure.supxlabel(
            "line and band: mean ± deviation of a batch; diamond: one example that is in all three",
            fontsize=13,
        )
        below.set_ylabel("one unit, normalized")
    return figure


@functools.lru_cache(maxsize=128)
def dropout_units(p: float, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Activations of some hidden units, before and after Dropout, and the mean of many draws.

    After Dropout they come in train() and in eval().
    """
    classifier = digit_classifier()
    x = classifier.net[1](classifier.net[0](classifier.test.inputs[:1]))[:, :UNITS]
    dropout = Dropout(p, rng=generator(seed))
    draws = dropout(x.expand(DRAWS, -1))
    evaluated = dropout.eval()(x)
    return _row(x), draws[0].cpu().numpy(), _row(evaluated), draws.mean(dim=0).cpu().numpy()


@functools.lru_cache(maxsize=128)
def batch_norm_unit(batch: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A unit's values after BatchNorm1d in train() and in eval(), batches × examples.

    The first example is in every batch.

    The running statistics are those of 40 batches of 32 examples.
    """
    if batch < 2:
        raise ValueError(f"a batch of {batch} has no deviation: choose 2 examples or more")
    classifier = digit_classifier()
    sums = classifier.net[0](classifier.test.inputs)
    rng = torch.Generator(device="cpu").manual_seed(seed)
    norm = BatchNorm1d(sums.shape[1])
    for _ in range(40):
        norm(sums[_some(len(sums), 32, rng)])
    state, rows = norm.state_dict(), [_some(len(sums), batch, rng) for _ in range(BATCHES)]
    train, evaluated = [], []
    for chosen in rows:
        chosen[0] = rows[0][0]
        train.append(norm.train()(sums[chosen])[:, UNIT].cpu().numpy())
        norm.load_state_dict(state)  # a look at a batch must not move the running statistics
        evaluated.append(norm.eval()(sums[chosen])[:, UNIT].cpu().numpy())
    return np.stack(train), np.stack(evaluated)


def _some(count: int, size: int, rng: torch.Generator) -> Tensor:
    return torch.randperm(count, generator=rng, device="cpu")[:size].to(digit_classifier().test.inputs.device)


def _row(values: Tensor) -> np.ndarray:
    return values[0].cpu().numpy()


def _draw_units(axes: Axes, x: np.ndarray, out: np.ndarray, mean: np.ndarray | None) -> None:
    units = np.arange(1, len(x) + 1)
    axes.vlines(units, 0, out, color=VALUE_COLOR, linewidth=2)
    axes.plot(units, x, "o", ms=11, mfc="none", mec=NEUTRAL_COLOR, mew=1.8)
    axes.plot(units, out, "o", ms=6, color=VALUE_COLOR)
    if mean is not None:
        axes.plot(units, mean, "_", ms=15, mew=2.5, color=PALETTE[1])
    axes.axhline(0, color=NEUTRAL_COLOR, linewidth=1)
    legend = "ring: before, dot: after" + ("" if mean is None else f", bar: mean of {DRAWS} draws")
    axes.set_xlabel(f"hidden unit ({legend})")
    axes.set_xticks(units[4::5])


def _draw_batches(axes: Axes, outputs: np.ndarray) -> None:
    count = outputs.shape[1]
    for number, values in enumerate(outputs):
        place = number * (count + 1) + np.arange(1, count + 1)
        middle, deviation = values.mean(), values.std()
        axes.fill_between(
            place[[0, -1]] + [-0.6, 0.6],
            middle - deviation,
            middle + deviation,
            color=VALUE_COLOR,
            alpha=0.12,
            lw=0,
        )
        axes.hlines(middle, place[0] - 0.6, place[-1] + 0.6, color=VALUE_COLOR, linewidth=2)
        axes.plot(place[1:], values[1:], "o", ms=6, color=VALUE_COLOR)
        axes.plot(place[0], values[0], "D", ms=11, color=PALETTE[1], mec="black")
    axes.set_xticks([number * (count + 1) + (count + 1) / 2 for number in range(len(outputs))])
    axes.set_xticklabels([f"batch {'ABC'[number]}" for number in range(len(outputs))])
    axes.margins(y=0.12)
    axes.grid(axis="x", visible=False)


def fate(x: np.ndarray, dropped: np.ndarray, p: float) -> str:
    """How many units that were not 0 are 0 now, and by what the others were multiplied."""
    gone, count = int(((dropped == 0) & (x != 0)).sum()), int((x != 0).sum())
    return f"{gone} of {count} become 0, the others × {1 / (1 - p):.3g}"


def _describe(p: float, dropped: np.ndarray, x: np.ndarray, train: np.ndarray, evaluated: np.ndarray) -> str:
    heights = ", ".join(f"{value:.2f}" for value in train[:, 0])
    return (
        f"Four panels. Dropout with p = {p:g} on {len(x)} hidden units, some of them 0: in training "
        f"{fate(x, dropped, p)}, "
        "and the mean of many draws is as before; in evaluation all are as before. Batch normalization of a "
        "unit in "
        f"{BATCHES} batches of {train.shape[1]}: in training each has mean 0 and deviation 1, and an example "
        f"that is in all of "
        f"them becomes {heights}; in evaluation it is {evaluated[0, 0]:.2f} in each."
    )
