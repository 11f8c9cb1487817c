"""Backpropagation through a cascade of two modules and a loss, over two epochs.

Every number is shown as it is computed and stored.
"""

from dataclasses import dataclass
from typing import Any

import torch
from matplotlib import rc_context
from matplotlib.axes import Axes
from torch import Tensor

from course.containers.graph import Graph
from course.device import tensor
from course.figure import GRADIENT_COLOR, NEUTRAL_COLOR, STYLE, VALUE_COLOR, Figure
from course.figures.registry import figure
from course.modules import EuclideanLoss, Multiply, Sigmoid
from course.widgets import Slider

X1, Y, THETA1, THETA2 = 1.5, 0.9, 0.8, -0.6
"""The one example, its target, and the parameters before the first epoch."""
STEPS = 9
"""In each epoch: three values, five gradients, one update of both parameters."""
PLACES = {"h1": 6.4, "h2": 14.6, "loss": 22.8}
NAMES = {"h1": "σ(θ₁x₁)", "h2": "σ(θ₂x₂)", "loss": "½‖y − x₃‖²"}


@dataclass(frozen=True)
class Stored:
    """One number that a step computes: its name, its place, how it was computed, whether it is a gradient."""

    name: str
    value: float
    at: str
    formula: str
    gradient: bool = False


@figure(lecture=5, live={"step": (0, 18), "learning_rate": Slider(0.1, 40.0, log=True)})
def two_epochs(step: int = 18, learning_rate: float = 4.0) -> Figure:
    """Draw a₁ = σ(θ₁x₁), a₂ = σ(θ₂x₂), L = ½‖y − x₃‖² in epochs t and t + 1.

    The picture shows all that is stored after so many steps.

    Args:
        step: how many of the 18 steps are done; 0 shows only what is given.
        learning_rate: η in θ ← θ − η ∂L/∂θ.

    Raises:
        ValueError: a step that does not exist, or a learning rate that is not positive.
    """
    if not 0 <= step <= 2 * STEPS or learning_rate <= 0:
        raise ValueError(
            f"step={step}, learning_rate={learning_rate}: choose 0 to {2 * STEPS} steps and a rate above 0"
        )
    epochs = cascade_epochs(learning_rate)
    done = [epochs[0][: _count(step)], epochs[1][: _count(step - STEPS)]]
    sentence = _sentence(done, step)
    with rc_context({**STYLE, "axes.grid": False}):
        figure = Figure(_describe(done, step, sentence), width=12.6, height=6.0)
        figure.set_layout_engine("none")
        figure.suptitle(sentence, fontsize=17, y=0.965)
        axes = figure.add_axes((0, 0, 1, 0.9))
        axes.axis("off")
        axes.set(xlim=(0, 29.4), ylim=(13.0, 0))
        axes.plot([0.4, 29.0], [6.5, 6.5], color="#CCCCCC", linewidth=1.5)
        theta: tuple[float, ...] | None = (THETA1, THETA2)
        for row, (title, stored) in enumerate(zip(("epoch t", "epoch t + 1"), done, strict=True)):
            newest = STEPS * row < step <= STEPS * (row + 1)
            _draw_epoch(axes, 3.3 + 6.5 * row, title, theta, stored, newest)
            theta = tuple(entry.value for entry in stored[-2:]) if len(stored) > STEPS else None
    return figure


def _count(step: int) -> int:
    """How many numbers of an epoch are there after so many of its steps: the last step updates two."""
    return 0 if step <= 0 else step if step < STEPS else STEPS + 1


def cascade() -> Graph:
    """The cascade as a graph; θ₁ and θ₂ are inputs of it, so that their gradients come back too."""
    graph = Graph("x1", "θ1", "θ2", "y")
    graph.add("p1", Multiply(), "θ1", "x1")
    graph.add("a1", Sigmoid(), "p1")
    graph.add("p2", Multiply(), "θ2", "a1")
    graph.add("a2", Sigmoid(), "p2")
    graph.add("L", EuclideanLoss(), "a2", "y")
    return graph


