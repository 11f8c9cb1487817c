"""What a diagonal Jacobian would cost, built as a matrix, against the product element by element.

Memory and time are measured.
"""

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from matplotlib import rc_context
from matplotlib.axes import Axes
from torch import Tensor

from course.device import device, generator
from course.figure import GRADIENT_COLOR, STYLE, VALUE_COLOR, Figure
from course.figures._labels import rounded
from course.figures._threads import one_thread
from course.figures.registry import figure
from course.modules import Sin

SIZES = (64, 128, 256, 512, 1024, 2048, 4096)


@dataclass(frozen=True)
class Cost:
    """Bytes and seconds of one way, and the gradient that it gave."""

    size: int
    seconds: float
    gradient: Tensor


@figure(lecture=4, live={"size": list(SIZES)})
def jacobian_cost(size: int = 1024) -> Figure:
    """Draw bytes and milliseconds of both ways to take a gradient back through Sin, for 64 to 4,096 numbers.

    Args:
        size: the number of elements that is marked and named.

    Raises:
        ValueError: a size that was not measured.
    """
    if size not in SIZES:
        raise ValueError(f"size={size} was not measured: choose {', '.join(map(str, SIZES))}")
    full, quick = ([way(count) for count in SIZES] for way in (by_matrix, by_element))
    here, there = full[SIZES.index(size)], quick[SIZES.index(size)]
    with rc_context(STYLE):
        figure = Figure(_describe(size, here, there), width=12.4, height=5.0)
        figure.set_layout_engine("none")  # the axes stay where they are while a choice is made
        title = f"{size:,} numbers: the matrix takes {_bytes(here.size)} and {_time(here.seconds)}, "
        figure.suptitle(f"{title}the product {_bytes(there.size)} and {_time(there.seconds)}", fontsize=17)
        left, right = figure.subplots(
            1, 2, gridspec_kw={"left": 0.085, "right": 0.985, "top": 0.84, "bottom": 0.14, "wspace": 0.25}
        )
        _draw(left, [cost.size for cost in full], [cost.size for cost in quick], size)
        _draw(right, [cost.seconds for cost in full], [cost.seconds for cost in quick], size)
        left.set(ylabel="bytes", ylim=(1e2, 3e8), title="memory")
        left.set_yticks([1e3, 1e6], ["a thousand", "a million"], rotation=90, va="center")
        right.set(ylabel="seconds", title="time of one backward")
        left.legend(loc="upper left", frameon=False)
    return figure


@functools.cache
def by_matrix(count: int) -> Cost:
    """Build the diagonal matrix of the slopes cos x, and multiply the gradient with it."""
    x, grad = _numbers(count)
    jacobian = torch.diag(torch.cos(x))
    seconds, gradient = _timed(lambda: grad @ torch.diag(torch.cos(x)))
    return Cost(jacobian.nbytes, seconds, gradient)


@functools.cache
def by_element(count: int) -> Cost:
    """The module's own backward: slope times gradient, element by element."""
    x, grad = _numbers(count)
    module = Sin()
    module(x)
    seconds, gradient = _timed(lambda: module.backward(grad))
    return Cost(torch.cos(x).nbytes, seconds, gradient)


def _numbers(count: int) -> tuple[Tensor, Tensor]:
    x, grad = torch.randn(2, count, generator=generator(0), device=device())
    return x, grad


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """The shortest of five tries."""
    tries, result = [], None
    with one_thread():
        for _ in range(5):
            _settle()
            began = time.perf_counter()
            result = work()
            _settle()
            tries.append(time.perf_counter() - began)
    return min(tries), result


def _settle() -> None:
    """A GPU computes while Python goes on: wait until it is done."""
    if device().type == "cuda":
        torch.cuda.synchronize()


def _draw(axes: Axes, full: list[float], quick: list[float], size: int) -> None:
    place = SIZES.index(size)
    for values, color, style, label in (
        (full, GRADIENT_COLOR, "s--", "Jacobian as a matrix"),
        (quick, VALUE_COLOR, "o-", "element by element"),
    ):
        axes.plot(SIZES, values, style, color=color, ms=7, label=label)
        axes.plot(size, values[place], "o", ms=17, mfc="none", mec=color, mew=2.5)
    axes.set(xscale="log", yscale="log", xlabel="numbers in x")
    axes.set_xticks(SIZES[::2], [f"{count:,}" for count in SIZES[::2]])
    axes.minorticks_off()


def _bytes(count: float) -> str:
    return f"{rounded(count / 1e6, 3)} MB" if count >= 1e6 else f"{rounded(count / 1e3, 3)} kB"


def _time(seconds: float) -> str:
    return f"{rounded(seconds * 1e3)} ms" if seconds >= 1e-3 else f"{rounded(seconds * 1e6)} µs"


def _describe(size: int, full: Cost, quick: Cost) -> str:
    return (
        "Two plots against the number of elements, both axes logarithmic: memory and time of a backward pass "
        "through Sin. For "
        f"{size:,} numbers the Jacobian as a matrix takes {_bytes(full.size)} and {_time(full.seconds)}, the "
        f"product element "
        f"by element {_bytes(quick.size)} and {_time(quick.seconds)}. Twice as many numbers make the matrix "
        f"4 times as large."
    )
