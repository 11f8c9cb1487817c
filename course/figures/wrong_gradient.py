"""Where a wrong backward is wrong: its gradient minus the numeric one, and what the mistake is called."""

import numpy as np
import torch
from matplotlib import rc_context

from course.checking.report import Report
from course.checks import check_module
from course.device import device, generator
from course.figure import NEUTRAL_COLOR, STYLE, Figure
from course.figures._matrix import canvas, draw_matrix
from course.figures.broken_linear import MISTAKES, BrokenLinear
from course.figures.registry import figure

BATCH, FEATURES, CELL = 3, 4, 1.15
AXES = {"weight": ("out", "in"), "x": ("row", "in"), "bias": ("", "out")}
"""What rows and columns of each gradient count, from 0 as in Python."""


@figure(lecture=9, live={"mistake": list(MISTAKES)})
def wrong_gradient(mistake: str = "mean over the batch", seed: int = 0) -> Figure:
    """Break a Linear's backward, check it, and draw the wrong gradient, the numeric one and their difference.

    Args:
        mistake: what the programmer did, one of MISTAKES.
        seed: of the input and the weight.
    """
    report = check_broken(mistake, seed)
    name = (*report.wrong, "weight")[0]
    given, numeric = (np.atleast_2d(np.asarray(grads[name])) for grads in (report.analytic, report.numeric))
    diagnosis = report.mistakes.get(f"∂L/∂{name}")
    title = (
        f"diagnosis: {diagnosis.name}"
        if diagnosis
        else "no mistake: backward agrees with the numeric gradient"
    )
    largest = float(np.abs(numeric).max())
    with rc_context(STYLE):
        figure, axes = canvas(_describe(title, report, name, given, numeric), 19, 9.2)
        axes.text(9.5, 0.65, title, fontsize=20, weight="bold", ha="center", va="center")
        axes.text(
            9.5,
            1.5,
            diagnosis.what if diagnosis else "",
            fontsize=15,
            ha="center",
            va="center",
            color=NEUTRAL_COLOR,
        )
        top = 3.4 + (FEATURES - len(given)) * CELL / 2
        for left, numbers, words in (
            (1.8, given, f"backward: ∂L/∂{name}"),
            (7.9, numeric, "numeric"),
            (14.0, given - numeric, "difference"),
        ):
            axes.text(left + FEATURES * CELL / 2, top - 0.65, words, fontsize=16, ha="center", va="bottom")
            draw_matrix(axes, numbers, left, top, cell=CELL, largest=largest, fontsize=15)
            for column in range(FEATURES):
                text = f"{AXES[name][1]} {column}"
                axes.text(
                    left + (column + 0.5) * CELL,
                    top - 0.1,
                    text,
                    ha="center",
                    va="bottom",
                    color=NEUTRAL_COLOR,
                )
        for row in range(len(given) if AXES[name][0] else 0):
            text = f"{AXES[name][0]} {row}"
            axes.text(1.7, top + (row + 0.5) * CELL, text, ha="right", va="center", color=NEUTRAL_COLOR)
        for left, sign in ((7.15, "−"), (13.25, "=")):
            axes.text(left, top + CELL * len(given) / 2, sign, fontsize=28, ha="center", va="center")
        axes.text(9.5, 8.8, verdicts(report), fontsize=16, ha="center", va="center")
    return figure


def check_broken(mistake: str, seed: int = 0) -> Report:
    """What the course's check says about a Linear with that mistake, all gradients measured number by number.

    Raises:
        ValueError: there is no mistake of that name.
    """
    if mistake not in MISTAKES:
        raise ValueError(f"no mistake is called '{mistake}': there are {', '.join(MISTAKES)}")
    rng = generator(seed)
    x = torch.randn(BATCH, FEATURES, generator=rng, device=device())
    return check_module(BrokenLinear(FEATURES, mistake, rng), (x,), thorough=True)


def verdicts(report: Report) -> str:
    """Which of the gradients are right, in words."""
    return "     ".join(f"∂L/∂{name} {'wrong ✗' if name in report.wrong else 'right ✓'}" for name in AXES)


def _describe(title: str, report: Report, name: str, given: np.ndarray, numeric: np.ndarray) -> str:
    off = np.abs(given - numeric)
    return (
        f"Three heat maps of ∂L/∂{name} of a Linear: what backward gave, the numeric gradient and their "
        f"difference, which is "
        f"not zero in {int((off > 1e-6).sum())} of {off.size} cells, at most {off.max():.2g}. Title: "
        f"{title}. "
        f"{verdicts(report)}."
    )
