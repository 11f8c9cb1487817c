"""Sigmoid and cross-entropy joined or apart, in single precision: where a wrong answer's gradient is lost."""

import math
from dataclasses import dataclass

import torch
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from torch import Tensor

from course.device import device
from course.figure import NEUTRAL_COLOR, PALETTE, STYLE, Figure
from course.figures.gate_patterns import show
from course.figures.registry import figure
from course.modules import BCELoss, BCEWithLogitsLoss, Sigmoid

LOW, HIGH, POINTS = 0.0, 30.0, 121
WAYS = {
    "joined": (PALETTE[2], "-", "joined: BCEWithLogitsLoss"),
    "bounded": (PALETTE[0], (0, (5, 1.5)), "Sigmoid, then BCELoss"),
    "as written": (PALETTE[1], (0, (1.5, 1)), "−log(1 − σ(s)) as written"),
}


@dataclass(frozen=True)
class Way:
    """The loss of each score and ∂L/∂s, in single precision; NaN or infinite where arithmetic gives out."""

    loss: list[float]
    gradient: list[float]

    def lost(self, scores: list[float]) -> float | None:
        """The first score whose gradient is far from right: no number, or 0."""
        wrong = (s for s, grad in zip(scores, self.gradient, strict=True) if math.isnan(grad) or grad == 0)
        return next(wrong, None)


@figure(lecture=7, live={"drag": "at", "at": (0.0, 30.0)})
def joined_or_apart(at: float = 20.0) -> Figure:
    """Draw loss and gradient over the score of an answer that should be no, computed in three ways.

    Args:
        at: the score that is marked, from 0 to 30.

    Raises:
        ValueError: the score is not in the picture.
    """
    if not LOW <= at <= HIGH:
        raise ValueError(f"at={at} is outside of the picture: choose a score from {LOW:g} to {HIGH:g}")
    scores = torch.linspace(LOW, HIGH, POINTS, device=device())
    ways, marks = by_each_way(scores), by_each_way(torch.tensor([at], device=device()))
    lost = {name: way.lost(scores.tolist()) for name, way in ways.items()}
    with rc_context(STYLE):
        figure = Figure(_describe(at, marks, lost), width=12.2, height=5.4)
        figure.set_layout_engine("none")  # the axes stay where they are while the point is dragged
        places = {"left": 0.06, "right": 0.985, "top": 0.74, "bottom": 0.13, "wspace": 0.16}
        left, right = figure.subplots(1, 2, gridspec_kw=places)
        _draw(
            left,
            scores,
            {name: way.loss for name, way in ways.items()},
            at,
            {n: m.loss[0] for n, m in marks.items()},
        )
        _draw(
            right,
            scores,
            {n: w.gradient for n, w in ways.items()},
            at,
            {n: m.gradient[0] for n, m in marks.items()},
        )
        left.set(ylim=(-4, 112), yticks=[0, 25, 50, 75, 100], title="loss")
        right.set(
            ylim=(-0.08, 1.25), yticks=[0, 0.5, 1], title="gradient ∂L/∂s: what the network learns from"
        )
        gone = lost["bounded"]
        where = f"the others from s = {show(gone)} on learn nothing" if gone is not None else ""
        figure.text(
            0.985, 0.9, f"Joined, the gradient is right;\n{where}", ha="right", va="center", fontsize=17
        )
        for place, (name, (color, line, label)) in enumerate(WAYS.items()):
            text = f"{label}: {_said(marks[name].loss[0])}, gradient {_said(marks[name].gradient[0])}"
            y = 0.965 - 0.052 * place
            figure.add_artist(Line2D((0.062, 0.1), (y, y), color=color, linestyle=line, linewidth=3))
            figure.text(0.11, y, text, color=color, va="center", weight="bold", fontsize=14)
    return figure


def by_each_way(scores: Tensor) -> dict[str, Way]:
    """Loss and gradient of each score, where the true answer is no (y = 0)."""
    target, ones = torch.zeros_like(scores), torch.ones_like(scores)
    joined, squash, bounded = BCEWithLogitsLoss(reduction="none"), Sigmoid(), BCELoss(reduction="none")
    pairs = {"joined": (joined(scores, target), joined.backward(ones)[0])}
    pairs["bounded"] = bounded(squash(scores), target), squash.backward(bounded.backward(ones)[0])
    p = squash(scores)
    pairs["as written"] = -(1 - p).log(), squash.backward(1 / (1 - p))  # ∂(−log(1 − p))/∂p = 1/(1 − p)
    return {name: Way(loss.tolist(), grad.tolist()) for name, (loss, grad) in pairs.items()}


def _draw(
    axes: Axes, scores: Tensor, curves: dict[str, list[float]], at: float, marks: dict[str, float]
) -> None:
    axes.axvline(at, color=NEUTRAL_COLOR, linewidth=1.2, linestyle=":")
    for name, numbers in curves.items():
        color, line, _ = WAYS[name]
        wide = 5 if name == "joined" else 2.8
        axes.plot(
            scores.tolist(),
            numbers,
            color=color,
            linestyle=line,
            linewidth=wide,
            alpha=0.55 if name == "joined" else 1,
        )
        last = max(i for i, number in enumerate(numbers) if math.isfinite(number))
        if last < len(numbers) - 1:
            axes.plot(scores[last].item(), numbers[last], "X", color=color, ms=14, mec="white", zorder=6)
        if math.isfinite(marks[name]):
            axes.plot([at], [marks[name]], "o", color=color, ms=10, zorder=5)
    axes.set(xlim=(LOW, HIGH), xlabel="score s, where the answer is no (y = 0)")


def _said(number: float) -> str:
    return "NaN" if math.isnan(number) else "∞" if math.isinf(number) else show(number)


def _describe(at: float, marks: dict[str, Way], lost: dict[str, float | None]) -> str:
    listed = "; ".join(
        f"{WAYS[name][2]}: loss {_said(way.loss[0])}, gradient {_said(way.gradient[0])}"
        for name, way in marks.items()
    )
    gone = " and ".join(
        f"{show(score)} ({WAYS[name][2]})" for name, score in lost.items() if score is not None
    )
    return (
        f"Loss and gradient over the score, from {LOW:g} to {HIGH:g}, of an answer that should be no, "
        f"computed in three ways "
        f"in single precision. At {show(at)}, {listed}. The gradient is lost from the scores {gone} on; "
        f"crosses mark where a "
        "curve ends."
    )
