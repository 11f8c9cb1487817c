"""Loss contours: three losses of the same unit on the same data, and where gradient descent goes on each."""

import functools

import numpy as np
import torch
from matplotlib import rc_context
from matplotlib.axes import Axes
from torch import Tensor

from course import Parameter
from course.data import Dataset, iris
from course.device import tensor
from course.figure import GRADIENT_COLOR, PALETTE, STYLE, Figure
from course.figures._contours import Window, draw_contours, lattice
from course.figures.registry import figure
from course.modules import BCEWithLogitsLoss, EuclideanLoss, HingeLoss, Linear, Sigmoid
from course.optim import SGD
from course.widgets import Slider

WINDOW: Window = (-6.0, 6.0, -6.0, 6.0)
LOSSES = {
    "Euclidean": "½(y − σ(s))²",
    "cross-entropy": "−y log σ(s) − (1 − y) log(1 − σ(s))",
    "hinge": "max(0, 1 − s) or max(0, 1 + s)",
}


@figure(
    lecture=7,
    live={
        "drag": "weight",
        "weight": (-6.0, 6.0),
        "bias": (-6.0, 6.0),
        "learning_rate": Slider(0.05, 10, log=True),
        "steps": (1, 100),
    },
)
def loss_contours(
    weight: float = -4.5, bias: float = 4.0, learning_rate: float = 1.0, steps: int = 40
) -> Figure:
    """Draw three losses over weight and bias of s = wx + b, and gradient descent on each from the same start.

    The unit tells two species of iris apart by the length of their sepals.

    Args:
        weight, bias: where gradient descent starts.
        learning_rate: of SGD on all examples.
        steps: how many it takes.
    """
    ways = {kind: descend(kind, (weight, bias), learning_rate, steps) for kind in LOSSES}
    right = {kind: accuracy(way[-1]) for kind, way in ways.items()}
    with rc_context(STYLE):
        figure = Figure(_describe(ways, right, learning_rate), width=12.5, height=4.9)
        listed = ", ".join(f"{kind} {share:.0%}" for kind, share in right.items())
        figure.suptitle(f"Flowers told apart after {steps} step{'s' * (steps > 1)} down each loss: {listed}")
        for axes, (kind, way) in zip(figure.subplots(1, 3, sharey=True), ways.items(), strict=True):
            draw_contours(axes, WINDOW, heights(kind))
            _draw_way(axes, way)
            axes.set_title(f"{kind}\n{LOSSES[kind]}", fontsize=13)
            axes.set_xlabel("weight w of s = wx + b")
            axes.set_xticks(range(-4, 5, 2))
        figure.axes[0].set_ylabel("bias b")
    return figure


@functools.cache
def flowers() -> Dataset:
    """100 irises of two species, by the standardized length of their sepals."""
    data = iris(dtype=torch.float64).only("sepal length")
    return data[data.targets > 0].standardize()


def losses_and_gradients(kind: str, points: Tensor) -> tuple[Tensor, Tensor]:
    """The mean loss and its gradient at each row (w, b), by one Linear module with an output for each row."""
    data = flowers()
    y, count = (data.targets == 2).to(points.dtype)[:, None].expand(-1, len(points)), len(data)
    lines = Linear(1, len(points)).to(dtype=points.dtype)
    lines.load_state_dict({"weight": points[:, :1], "bias": points[:, 1]})
    scores = lines(data.inputs)
    if kind == "Euclidean":
        unit, loss = Sigmoid(), EuclideanLoss()
        value = loss(unit(scores).T, y.T)  # a row for each (w, b): its sum runs over the examples
        grad, _ = loss.backward(torch.full_like(value, 1 / count))
        grad, value = unit.backward(grad.T), value / count
    else:
        loss = BCEWithLogitsLoss(reduction="none") if kind == "cross-entropy" else HingeLoss(reduction="none")
        each = loss(scores, y if kind == "cross-entropy" else 2 * y - 1)
        grad, _ = loss.backward(torch.full_like(each, 1 / count))
        value = each.mean(dim=0)
    lines.backward(grad)
    return value, torch.cat([parameter.grad.reshape(-1, 1) for parameter in lines.parameters()], dim=1)


def descend(kind: str, start: tuple[float, float], learning_rate: float, steps: int) -> np.ndarray:
    """Where (w, b) is before the first step of SGD and after each."""
    theta = Parameter(tensor([start], torch.float64))
    optimizer, way = SGD([theta], lr=learning_rate), [list(start)]
    for _ in range(steps):
        _, theta.grad = losses_and_gradients(kind, theta.value)
        optimizer.step()
        way.append(theta.value[0].tolist())
    return np.array(way)


@functools.cache
def heights(kind: str) -> np.ndarray:
    """The loss on a lattice over the window."""
    across, up = lattice(WINDOW)
    points = tensor(np.stack([across.ravel(), up.ravel()], axis=1))
    return losses_and_gradients(kind, points)[0].reshape(across.shape).cpu().numpy()


def accuracy(point: np.ndarray) -> float:
    """The share of flowers on the right side of wx + b = 0."""
    score = float(point[0]) * flowers().inputs[:, 0] + float(point[1])
    return ((score > 0) == (flowers().targets == 2)).double().mean().item()


def _draw_way(axes: Axes, way: np.ndarray) -> None:
    axes.plot(*way.T, "o-", ms=4.5, color=GRADIENT_COLOR, linewidth=1.8, zorder=3)
    axes.plot(*way[0], "o", ms=13, mfc="white", mec="black", mew=2, zorder=4)
    axes.plot(*way[-1], "D", ms=10, color=PALETTE[4], mec="black", zorder=5)


def _describe(ways: dict[str, np.ndarray], right: dict[str, float], learning_rate: float) -> str:
    start = next(iter(ways.values()))[0]
    listed = "; ".join(
        f"{kind} comes to ({way[-1, 0]:.2f}, {way[-1, 1]:.2f}), {right[kind]:.0%} right"
        for kind, way in ways.items()
    )
    return (
        "Contours of three losses over weight and bias of a unit that tells two irises apart, and gradient "
        "descent from "
        f"({start[0]:g}, {start[1]:g}) with learning rate {learning_rate:g}: {listed}. The Euclidean loss "
        f"has flat corners far "
        "from its valley, cross-entropy and hinge slope everywhere outside of theirs."
    )
