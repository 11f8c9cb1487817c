"""The best constant answer under each loss, and what an outlier does.

The best answer is the mean for squares and the median for absolute errors.
"""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from matplotlib import rc_context
from matplotlib.axes import Axes
from torch import Tensor

from course.data import diabetes
from course.device import device, tensor
from course.figure import NEUTRAL_COLOR, PALETTE, STYLE, Figure, apart
from course.figures.registry import figure
from course.module import Module
from course.modules import HuberLoss, L1Loss, MSELoss

DELTA = 40.0
"""Huber's: errors of up to 40 points count squared."""
LOSSES: dict[str, tuple[Callable[..., Module], str, Any]] = {
    "squared": (MSELoss, PALETTE[1], "-"),
    "absolute": (L1Loss, PALETTE[0], (0, (5, 1.5))),
    "Huber": (functools.partial(HuberLoss, delta=DELTA), PALETTE[2], (0, (6, 1.5, 1, 1.5))),
}
"""By name: the loss, and how its curve looks."""
LOW, HIGH = 0.0, 350.0


@figure(lecture=7, live={"outlier": (0, 4000), "copies": (0, 100)})
def best_constant(outlier: int = 1500, copies: int = 10) -> Figure:
    """Draw three losses over one constant answer for all patients of `diabetes`.

    Also draw the constant that is best for each loss.

    Args:
        outlier: a score that was noted by mistake, beside the 442 true ones from 25 to 346.
        copies: how often it was noted.

    Raises:
        ValueError: a number below 0.
    """
    if min(outlier, copies) < 0:
        raise ValueError(f"outlier={outlier} with copies={copies}: scores and counts are at least 0")
    scores = answers(outlier, copies)
    best = {kind: minimizer(kind, scores) for kind in LOSSES}
    grid = np.linspace(LOW, HIGH, 141)
    with rc_context(STYLE):
        figure = Figure(_describe(best, outlier, copies), width=12.0, height=5.6)
        figure.set_layout_engine("none")  # the axes stay where they are while the sliders move
        places = {"left": 0.09, "right": 0.83, "top": 0.88, "bottom": 0.12, "hspace": 0.14}
        top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(1.9, 1), gridspec_kw=places)
        _draw_losses(top, grid, scores, best)
        bottom.hist(scores.clamp(LOW, HIGH).tolist(), bins=35, range=(LOW, HIGH), color="#9a9a9a")
        for kind, (_, color, _) in LOSSES.items():
            bottom.axvline(min(best[kind], HIGH), color=color, linewidth=2.6)
        bottom.set(
            xlim=(LOW, HIGH), ylabel="patients", xlabel="progression of the disease, and the constant answer"
        )
        for axes in (top, bottom):
            axes.yaxis.set_label_coords(-0.075, 0.5)
        if copies and outlier > HIGH:
            look = {"ha": "right", "va": "top", "color": NEUTRAL_COLOR, "fontsize": 13}
            bottom.text(0.985, 0.92, f"{copies} × {outlier:,} →", transform=bottom.transAxes, **look)
        listed = ", ".join(f"{kind} {best[kind]:.0f}" for kind in LOSSES)
        more = f" and {copies} × {outlier:,}" if copies else ""
        figure.suptitle(f"The best constant for 442 patients{more}: {listed}", fontsize=17)
    return figure


@functools.lru_cache(maxsize=8)
def _true_scores() -> Tensor:
    return diabetes(dtype=torch.float64).targets[:, 0]


def answers(outlier: float, copies: int) -> Tensor:
    """The patients' scores, and the one that was noted by mistake."""
    return torch.cat(
        [_true_scores(), torch.full((copies,), float(outlier), dtype=torch.float64, device=device())]
    )


def loss_and_slope(kind: str, constant: float, scores: Tensor) -> tuple[float, float]:
    """The mean loss of one constant answer, and its derivative: the sum of what arrives at all its copies."""
    loss = LOSSES[kind][0]()
    value = loss(torch.full_like(scores, constant), scores)
    return value.item(), loss.backward(tensor(1.0, torch.float64))[0].sum().item()


def minimizer(kind: str, scores: Tensor) -> float:
    """Where the slope turns from below 0 to above, by halving; of a flat stretch its middle."""
    ends = []
    for flat_counts_as_falling in (False, True):
        low, high = float(scores.min()) - 1, float(scores.max()) + 1
        for _ in range(60):
            middle = (low + high) / 2
            slope = loss_and_slope(kind, middle, scores)[1]
            falling = slope < -1e-12 or (flat_counts_as_falling and abs(slope) <= 1e-12)
            low, high = (middle, high) if falling else (low, middle)
        ends.append((low + high) / 2)
    return sum(ends) / 2


def _draw_losses(axes: Axes, grid: np.ndarray, scores: Tensor, best: dict[str, float]) -> None:
    curves = {}
    for kind, (_, color, line) in LOSSES.items():
        least = loss_and_slope(kind, best[kind], scores)[0]
        curves[kind] = [loss_and_slope(kind, constant, scores)[0] / least for constant in grid]
        axes.plot(grid, curves[kind], color=color, linestyle=line)
        if best[kind] <= HIGH:
            axes.plot(best[kind], 1, "o", color=color, ms=11, zorder=5)
    axes.set(ylim=(0.9, 2.5), ylabel="loss, its least is 1")
    ends = [min(curve[-1], 2.5) for curve in curves.values()]
    for (kind, (_, color, _)), height in zip(LOSSES.items(), apart(ends, 0.9, 2.5, room=0.14), strict=True):
        look = {"textcoords": "offset points", "va": "center", "annotation_clip": False, "weight": "bold"}
        axes.annotate(f"{kind}: {best[kind]:.1f}", (HIGH, height), (12, 0), color=color, **look)


def _describe(best: dict[str, float], outlier: int, copies: int) -> str:
    listed = ", ".join(f"{kind} {number:.1f}" for kind, number in best.items())
    more = f" and {copies} scores of {outlier}" if copies else ""
    return (
        f"Three losses over one constant answer for the progression scores of 442 patients{more}, above a "
        f"histogram of them. "
        f"Least at: {listed}. The squared loss is least at the mean, the absolute one at the median."
    )
