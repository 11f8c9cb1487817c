"""The sigmoid and its slope (1 − σ)σ, with one point marked on both."""

import torch
from matplotlib import rc_context

from course.device import tensor
from course.figure import GRADIENT_COLOR, NEUTRAL_COLOR, STYLE, VALUE_COLOR, Figure
from course.figures._slope import value_and_slope
from course.figures.registry import figure
from course.modules import Sigmoid


@figure(lecture=3)
def sigmoid_slope(at: float = 0.0, reach: float = 6.0) -> Figure:
    """Draw σ(s) above its derivative, both computed by the library's Sigmoid, and mark the point `at`.

    Args:
        at: the s that is marked.
        reach: the curves run from −reach to reach.
    """
    grid = torch.linspace(-reach, reach, 241, device=tensor(0.0).device)
    sigma, slope = value_and_slope(Sigmoid(), grid)
    (value,), (steepness,) = (t.tolist() for t in value_and_slope(Sigmoid(), tensor([at])))
    with rc_context(STYLE):
        figure = Figure(
            f"Two curves over s from −{reach:g} to {reach:g}. The sigmoid climbs from 0 to 1 in the shape of "
            f"an S; its slope "
            f"is a bell, a quarter at s = 0 and close to 0 at both ends. At s = {at:g} the sigmoid is "
            f"{value:.3f}, its slope "
            f"{steepness:.3f}.",
            width=9.5, height=4.2,
        )  # fmt: skip
        top, bottom = figure.subplots(2, 1, sharex=True)
        for axes, curve, point, color, label, offset in (
            (top, sigma, value, VALUE_COLOR, "σ(s)", -16),
            (bottom, slope, steepness, GRADIENT_COLOR, "(1 − σ)·σ", 6 if at >= 0 else -16),
        ):
            axes.plot(grid.cpu(), curve.cpu(), color=color)
            axes.plot([at], [point], "o", color=color, ms=10)
            axes.annotate(
                f"{point:.3f}",
                (at, point),
                xytext=(10, offset),
                textcoords="offset points",
                color=color,
                weight="bold",
            )
            axes.axvline(at, color=NEUTRAL_COLOR, linewidth=1, linestyle=":")
            axes.set_ylabel(label)
        top.set_yticks([0, 0.5, 1])
        bottom.set_yticks([0, 0.25])
        bottom.set_ylim(-0.02, 0.3)
        bottom.set_xlabel("s, the weighted sum")
    return figure
