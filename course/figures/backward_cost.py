"""How long backward takes beside forward, module by module, measured.

What counting multiplications says about it is shown, too.
"""

import itertools
import math
import time
from dataclasses import dataclass
from functools import cache

import torch
from matplotlib import rc_context
from matplotlib.axes import Axes

from course.containers.chain import Chain
from course.device import device, generator
from course.figure import GRADIENT_COLOR, STYLE, VALUE_COLOR, Figure
from course.figures._labels import rounded
from course.figures._threads import one_thread
from course.figures.registry import figure
from course.module import Module
from course.modules import Linear, Sigmoid

SIZES = (64, 512, 512, 10)
BATCHES = (16, 64, 256, 1024)
TRIES = 15


@dataclass(frozen=True)
class Cost:
    """One module: multiplications and seconds, forward and backward."""

    name: str
    forward_products: int
    backward_products: int
    forward_seconds: float
    backward_seconds: float


@figure(lecture=5, live={"batch": list(BATCHES)})
def backward_cost(batch: int = 64) -> Figure:
    """Draw multiplications (counted) and milliseconds (measured) of forward and backward.

    Both passes run through a network of 64, 512, 512, 10 neurons.

    Source: Griewank, Walther: Evaluating Derivatives (2008), chapter 4, for the bound.

    Args:
        batch: examples in the batch, one of BATCHES.

    Raises:
        ValueError: a batch that was not measured.
    """
    if batch not in BATCHES:
        raise ValueError(f"a batch of {batch} was not measured: choose {', '.join(map(str, BATCHES))}")
    costs = measured(batch)
    forward, backward = (
        1000 * sum(getattr(cost, f"{way}_seconds") for cost in costs) for way in ("forward", "backward")
    )
    with rc_context(STYLE):
        figure = Figure(_describe(batch, costs, forward, backward), width=12.4, height=5.0)
        figure.set_layout_engine("none")  # the axes stay where they are while a choice is made
        took = (
            f"forward {rounded(forward)} ms, backward {rounded(backward)} ms, {backward / forward:.1f} "
            f"times as long"
        )
        figure.suptitle(f"batch of {batch}: {took}", fontsize=18)
        left, right = figure.subplots(
            1,
            2,
            sharey=True,
            gridspec_kw={"left": 0.16, "right": 0.985, "top": 0.82, "bottom": 0.13, "wspace": 0.08},
        )
        names = [cost.name for cost in costs]
        _draw(
            left, names, [c.forward_products / 1e6 for c in costs], [c.backward_products / 1e6 for c in costs]
        )
        _draw(
            right,
            names,
            [1000 * c.forward_seconds for c in costs],
            [1000 * c.backward_seconds for c in costs],
        )
        left.set(title="counted", xlabel="million multiplications")
        right.set(title="measured", xlabel="milliseconds")
        left.legend(loc="lower right", frameon=False)
    return figure


@cache
def measured(batch: int) -> tuple[Cost, ...]:
    """Each module of the network in forward's order; gradients start at zero, as after `zero_grad()`."""
    rng = generator(0)
    value = torch.randn(batch, SIZES[0], generator=rng, device=device())
    net, costs = network(), []
    inputs = []
    for module in net.modules:
        inputs.append(value)
        value = module(value)
    grad = torch.randn(value.shape, generator=rng, device=device())
    for module, x in reversed([*zip(net.modules, inputs, strict=True)]):
        forward = backward = float("inf")
        given = grad
        with one_thread():
            for _ in range(TRIES):
                module.zero_grad()
                began = _now()
                module(x)
                middle = _now()
                grad = module.backward(given)
                forward, backward = min(forward, middle - began), min(backward, _now() - middle)
        costs.append(Cost(_name(module), *products(module, batch), forward, backward))
    return tuple(reversed(costs))


def network() -> Chain:
    """Linear modules with sigmoids between."""
    rng = generator(1)
    modules: list[Module] = []
    for before, after in itertools.pairwise(SIZES):
        modules += [Linear(before, after, rng=rng), Sigmoid()]
    return Chain(*modules[:-1])


def products(module: Module, batch: int) -> tuple[int, int]:
    """How many pairs of numbers a module multiplies, forward and backward."""
    if isinstance(module, Linear):
        once = batch * module.in_features * module.out_features  # X Wᵀ; then G W, and Gᵀ X
        return once, 2 * once
    return 0, 2 * math.prod(module.output_shapes[0] or ())  # g · (1 − a) · a


def _name(module: Module) -> str:
    return f"Linear {module.in_features} → {module.out_features}" if isinstance(module, Linear) else "Sigmoid"


def _now() -> float:
    """The time when all that was asked of a GPU is done."""
    if device().type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def _draw(axes: Axes, names: list[str], forward: list[float], backward: list[float]) -> None:
    for lengths, color, shift, label in (
        (forward, VALUE_COLOR, -0.2, "forward"),
        (backward, GRADIENT_COLOR, 0.2, "backward"),
    ):
        places = [place + shift for place in range(len(names))]
        axes.barh(places, lengths, height=0.38, color=color, label=label)
        for place, length in zip(places, lengths, strict=True):
            text = f" {length:.2g}" if length < 100 else f" {length:.0f}"
            axes.text(length, place, text, va="center", fontsize=13, color=color, weight="bold")
    axes.set_yticks(range(len(names)), names)
    axes.set_xlim(0, 1.18 * max(*forward, *backward))
    axes.invert_yaxis() if not axes.yaxis_inverted() else None
    axes.grid(visible=False, axis="y")


def _describe(batch: int, costs: tuple[Cost, ...], forward: float, backward: float) -> str:
    counted = [sum(getattr(cost, f"{way}_products") for cost in costs) for way in ("forward", "backward")]
    return (
        f"Bars for the {len(costs)} modules of a network at a batch of {batch}. Counted: {counted[0]:,} "
        f"multiplications "
        f"forward, {counted[1]:,} backward, {counted[1] / counted[0]:.2f} times as many. Measured: "
        f"{rounded(forward)} ms "
        f"forward, {rounded(backward)} ms backward, {backward / forward:.1f} times as long. Linear modules "
        f"take most of both."
    )
