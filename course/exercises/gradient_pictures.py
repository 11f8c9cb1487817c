"""Pictures of a student's gradient check at work, for assignment 04.

They show how exact it is, and where right ends and wrong begins.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from course.checking.deadline import DeadlineError, deadline
from course.device import device, generator
from course.module import Module

if TYPE_CHECKING:
    from course.figure import Figure

SECONDS = 5.0
"""Time for a picture's calls of a student's function, which take milliseconds when it is right."""


def error_curve(numerical_gradient: Callable[..., Tensor]) -> "Figure":
    """Draw the error of a numerical gradient of Σ sin(x) against its step ε."""
    steps, x = np.logspace(-13, 0, 53), _point()
    largest = torch.cos(x).abs().max()

    def error(step: float) -> float:
        numeric = torch.as_tensor(numerical_gradient(lambda moved: torch.sin(moved).sum(), x.clone(), step))
        return float((numeric - torch.cos(x)).abs().max() / largest)

    errors, problem = _try_all(error, steps)
    best = "" if problem else f"; it is smallest at ε = {steps[np.nanargmin(errors)]:.0e}"
    alt = f"The relative error of your numerical gradient against the step ε{best}."
    return _draw(
        steps,
        np.maximum(errors, 1e-14),
        problem,
        alt,
        "your numerical gradient of Σ sin(x)",
        "step ε",
        "relative error",
    )


def distance_curve(relative_error: Callable[..., Any]) -> "Figure":
    """Draw the relative error of two arrays against how far one number of the second is off.

    The distance is in parts of the largest number.
    """
    parts, a = np.logspace(-12, 0, 49), torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64, device=device())

    def error(part: float) -> float:
        return float(relative_error(a, a + torch.tensor([0, 0, -2 * part], dtype=a.dtype, device=a.device)))

    errors, problem = _try_all(error, parts)
    alt = (
        "What your relative error says of two arrays, against how far they are apart: a straight line "
        "where it is right."
    )
    return _draw(
        parts,
        errors,
        problem,
        alt,
        "your relative error",
        "how far apart, in parts of the largest number",
        "it says",
    )


def verdict_curve(check_gradient: Callable[..., Any]) -> "Figure":
    """Draw what a gradient check says of gradients that are too large by a smaller and smaller part."""
    parts, x = np.logspace(-12, 0, 24), _point()

    def verdict(part: float) -> float:
        return float(check_gradient(_TooLarge(part), x.clone()))

    verdicts, problem = _try_all(verdict, parts)
    turn = [f"{part:.0e}" for part, passed in zip(parts, verdicts, strict=True) if not passed]
    alt = (
        f"True or False against how much too large a gradient is; the first False at "
        f"{turn[0] if turn else 'no point'}."
    )
    return _draw(
        parts,
        verdicts,
        problem,
        alt,
        "your check of a gradient that is too large",
        "too large by this part",
        "",
    )


class _TooLarge(Module):
    """A sine whose gradient is too large by a part of itself."""

    def __init__(self, part: float) -> None:
        self.part = part

    def forward(self, x: Tensor) -> Tensor:
        self.save(x=x)
        return torch.sin(x)

    def backward(self, grad_output: Tensor) -> Tensor:
        return (1 + self.part) * grad_output * torch.cos(self.saved["x"])


def _point() -> Tensor:
    return torch.randn(4, dtype=torch.float64, generator=generator(0), device=device())


def _try_all(run: Callable[[float], float], points: Sequence[float] | np.ndarray) -> tuple[np.ndarray, str]:
    """run(point) for each point; nothing but nan where it fails, and why."""
    try:
        with deadline(SECONDS):
            return np.array([run(float(point)) for point in points]), ""
    except NotImplementedError:
        problem = "not written yet"
    except DeadlineError:
        problem = "it takes too long"
    except (Exception, SystemExit) as error:
        problem = f"it raised {type(error).__name__}"
    return np.full(len(points), np.nan), problem


def _draw(
    x: np.ndarray, y: np.ndarray, problem: str, alt: str, title: str, x_label: str, y_label: str
) -> "Figure":
    """One curve over a logarithmic axis; truth values where y has no label."""
    from matplotlib import rc_context  # matplotlib takes a while to import, and grading draws nothing

    from course.figure import STYLE, VALUE_COLOR, Figure

    with rc_context(STYLE):
        figure = Figure(f"Empty: {problem}." if problem else alt, width=8, height=3.6 if y_label else 2.4)
        axes = figure.subplots()
        axes.set(xscale="log", xlim=(x[0], x[-1]))
        if y_label:
            axes.plot(x, y, color=VALUE_COLOR)
            axes.set(yscale="log", ylim=(1e-14, 10))
            axes.set_ylabel(y_label)
        else:
            axes.plot(x, y, "o", color=VALUE_COLOR)
            axes.set(ylim=(-0.5, 1.5))
            axes.set_yticks([0, 1], ["False", "True"])
        axes.set_xlabel(x_label)
        axes.set_title(f"{title}: {problem}" if problem else title)
    return figure
