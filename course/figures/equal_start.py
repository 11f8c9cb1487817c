"""Equal start: hidden units that start alike stay alike, and are together no more than one unit."""

import functools
from dataclasses import dataclass

import numpy as np
from matplotlib import rc_context

from course import Chain, generator
from course.data import digits
from course.figure import STYLE, Figure
from course.figures._matrix import shade
from course.figures.registry import figure
from course.modules import CrossEntropyLoss, Linear, Tanh
from course.optim import Adam
from course.training import accuracy, evaluate, fit

UNITS = 8
EQUAL = 0.05
STARTS = ("equal", "random")


@dataclass(frozen=True)
class Trained:
    """The weights of the hidden units as images, and the share of test digits that are read correctly.

    The images are units × 8 × 8.
    """

    weights: np.ndarray
    right: float

    @property
    def different(self) -> int:
        """How many units differ from all others by more than rounding."""
        flat = self.weights.reshape(len(self.weights), -1)
        apart = np.abs(flat[:, None] - flat).max(axis=2) > 1e-3 * np.abs(flat).max()
        return 1 + sum(bool(apart[unit, :unit].all()) for unit in range(1, len(flat)))


@functools.cache
def trained(start: str, epochs: int = 20) -> Trained:
    """Train 64 inputs, 8 hidden units and 10 scores on digits, from random numbers or all from one number.

    Raises:
        ValueError: there is no such start.
    """
    if start not in STARTS:
        raise ValueError(f"start='{start}': choose {' or '.join(STARTS)}")
    train, test = digits().split()
    rng, loss = generator(0), CrossEntropyLoss()
    net = Chain(Linear(64, UNITS, rng=rng), Tanh(), Linear(UNITS, 10, rng=rng))
    if start == "equal":
        for parameter in net.parameters():
            parameter.value.fill_(EQUAL)
    fit(net, loss, Adam(net.parameters(), lr=0.02), train, epochs=epochs, progress=False)
    weights = next(net.parameters()).value.reshape(UNITS, 8, 8).cpu().numpy()
    return Trained(weights, evaluate(net, loss, test, [accuracy])["accuracy"])


@figure(lecture=2)
def equal_start() -> Figure:
    """Draw the weights of eight hidden units after training, from an equal start and from a random one."""
    results = {start: trained(start) for start in STARTS}
    alt = (
        f"Two rows of {UNITS} images, the weights of hidden units trained on digits. Above, all parameters "
        f"started at {EQUAL}: "
        f"the images are alike, {results['equal'].different} different one, and {results['equal'].right:.0%} "
        f"of the test digits "
        f"are read correctly. Below they started at random: {results['random'].different} different images, "
        f"{results['random'].right:.0%} correctly."
    )
    with rc_context({**STYLE, "axes.grid": False}):
        figure = Figure(alt, width=12, height=4.2)
        figure.set_layout_engine("none")
        for start, height in zip(STARTS, (0.46, 0.04), strict=True):
            result = results[start]
            for unit, weights in enumerate(result.weights):
                axes = figure.add_axes((0.22 + 0.097 * unit, height, 0.088, 0.088 * 12 / 4.2))
                axes.imshow(shade(weights, float(np.abs(result.weights).max())))
                axes.set(xticks=[], yticks=[])
                axes.spines[:].set_visible(True)
                if start == "equal":
                    axes.set_title(f"unit {unit + 1}", fontsize=13)
            text = (
                f"{start} start\n{result.different} different "
                f"{'unit' if result.different == 1 else 'units'}\n{result.right:.0%} right"
            )
            figure.text(0.015, height + 0.13, text, va="center", fontsize=15, linespacing=1.5)
        title = (
            f"Units that start alike stay alike: {results['equal'].different} of {UNITS} features is learned"
        )
        figure.text(0.5, 0.93, title, ha="center", fontsize=18)
    return figure
