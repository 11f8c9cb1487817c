"""The shapes of a forward and a backward pass, to scale: products fit together only one way."""

import itertools
from dataclasses import dataclass

import numpy as np
import torch
from matplotlib import rc_context
from matplotlib.axes import Axes

from course.containers.chain import Chain
from course.device import device, generator
from course.figure import GRADIENT_COLOR, STYLE, VALUE_COLOR, Figure
from course.figures._matrix import canvas, draw_matrix
from course.figures.registry import figure
from course.modules import Linear

SIZES = (15, 10, 5)
MOST = 8
WIDTH, HEIGHT, GAP = 64.0, 21.5, 2.6
"""Of the canvas, in its cells, and of the room between two matrices, in which a sign stands."""
PARTS = {
    "forward": "forward: values, from 15 to 10 to 5 numbers for each example",
    "backward": "backward: gradients of the values, in the shapes of the values",
    "parameters": "backward: gradients of the weights, in the shapes of the weights (G = ∂L/∂A)",
}


@dataclass(frozen=True)
class Tile:
    """One matrix of the picture: its name, its numbers, whether it is a gradient, and the sign after it."""

    name: str
    numbers: np.ndarray
    gradient: bool
    sign: str = ""


@figure(lecture=4, live={"part": ["forward", "backward", "parameters"], "batch": (1, 8)})
def gradient_shapes(part: str = "backward", batch: int = 4) -> Figure:
    """Draw the matrices that are multiplied in a network of 15, 10 and 5 neurons, each as large as it is.

    Args:
        part: forward, backward (gradients of the values) or parameters (gradients of the weights).
        batch: examples in the batch, from 1 to 8.

    Raises:
        ValueError: there is no such part, or the batch is too large to be drawn.
    """
    if part not in PARTS or not 1 <= batch <= MOST:
        raise ValueError(
            f"part='{part}' of a batch of {batch}: choose {', '.join(PARTS)} and 1 to {MOST} examples"
        )
    tiles = products(batch)[part]
    listed = "; ".join(
        " ".join([f"{tile.name} of {_shape(tile.numbers)} {tile.sign}".strip() for tile in row])
        for row in tiles
    )
    with rc_context(STYLE):
        figure, axes = canvas(f"Matrices drawn to scale. {PARTS[part]}: {listed}.", WIDTH, HEIGHT, width=12.6)
        axes.text(WIDTH / 2, 0.9, PARTS[part], fontsize=18, ha="center", va="center")
        gaps = GAP * (sum(map(len, tiles)) - 1) + 2.0 * (len(tiles) - 1)
        cell = min(1.0, (WIDTH - 3 - gaps) / _columns(products(MOST)[part]))  # the same for every batch
        left = (WIDTH - gaps - cell * _columns(tiles)) / 2
        for row in tiles:
            for tile in row:
                left = _draw(axes, tile, left, cell)
            left += 2.0
    return figure


def products(batch: int) -> dict[str, list[list[Tile]]]:
    """The products of each part, made of what a real chain computed and saved."""
    rng = generator(2)
    chain = Chain(*(Linear(before, after, rng=rng) for before, after in itertools.pairwise(SIZES)))
    x, arriving = (torch.randn(batch, size, generator=rng, device=device()) for size in (SIZES[0], SIZES[-1]))
    first, second = chain.modules
    hidden = first(x)
    output = second(hidden)
    at_hidden = second.backward(arriving)
    at_input = first.backward(at_hidden)

    def value(name: str, numbers: torch.Tensor, sign: str = "") -> Tile:
        return Tile(name, numbers.cpu().numpy(), False, sign)

    def gradient(name: str, numbers: torch.Tensor, sign: str = "") -> Tile:
        return Tile(name, numbers.cpu().numpy(), True, sign)

    (w1, _), (w2, _) = (tuple(module.parameters()) for module in (first, second))
    return {
        "forward": [[
            value("X", x, "·"), value("W₁ᵀ", w1.value.T, "→"), value("A₁", hidden, "·"),
            value("W₂ᵀ", w2.value.T, "→"),
            value("A₂", output),
        ]],
        "backward": [[
            gradient("∂L/∂A₂", arriving, "·"), value("W₂", w2.value, "="), gradient("∂L/∂A₁", at_hidden, "·"),
            value("W₁", w1.value, "="), gradient("∂L/∂X", at_input),
        ]],
        "parameters": [
            [gradient("G₂ᵀ", arriving.T, "·"), value("A₁", hidden, "="), gradient("∂L/∂W₂", w2.grad)],
            [gradient("G₁ᵀ", at_hidden.T, "·"), value("X", x, "="), gradient("∂L/∂W₁", w1.grad)],
        ],
    }  # fmt: skip


def _draw(axes: Axes, tile: Tile, left: float, cell: float) -> float:
    """Draw one matrix with its name above and its shape below; where the next one begins."""
    rows, columns = tile.numbers.shape
    top, middle = 10.9 - rows * cell / 2, left + columns * cell / 2
    color = GRADIENT_COLOR if tile.gradient else VALUE_COLOR
    draw_matrix(axes, tile.numbers, left, top, cell=cell, digits=None)
    axes.text(middle, top - 0.3, tile.name, fontsize=17, ha="center", va="bottom", color=color, weight="bold")
    axes.text(middle, top + rows * cell + 0.3, _shape(tile.numbers), fontsize=15, ha="center", va="top")
    right = left + columns * cell
    axes.text(right + GAP / 2, 10.9, tile.sign, fontsize=24, ha="center", va="center")
    return right + GAP


def _columns(tiles: list[list[Tile]]) -> int:
    return sum(tile.numbers.shape[1] for row in tiles for tile in row)


def _shape(numbers: np.ndarray) -> str:
    return f"{numbers.shape[0]} × {numbers.shape[1]}"
