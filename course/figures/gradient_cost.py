"""What a gradient costs, measured.

Differences take two runs of forward for every parameter; backward takes one run for all of them.
"""

import functools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from matplotlib import rc_context
from torch import Tensor

from course.containers.chain import Chain
from course.device import device, generator
from course.figure import GRADIENT_COLOR, NEUTRAL_COLOR, STYLE, VALUE_COLOR, Figure
from course.figures.registry import figure
from course.gradients import numerical_gradients
from course.modules import Linear, Tanh

BATCH = 16
MANY_COLOR = "#006B4E"
WIDTHS = (2, 4, 8, 16, 32)
"""A width n makes n² + n parameters; the widest takes a fifth of a second one by one."""


@dataclass(frozen=True)
class Cost:
    """The seconds one gradient of all parameters took, and how far the numeric one was from backward's."""

    parameters: int
    one_by_one: float
    many_at_once: float
    backward: float
    difference: float

    @property
    def ratio(self) -> float:
        """How many times longer the differences take, one by one, than forward and backward."""
        return self.one_by_one / self.backward

    @property
    def runs(self) -> int:
        """Forward runs that central differences need."""
        return 2 * self.parameters


@figure(lecture=9)
def gradient_cost(widths: Sequence[int] = WIDTHS) -> Figure:
    """Measure how long the gradient of Linear and Tanh takes, by central differences and backward; draw both.

    Args:
        widths: of the layers that are measured, from narrow to wide.
    """
    if len(widths) < 2 or min(widths) < 1:
        raise ValueError(f"widths={tuple(widths)} make no line: pass two or more, each at least 1")
    costs = [cost(width) for width in widths]
    last, counts = costs[-1], [c.parameters for c in costs]
    lines = (
        ("differences,\none by one", [c.one_by_one for c in costs], GRADIENT_COLOR, "o-"),
        ("differences,\nmany at once", [c.many_at_once for c in costs], MANY_COLOR, "s--"),
        ("forward and\nbackward", [c.backward for c in costs], VALUE_COLOR, "o-"),
    )
    with rc_context(STYLE):
        figure = Figure(_describe(costs), width=11, height=5.2)
        figure.suptitle(
            f"{last.parameters:,} parameters: {last.runs:,} runs of forward take about "
            f"{round_number(last.ratio):,} times "
            "as long as one forward and backward",
            fontsize=15,
        )
        axes = figure.subplots()
        axes.set(xscale="log", yscale="log")
        for name, seconds, color, line in lines:
            axes.plot(counts, seconds, line, color=color, linewidth=2.8, ms=7)
            axes.annotate(
                name, (counts[-1], seconds[-1]), xytext=(12, 0), textcoords="offset points",
                color=color, va="center", fontsize=15, annotation_clip=False,
            )  # fmt: skip
        axes.axhline(1, color=NEUTRAL_COLOR, linewidth=1, linestyle=":")
        axes.set_xlim(0.8 * counts[0], 6 * counts[-1])
        axes.set_xticks(counts, [f"{count:,}" for count in counts])
        ticks = {
            1e-5: "10 µs",
            1e-4: "0.1 ms",
            1e-3: "1 ms",
            1e-2: "10 ms",
            0.1: "0.1 s",
            1.0: "1 s",
            10.0: "10 s",
        }
        everything = [second for _, seconds, _, _ in lines for second in seconds]
        low, high = 0.5 * min(everything), 2 * max(everything)
        shown = {place: word for place, word in ticks.items() if low <= place <= high}
        axes.set_yticks(list(shown), list(shown.values()))
        axes.set_ylim(low, high)
        axes.minorticks_off()
        axes.set_xlabel("parameters")
        axes.set_ylabel("time for one gradient")
    return figure


@functools.lru_cache(maxsize=32)
def cost(width: int) -> Cost:
    """The times for a layer of `width` units that reads as many; the fastest of a few tries."""
    rng = generator(0)
    chain = Chain(Linear(width, width, rng=rng), Tanh()).to(dtype=torch.float64)
    x, upstream = (
        torch.randn(BATCH, width, generator=rng, device=device(), dtype=torch.float64) for _ in range(2)
    )
    parameters = list(chain.parameters())
    values = [parameter.value for parameter in parameters]

    def output(*moved: Tensor) -> Tensor:
        for parameter, value in zip(parameters, moved, strict=True):
            parameter.value = value
        return chain(x)

    def analytic() -> list[Tensor]:
        output(*values)
        chain.zero_grad()
        chain.backward(upstream)
        return [parameter.grad for parameter in parameters]

    def numeric(vectorize: bool) -> list[Tensor]:
        return numerical_gradients(output, values, [upstream], vectorize=vectorize)

    backward, true = _timed(analytic, tries=20)
    one_by_one, estimates = _timed(lambda: numeric(False), tries=3 if width <= 16 else 1)
    many_at_once, _ = _timed(lambda: numeric(True), tries=3)
    difference = max(float((a - b).abs().max() / b.abs().max()) for a, b in zip(estimates, true, strict=True))
    return Cost(sum(value.numel() for value in values), one_by_one, many_at_once, backward, difference)


def _timed(run: Callable[[], list[Tensor]], tries: int) -> tuple[float, list[Tensor]]:
    """The shortest time of some tries, and what came out."""
    times, result = [], run() if tries > 1 else []  # a first run warms up
    for _ in range(tries):
        began = time.perf_counter()
        result = run()
        float(result[0].sum())  # waits for a GPU
        times.append(time.perf_counter() - began)
    return min(times), result


def round_number(number: float) -> int:
    """To one digit, or to two below a hundred: what a clock can tell."""
    return int(float(f"{number:.{1 if number >= 100 else 2}g}"))


def _describe(costs: list[Cost]) -> str:
    counts = ", ".join(f"{c.parameters:,}" for c in costs)
    return (
        f"Three lines of measured times against the number of parameters, {counts}, both axes logarithmic. "
        f"Central differences "
        f"one by one, {costs[0].runs:,} to {costs[-1].runs:,} runs of forward, climb steeply and lie "
        f"highest; the same moves "
        "computed many at once lie lower and bend up in the end; forward and backward once lies lowest, "
        "almost flat."
    )
