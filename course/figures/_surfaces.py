"""Losses of two parameters, built from the library's modules, on which optimizers can be watched."""

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from course import Graph
from course.data import diabetes
from course.device import tensor
from course.figures._contours import Window, lattice
from course.modules import Add, EuclideanLoss, Linear, Multiply, Square, Subtract

SURFACES = ("bowl", "saddle", "valley", "regression", "regression, standardized")


@dataclass(frozen=True, kw_only=True)
class Surface:
    """A loss L(θ₁, θ₂): values and gradients at many points, the rows of a matrix, and what to draw of it."""

    about: str
    loss: Callable[[Tensor], Tensor]
    gradient: Callable[[Tensor], Tensor]
    window: Window
    start: tuple[float, float]
    lowest: tuple[float, float] | None
    """Where the minimum is; None if there is none."""
    names: tuple[str, str] = ("θ₁", "θ₂")

    def height(self, fineness: int = 90) -> np.ndarray:
        """The loss on a lattice over the window."""
        points = np.stack([side.ravel() for side in lattice(self.window, fineness)], axis=1)
        return self.loss(tensor(points)).reshape(fineness, fineness).cpu().numpy()


@functools.lru_cache(maxsize=64)
def surface(name: str, condition: float = 10.0) -> Surface:
    """A surface by its name.

    Args:
        name: one of `SURFACES`.
        condition: of the bowl: how much more it bends along θ₂ than along θ₁.

    Raises:
        ValueError: there is no such surface.
    """
    if name == "bowl":
        about = f"½θ₁² + ½·{condition:g}·θ₂²"
        return _of_graph(_bowl(condition), about, (-2.6, 2.6, -1.8, 1.8), (-2.3, 1.2), (0.0, 0.0))
    if name == "saddle":
        return _of_graph(_saddle(), "½θ₁² − ½θ₂²", (-2.6, 2.6, -1.8, 1.8), (-2.3, 0.02), None)
    if name == "valley":
        return _of_graph(
            _valley(), "¼(1 − θ₁)² + (θ₂ − θ₁²)²", (-2.0, 2.0, -1.0, 2.6), (-1.6, 1.4), (1.0, 1.0)
        )
    if name in SURFACES:
        return _regression(standardized=name != "regression")
    raise ValueError(f"there is no surface '{name}': choose {', '.join(SURFACES)}")


def _bowl(condition: float) -> Graph:
    graph = Graph("x", "y")
    graph.add("x²", Square(), "x")
    graph.add("y²", Square(), "y")
    graph.add("κy²", Multiply(), "y²", condition)
    graph.add("sum", Add(), "x²", "κy²")
    graph.add("L", Multiply(), "sum", 0.5)
    return graph


def _saddle() -> Graph:
    graph = Graph("x", "y")
    graph.add("x²", Square(), "x")
    graph.add("y²", Square(), "y")
    graph.add("difference", Subtract(), "x²", "y²")
    graph.add("L", Multiply(), "difference", 0.5)
    return graph


def _valley() -> Graph:
    """Rosenbrock's function, its walls less steep (H. H. Rosenbrock: The Computer Journal 3, 1960)."""
    graph = Graph("x", "y")
    graph.add("1 − x", Subtract(), 1.0, "x")
    graph.add("(1 − x)²", Square(), "1 − x")
    graph.add("x²", Square(), "x")
    graph.add("y − x²", Subtract(), "y", "x²")
    graph.add("(y − x²)²", Square(), "y − x²")
    graph.add("¼(1 − x)²", Multiply(), "(1 − x)²", 0.25)
    graph.add("L", Add(), "¼(1 − x)²", "(y − x²)²")
    return graph


def _of_graph(
    graph: Graph,
    about: str,
    window: Window,
    start: tuple[float, float],
    lowest: tuple[float, float] | None,
) -> Surface:
    def gradient(points: Tensor) -> Tensor:
        values = graph(points[:, 0], points[:, 1])
        return torch.stack(graph.backward(torch.ones_like(values)), dim=1)

    return Surface(
        about=about,
        loss=lambda points: graph(points[:, 0], points[:, 1]),
        gradient=gradient,
        window=window,
        start=start,
        lowest=lowest,
    )


def _regression(standardized: bool) -> Surface:
    """A line through real data: patients' body mass index and how far their diabetes went on."""
    data = diabetes(dtype=torch.float64).only("body mass index")
    target = data.standardize(targets=True).targets
    x = data.standardize().inputs if standardized else data.inputs / 10
    count = len(x)

    def lines(points: Tensor) -> Linear:
        many = Linear(1, len(points))  # one output for each pair of slope and intercept
        state = {"weight": points[:, :1], "bias": points[:, 1]}
        many.to(dtype=torch.float64).load_state_dict(state)
        return many

    def loss(points: Tensor) -> Tensor:
        return EuclideanLoss()(lines(points)(x).T, target.T.expand(len(points), -1)) / count

    def gradient(points: Tensor) -> Tensor:
        many, squares = lines(points), EuclideanLoss()
        value = squares(many(x), target.expand(-1, len(points)))
        grad, _ = squares.backward(torch.full_like(value, 1 / count))
        many.backward(grad)
        return torch.cat([parameter.grad.reshape(-1, 1) for parameter in many.parameters()], dim=1)

    column = torch.cat([x, torch.ones_like(x)], dim=1)
    best = torch.linalg.lstsq(column, target).solution[:, 0].tolist()
    unit = "BMI, standardized" if standardized else "BMI in 10 kg/m²"
    window = (-2.0, 2.6, -2.0, 2.0) if standardized else (-0.9, 2.9, -5.5, 2.0)
    start = (-1.6, 1.5) if standardized else (0.4, 1.2)
    return Surface(
        about=f"a line through 442 patients, {unit}",
        loss=loss,
        gradient=gradient,
        window=window,
        start=start,
        lowest=(best[0], best[1]),
        names=("slope", "intercept"),
    )