def cascade_epochs(learning_rate: float) -> list[list[Stored]]:
    """What is computed in each epoch, in order, by the graph's own forward and backward.

    An update is the last two numbers.
    """
    theta, epochs = [THETA1, THETA2], []
    for _ in range(2):
        graph = cascade()
        loss = graph(*(_one(number) for number in (X1, *theta, Y)))
        graph.backward(torch.ones_like(loss))
        values, grads = (
            {name: float(number) for name, number in held.items()} for held in (graph.values, graph.grads)
        )
        epochs.append(_stored(values, grads, learning_rate))
        theta = [theta[0] - learning_rate * grads["θ1"], theta[1] - learning_rate * grads["θ2"]]
    return epochs


def _one(number: float) -> Tensor:
    """A batch of one example with one feature."""
    return tensor([[number]], torch.float64)


def _stored(v: dict[str, float], g: dict[str, float], rate: float) -> list[Stored]:
    x1, x2, x3, t1, t2 = (f"{v[name]:.3f}" for name in ("x1", "a1", "a2", "θ1", "θ2"))
    into3, into2 = f"({g['a2']:.4f})", f"({g['a1']:.4f})"
    slope1, slope2 = f"{x2}(1 − {x2})", f"{x3}(1 − {x3})"
    new1, new2 = v["θ1"] - rate * g["θ1"], v["θ2"] - rate * g["θ2"]
    return [
        Stored("a₁ = x₂", v["a1"], "h1", f"σ(θ₁x₁) = σ({t1} · {x1})"),
        Stored("a₂ = x₃", v["a2"], "h2", f"σ(θ₂x₂) = σ({t2} · {x2})"),
        Stored("L", v["L"], "loss", f"½(y − x₃)² = ½({v['y']:.3f} − {x3})²"),
        Stored("∂L/∂x₃", g["a2"], "loss", f"−(y − x₃) = −({v['y']:.3f} − {x3})", True),
        Stored("∂L/∂θ₂", g["θ2"], "h2", f"∂L/∂a₂ · x₂ · a₂(1 − a₂) = {into3} · {x2} · {slope2}", True),
        Stored("∂L/∂x₂", g["a1"], "h2", f"∂L/∂a₂ · θ₂ · a₂(1 − a₂) = {into3} · ({t2}) · {slope2}", True),
        Stored("∂L/∂θ₁", g["θ1"], "h1", f"∂L/∂a₁ · x₁ · a₁(1 − a₁) = {into2} · {x1} · {slope1}", True),
        Stored("∂L/∂x₁", g["x1"], "h1", f"∂L/∂a₁ · θ₁ · a₁(1 − a₁) = {into2} · ({t1}) · {slope1}", True),
        Stored("θ₁", new1, "h1", f"θ₁ − η ∂L/∂θ₁ = {t1} − {rate:.3g} · ({g['θ1']:.4f})"),
        Stored("θ₂", new2, "h2", f"θ₂ − η ∂L/∂θ₂ = {t2} − {rate:.3g} · ({g['θ2']:.4f})"),
    ]


def _sentence(done: list[list[Stored]], step: int) -> str:
    """The newest step in a line: what is computed, from what, and how much it is."""
    if step == 0:
        return f"given: x₁ = {X1:g}, y = {Y:g}, θ₁ = {THETA1:g}, θ₂ = {THETA2:g}".replace("-", "−")
    stored = done[0] if step <= STEPS else done[1]
    if len(stored) > STEPS:
        return ",   ".join(
            f"{entry.name} ← {entry.formula} = {entry.value:.3f}" for entry in stored[-2:]
        ).replace("-", "−")
    entry = stored[-1]
    return f"{entry.name} = {entry.formula} = {entry.value:.4f}".replace("-", "−")


