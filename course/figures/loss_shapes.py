"""Losses of one number, above their gradients: how hard each pulls, near the target and far from it."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from matplotlib import rc_context
from matplotlib.axes import Axes
from torch import Tensor

from course.containers.chain import Chain
from course.device import device, tensor
from course.figure import NEUTRAL_COLOR, PALETTE, STYLE, Figure, apart
from course.figures.gate_patterns import show
from course.figures.registry import figure
from course.module import Module
from course.modules import BCEWithLogitsLoss, EuclideanLoss, HingeLoss, HuberLoss, L1Loss, Sigmoid

LINES = ("-", (0, (5, 1.5)), (0, (6, 1.5, 1, 1.5)))


@dataclass(frozen=True, kw_only=True)
class Task:
    """The losses that are compared, over one number that a network puts out."""

    losses: dict[str, tuple[Callable[[], Module], float, bool]]
    """By name: the loss, the target it is given, and whether a sigmoid stands before it."""
    low: float
    high: float
    start: float
    tallest: float
    label: str
    point: str


TASKS = {
    "a number": Task(
        losses={
            "Euclidean ½(y − x)²": (EuclideanLoss, 0.0, False),
            "absolute |x − y|": (lambda: L1Loss("none"), 0.0, False),
            "Huber, δ = 1": (lambda: HuberLoss("none"), 0.0, False),
        },
        low=-4.0,
        high=4.0,
        start=2.5,
        tallest=6.0,
        label="error x − y",
        point="The further off, the harder a square pulls; the others never pull harder than 1",
    ),
    "yes or no": Task(
        losses={
            "cross-entropy −log σ(s)": (lambda: BCEWithLogitsLoss(reduction="none"), 1.0, False),
            "hinge max(0, 1 − s)": (lambda: HingeLoss("none"), 1.0, False),
            "Euclidean ½(1 − σ(s))²": (EuclideanLoss, 1.0, True),
        },
        low=-8.0,
        high=5.0,
        start=-5.0,
        tallest=6.0,
        label="score s, where the answer is yes (y = 1)",
        point="Of a wrong answer that is sure of itself, the square of a sigmoid learns next to nothing",
    ),
}


@figure(lecture=7, live={"drag": "at", "at": (-8.0, 5.0), "task": list(TASKS)})
def loss_shapes(task: str = "yes or no", at: float = -5.0) -> Figure:
    """Draw the losses of a task above their gradients, and mark the point `at` on each.

    Args:
        task: one of TASKS: what the network is to put out.
        at: the output that is marked; drawn at the nearer end where it lies outside.

    Raises:
        ValueError: there is no such task.
    """
    if task not in TASKS:
        raise ValueError(f"there is no task '{task}': choose {' or '.join(TASKS)}")
    shown = TASKS[task]
    at = min(max(at, shown.low), shown.high)
    grid = torch.linspace(shown.low, shown.high, 601, dtype=torch.float64, device=device())
    curves = {name: value_and_gradient(task, name, grid) for name in shown.losses}
    points = {name: value_and_gradient(task, name, tensor([at], torch.float64)) for name in shown.losses}
    marks = {name: (value.item(), grad.item()) for name, (value, grad) in points.items()}
    with rc_context(STYLE):
        figure = Figure(_describe(shown, at, marks), width=11.8, height=6.0)
        figure.set_layout_engine("none")  # the axes stay where they are while the point is dragged
        places = {"left": 0.1, "right": 0.72, "top": 0.91, "bottom": 0.11, "hspace": 0.12}
        top, bottom = figure.subplots(2, 1, sharex=True, gridspec_kw=places)
        for row, (axes, label) in enumerate(((top, "loss"), (bottom, "gradient"))):
            axes.axhline(0, color=NEUTRAL_COLOR, linewidth=1)
            axes.axvline(at, color=NEUTRAL_COLOR, linewidth=1.2, linestyle=":")
            lowest = min(float(curve[row].min()) for curve in curves.values())
            highest = min(shown.tallest, max(float(curve[row].max()) for curve in curves.values()))
            axes.set(
                xlim=(shown.low, shown.high), ylim=(lowest - 0.15, highest + 0.15) if row else (-0.2, highest)
            )
            _draw(
                axes,
                grid,
                {name: curve[row] for name, curve in curves.items()},
                at,
                {n: m[row] for n, m in marks.items()},
            )
            axes.set_ylabel(label, fontsize=15)
            axes.yaxis.set_label_coords(-0.1, 0.5)
        bottom.set_xlabel(shown.label)
        figure.suptitle(shown.point, fontsize=16)
    return figure


def value_and_gradient(task: str, name: str, x: Tensor) -> tuple[Tensor, Tensor]:
    """The loss at each x, and its gradient there, through the sigmoid if there is one."""
    make, target, squashed = TASKS[task].losses[name]
    loss, before = make(), Chain(Sigmoid()) if squashed else None
    given = before(x) if before else x
    shape = (-1, 1) if isinstance(loss, EuclideanLoss) else (-1,)
    value = loss(given.reshape(shape), torch.full_like(x, target).reshape(shape))
    grad = loss.backward(torch.ones_like(value))[0].reshape(-1)
    return value.reshape(-1), before.backward(grad) if before else grad


def _draw(axes: Axes, grid: Tensor, curves: dict[str, Tensor], at: float, marks: dict[str, float]) -> None:
    low, high = axes.get_ylim()
    ends = [min(max(float(curve[-1]), low), high) for curve in curves.values()]
    heights = apart(ends, low, high, room=0.24)
    for place, ((name, curve), height) in enumerate(zip(curves.items(), heights, strict=True)):
        color, line = PALETTE[place], LINES[place]
        axes.plot(grid.tolist(), curve.tolist(), color=color, linestyle=line, linewidth=2.8)
        if low <= marks[name] <= high:
            axes.plot([at], [marks[name]], "o", color=color, ms=10, zorder=5, clip_on=False)
        text = f"{name}\nat {show(round(at, 2))}: {show(round(marks[name], 4))}"
        look = {
            "textcoords": "offset points",
            "va": "center",
            "annotation_clip": False,
            "weight": "bold",
            "fontsize": 13,
        }
        axes.annotate(text, (float(grid[-1]), height), (12, 0), color=color, **look)


def _describe(task: Task, at: float, marks: dict[str, tuple[float, float]]) -> str:
    listed = "; ".join(
        f"{name}: loss {show(value)}, gradient {show(grad)}" for name, (value, grad) in marks.items()
    )
    return (
        f"Curves of {len(marks)} losses over the {task.label}, from {show(task.low)} to {show(task.high)}, "
        f"above their "
        f"gradients. At {show(round(at, 2))}, {listed}. {task.point}."
    )
