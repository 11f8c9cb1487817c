"""Convolution step by step: a kernel slides over an image, and backward, turned around, over the gradient."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from matplotlib import rc_context
from matplotlib.axes import Axes

from course.containers.chain import Chain
from course.data import digits
from course.device import generator, tensor
from course.figure import GRADIENT_COLOR, NEUTRAL_COLOR, STYLE, VALUE_COLOR, Figure
from course.figures._matrix import canvas, draw_matrix, number_text, outline
from course.figures.registry import figure
from course.modules import Conv2d, CrossEntropyLoss, EuclideanLoss, Flatten, Linear, ReLU
from course.optim import Adam
from course.training import fit

KERNELS = {
    "edge": np.outer((1, 2, 1), (-1, 0, 1)) / 4,  # Sobel's, for vertical edges
    "blur": np.outer((1, 2, 1), (1, 2, 1)) / 16,
}
SIDE = 3
CELL, MIDDLE = 0.37, 3.0
"""The side of a cell of the large matrices, and the height at which all are centered, in inches."""


@dataclass(frozen=True)
class Slide:
    """A kernel slides over `read` and writes `written`.

    These are image and output, or the padded gradient and the image's gradient.
    """

    read: np.ndarray
    kernel: np.ndarray
    written: np.ndarray

    def window(self, position: int) -> tuple[int, int]:
        """The row and the column of a written cell, which are those of the corner of its window, too."""
        return divmod(position, self.written.shape[1])

    def seen(self, position: int) -> np.ndarray:
        """The part of `read` under the kernel."""
        row, column = self.window(position)
        return self.read[row : row + SIDE, column : column + SIDE]


@cache
def slides(kernel: str, digit: int) -> tuple[Slide, Slide]:
    """Forward and backward of the library's Conv2d on one handwritten digit.

    The loss is half the sum of the squared outputs, so that the gradient that arrives is the output itself.
    """
    conv = Conv2d(1, 1, SIDE, bias=False)
    conv.weight.value = (
        learned_kernel() if kernel == "learned" else tensor(KERNELS[kernel][None, None], torch.float32)
    )
    images = digits(images=True).inputs
    if not 0 <= digit < len(images):
        raise ValueError(f"digit={digit}: there are digits 0 to {len(images) - 1}")
    x = images[digit : digit + 1]
    output, loss = conv(x), EuclideanLoss()
    loss(output.flatten(1), output.flatten(1) * 0)
    arriving = loss.backward(tensor([1.0]))[0].reshape(output.shape)
    grad = conv.backward(arriving)
    matrices = (x, conv.weight.value, output, arriving, grad)
    image, weight, a, g, grad_image = (matrix.cpu().double().numpy()[0, 0] for matrix in matrices)
    return Slide(image, weight, a), Slide(np.pad(g, SIDE - 1), weight[::-1, ::-1], grad_image)


@cache
def learned_kernel() -> torch.Tensor:
    """The one filter of a small network that was trained to read the digits."""
    rng = generator(0)
    conv = Conv2d(1, 1, SIDE, bias=False, rng=rng)
    net = Chain(conv, ReLU(), Flatten(), Linear(36, 10, rng=rng))
    fit(
        net,
        CrossEntropyLoss(),
        Adam(net.parameters(), lr=0.01),
        digits(images=True),
        epochs=5,
        batch_size=64,
        progress=False,
    )
    return conv.weight.value


@figure(
    lecture=12,
    live={"position": (0, 63), "phase": ["forward", "backward"], "kernel": ["edge", "blur", "learned"]},
)
def convolution(position: int = 14, phase: str = "forward", kernel: str = "edge", digit: int = 0) -> Figure:
    """Draw one step of a convolution: window, kernel, the sum of their products, and what was written so far.

    Forward writes 36 outputs, one for each place of the kernel in the image. Backward writes the gradients of
    all 64 pixels: the gradient of the output gets a border of zeros, and the kernel, turned by 180°, slides
    over it (a full correlation), so that each pixel gathers from all outputs that have read it.

    Source: LeCun, Bottou, Bengio, Haffner: Gradient-based learning applied to document recognition, Proc.
    IEEE 86 (1998).

    Args:
        position: which output, or which pixel's gradient, is written just now, row by row from 0; forward
            ends at 35.
        phase: "forward" or "backward".
        kernel: "edge", "blur", or "learned" by a network that reads digits.
        digit: which of the handwritten digits.

    Raises:
        ValueError: an unknown phase, kernel or digit, or a position outside 0 to 63.
    """
    if phase not in ("forward", "backward") or kernel not in (*KERNELS, "learned"):
        raise ValueError(
            f"phase={phase!r}, kernel={kernel!r}: choose forward or backward, and edge, blur or learned"
        )
    forward, backward = slides(kernel, digit)
    if not 0 <= position < backward.written.size:
        raise ValueError(f"position={position}: the image has pixels 0 to {backward.written.size - 1}")
    slide = forward if phase == "forward" else backward
    position = min(position, slide.written.size - 1)
    row, column = slide.window(position)
    products = "pixels of the image and the kernel"
    if phase == "backward":
        products = "gradients of outputs, zeros around them, and the kernel turned by 180 degrees"
    alt = (
        f"Step {position + 1} of {slide.written.size} of a convolution, {phase}, with the {kernel} kernel on "
        f"a digit. "
        f"In row {row + 1}, column {column + 1} it writes "
        f"{number_text(float(slide.written[row, column]), 2)}, the sum of nine "
        f"products of {products}. The cells before are filled, those after it are empty."
    )
    with rc_context(STYLE):
        figure, axes = canvas(alt, 12.5, 5.3, width=12.5)
        _draw(axes, slide, position, phase == "forward")
    return figure


def _draw(axes: Axes, slide: Slide, position: int, forward: bool) -> None:
    (row, column), last = slide.window(position), slide.written.size
    color = VALUE_COLOR if forward else GRADIENT_COLOR
    written = slide.written.copy()
    written.ravel()[position + 1 :] = np.nan
    names = (
        ("image x", "window", "kernel W", "output a")
        if forward
        else ("∂L/∂a amid zeros", "window", "W turned", "∂L/∂x")
    )
    parts = (
        (2.1, CELL, slide.read, slide.read, None),
        (5.4, 0.62, slide.seen(position), slide.read, 2),
        (7.85, 0.62, slide.kernel, slide.kernel, 2),
        (10.9, CELL, written, slide.written, None),
    )
    for name, (center, cell, matrix, scale, decimals) in zip(names, parts, strict=True):
        left, top = center - matrix.shape[1] * cell / 2, MIDDLE - matrix.shape[0] * cell / 2
        draw_matrix(
            axes,
            matrix,
            left,
            top,
            cell=cell,
            digits=decimals,
            largest=float(np.abs(scale).max()),
            fontsize=13.5,
        )
        axes.text(center, top - 0.13, name, ha="center", fontsize=17, color=color)
        if cell == CELL:
            size = CELL if matrix is written else SIDE * CELL
            outline(axes, left + column * CELL, top + row * CELL, size, size, color, linewidth=3.5, zorder=4)
    if not forward:
        reach = 6 * CELL
        outline(axes, 2.1 - reach / 2, MIDDLE - reach / 2, reach, reach, linewidth=2)
    for sign, place in (("→", 4.2), ("×", 6.62), ("→", 9.1)):
        axes.text(place, MIDDLE, sign, ha="center", va="center", fontsize=24, color=NEUTRAL_COLOR)
    total = number_text(float(slide.written[row, column]), 2)
    axes.text(
        6.62,
        MIDDLE + 1.45,
        f"sum of the 9 products: {total}",
        ha="center",
        fontsize=17,
        fontweight="bold",
        color=color,
    )
    title = f"forward, output {position + 1} of {last}: the kernel slides over the image"
    if not forward:
        title = (
            f"backward, pixel {position + 1} of {last}: the turned kernel slides over the outputs’ gradient"
        )
    axes.text(6.25, 0.42, title, ha="center", fontsize=18)