def _draw_epoch(
    axes: Axes, middle: float, title: str, theta: tuple[float, ...] | None, stored: list[Stored], newest: bool
) -> None:
    """One epoch: the modules, what is given, and the numbers stored so far, the newest of them lit."""
    held = {entry.name: entry for entry in stored[: STEPS - 1]}
    latest = (stored[-2:] if len(stored) > STEPS else stored[-1:]) if newest else []
    lit, places = {entry.name for entry in latest}, {entry.at for entry in latest}
    axes.text(0.4, middle - 2.75, title, fontsize=17, weight="bold", va="center")
    for start, end in ((0.4, 4.6), (8.2, 12.8), (16.4, 20.4), (25.2, 29.0)):
        axes.annotate(
            "",
            (end, middle),
            (start, middle),
            arrowprops={"arrowstyle": "->", "color": NEUTRAL_COLOR, "lw": 1.8},
        )
    axes.annotate(
        "",
        (PLACES["loss"], middle - 0.95),
        (PLACES["loss"], middle - 1.75),
        arrowprops={"arrowstyle": "->", "color": NEUTRAL_COLOR, "lw": 1.8},
    )
    for place, x in PLACES.items():
        face = "#FFF3B0" if place in places else "white"
        box = {"boxstyle": "round,pad=0.8", "facecolor": face, "edgecolor": NEUTRAL_COLOR, "linewidth": 1.6}
        axes.text(x, middle, NAMES[place], fontsize=18, ha="center", va="center", bbox=box, zorder=3)
    _say(axes, 2.3, middle - 0.2, f"x₁\n{X1:.1f}")
    _say(axes, PLACES["loss"], middle - 1.95, f"y = {Y:.1f}")
    for name, x in (("a₁ = x₂", 10.5), ("a₂ = x₃", 18.4), ("L", 27.1)):
        if name in held:
            _say(axes, x, middle - 0.2, f"{name}\n{held[name].value:.3f}", lit=name in lit)
    slopes = (("∂L/∂x₁", 2.3, 0.2), ("∂L/∂x₂", 10.5, 0.2), ("∂L/∂x₃", 18.4, 0.2))
    for name, x, below in (*slopes, ("∂L/∂θ₁", PLACES["h1"], 0.95), ("∂L/∂θ₂", PLACES["h2"], 0.95)):
        if name in held:
            _say(axes, x, middle + below, f"{name}\n{held[name].value:.4f}", gradient=True, lit=name in lit)
    for index, (name, place) in enumerate((("θ₁", "h1"), ("θ₂", "h2"))):
        if theta is not None:
            _say(axes, PLACES[place], middle - 1.2, f"{name} = {theta[index]:.3g}")
        if len(stored) > STEPS:
            _say(
                axes,
                PLACES[place],
                middle + 3.05,
                f"{name} ← {stored[STEPS - 1 + index].value:.3f}",
                lit=name in lit,
            )


def _say(axes: Axes, x: float, y: float, text: str, *, gradient: bool = False, lit: bool = False) -> None:
    """A name and its number: a value above y in blue, a gradient below it in rust; the newest ones lit."""
    paper = {"facecolor": "#FFF3B0", "edgecolor": "none", "pad": 2.5, "alpha": float(lit)}
    style: dict[str, Any] = {"color": VALUE_COLOR, "va": "bottom"}
    if gradient:
        style = {"color": GRADIENT_COLOR, "va": "top", "style": "italic"}
    axes.text(x, y, _text(text), ha="center", fontsize=16, weight="bold", bbox=paper, zorder=2, **style)


def _text(text: str) -> str:
    return text.replace("-", "−")


def _describe(done: list[list[Stored]], step: int, sentence: str) -> str:
    first, second = (
        ", ".join(f"{entry.name} {entry.value:.4f}" for entry in stored) or "nothing yet" for stored in done
    )
    return (
        "Two rows, epoch t and epoch t + 1, each a cascade of σ(θ₁x₁), σ(θ₂x₂) and a loss, with values above "
        "the edges and "
        f"gradients below. After step {step} of {2 * STEPS}: {sentence}. Stored in epoch t: {first}; in "
        f"epoch t + 1: {second}."
    )
