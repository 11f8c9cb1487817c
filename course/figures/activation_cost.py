"""What an activation costs: the time of its forward and backward pass, beside that of Linear before it."""

import statistics
import time
from collections.abc import Callable

import torch
from matplotlib import rc_context

from course.device import device, generator
from course.figure import GRADIENT_COLOR, STYLE, VALUE_COLOR, Figure
from course.figures.activation_family import LOOKS
from course.figures.gate_patterns import show
from course.figures.registry import figure
from course.figures.saturation import ACTIVATIONS
from course.fused import fused_kernels
from course.module import Module
from course.modules import Linear

WIDTH = 512
Times = dict[str, tuple[float, float]]


@figure(lecture=6)
def activation_cost(repeats: int = 15, examples: int = 512) -> Figure:
    """Draw the median times of forward and backward, for each activation of lecture 06 and for Linear.

    What has a fused kernel runs as one.

    Args:
        repeats: how often each is measured.
        examples: rows of the input, which has 512 columns.

    Raises:
        ValueError: nothing is measured.
    """
    if min(repeats, examples) < 1:
        raise ValueError(f"repeats={repeats} of {examples} examples measure nothing: both must be at least 1")
    with fused_kernels():
        times = median_times(
            {**ACTIVATIONS_OF_THE_LECTURE, f"Linear({WIDTH}, {WIDTH})": _linear}, repeats, examples
        )
    ordered = sorted(times, key=lambda name: sum(times[name]))
    with rc_context(STYLE):
        figure = Figure(_describe(times, ordered, examples), width=11.6, height=5.8)
        axes = figure.subplots()
        for place, name in enumerate(ordered):
            forward, backward = (1e3 * seconds for seconds in times[name])
            axes.barh(place + 0.2, forward, height=0.38, color=VALUE_COLOR, label="forward")
            axes.barh(place - 0.2, backward, height=0.38, color=GRADIENT_COLOR, label="backward")
            look = {"va": "center", "xytext": (6, 0), "textcoords": "offset points", "fontsize": 12}
            axes.annotate(show(forward), (forward, place + 0.21), color=VALUE_COLOR, **look)
            axes.annotate(show(backward), (backward, place - 0.21), color=GRADIENT_COLOR, **look)
        axes.set_yticks(range(len(ordered)), ordered, fontsize=13)
        every = [1e3 * seconds for pair in times.values() for seconds in pair]
        axes.set(xscale="log", xlabel="milliseconds (logarithmic)", xlim=(0.6 * min(every), 2.2 * max(every)))
        axes.grid(False, axis="y")
        axes.text(
            0.98,
            0.1,
            "forward",
            transform=axes.transAxes,
            ha="right",
            color=VALUE_COLOR,
            weight="bold",
            fontsize=16,
        )
        axes.text(
            0.98,
            0.03,
            "backward",
            transform=axes.transAxes,
            ha="right",
            color=GRADIENT_COLOR,
            weight="bold",
            fontsize=16,
        )
        axes.set_title(_point(times, ordered), fontsize=15)
    return figure


def _linear() -> Module:
    return Linear(WIDTH, WIDTH, rng=generator(0))


ACTIVATIONS_OF_THE_LECTURE: dict[str, Callable[[], Module]] = {
    name: ACTIVATIONS[name] for name in LOOKS if name != "Identity"
}


def median_times(
    makers: dict[str, Callable[[], Module]],
    repeats: int,
    examples: int = 512,
    clock: Callable[[], float] = time.perf_counter,
) -> Times:
    """Median seconds of forward and of backward by name.

    Modules take turns, so that a busy moment hits all alike.
    """
    x = torch.randn(examples, WIDTH, generator=generator(0), device=device())
    modules = {name: make() for name, make in makers.items()}
    measured: dict[str, list[tuple[float, float]]] = {name: [] for name in modules}
    for round_ in range(repeats + 1):
        for name, module in modules.items():
            module.zero_grad()
            began = _now(clock)
            out = module(x)
            middle = _now(clock)
            module.backward(torch.ones_like(out))
            if round_:  # the first time, memory is new to the process
                measured[name].append((middle - began, _now(clock) - middle))
    return {
        name: tuple(statistics.median(column) for column in zip(*pairs, strict=True))
        for name, pairs in measured.items()
    }


def _now(clock: Callable[[], float]) -> float:
    if device().type == "cuda":
        torch.cuda.synchronize()
    return clock()


def _point(times: Times, ordered: list[str]) -> str:
    *rest, last = ordered
    factor = sum(times[last]) / sum(times[rest[-1]])
    return f"{last} takes {show(round(factor, 1))} times as long as the most expensive activation, {rest[-1]}"


def _describe(times: Times, ordered: list[str], examples: int) -> str:
    listed = ", ".join(
        f"{name} {show(1e3 * times[name][0])} and {show(1e3 * times[name][1])}" for name in ordered
    )
    return (
        f"Bars of the median milliseconds of forward and of backward on {examples} × {WIDTH} numbers, on a "
        f"logarithmic axis, "
        f"from the quickest to the slowest: {listed}."
    )
