"""Upsampling: an image made larger by repeating its places."""

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import device, randn
from course.errors import SizeError
from course.module import Example, Module


class UpsamplingNearest2d(Module):
    """a[n, c, i, j] = x[n, c, ⌊i / f⌋, ⌊j / f⌋], f being the `scale_factor`.

    The `size` (rows, columns) of a itself may be given instead.

    With g = ∂L/∂a (lecture 12): ∂L/∂x[n, c, r, t] = Σ g[n, c, i, j] over the i, j that show place r, t: a sum
    over each block.

    Raises:
        ValueError: both or neither of size and scale_factor, or one that is not above 0.
        SizeError: an image without a single place, before or after.
    """

    formula = r"a_{ij} = x_{\lfloor i/f \rfloor \lfloor j/f \rfloor}"
    source = "Odena, Dumoulin, Olah: Deconvolution and checkerboard artifacts, Distill (2016)"
    lecture = 12
    counterpart = "torch.nn.UpsamplingNearest2d"

    def __init__(
        self,
        size: int | tuple[int, int] | None = None,
        scale_factor: float | tuple[float, float] | None = None,
    ) -> None:
        given = size if scale_factor is None else scale_factor
        if given is None or (size is not None and scale_factor is not None):
            raise ValueError(
                f"UpsamplingNearest2d: size={size}, scale_factor={scale_factor}: give exactly one of them"
            )
        if min(both(given)) <= 0:
            raise ValueError(
                f"UpsamplingNearest2d: size={size}, scale_factor={scale_factor}, expected numbers above 0"
            )
        self.size, self.scale_factor = size, scale_factor

    def forward(
        self, x: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch channels rows columns"]:
        height, width = x.shape[2:]
        scales = both(self.scale_factor)
        if self.size is not None:
            rows, columns = both(self.size)
        else:
            rows, columns = int(height * scales[0]), int(width * scales[1])
        if not rows * columns * height * width:
            made = (
                f"from which {rows} rows and {columns} columns would be made, expected at least 1 before "
                f"and after"
            )
            raise SizeError(f"UpsamplingNearest2d: argument 'x' has shape {tuple(x.shape)}, {made}")
        row, column = _sources(height, rows, scales[0]), _sources(width, columns, scales[1])
        self.save(shape=x.shape, row=row, column=column)
        return x[:, :, row[:, None], column]

    def backward(
        self, grad_output: Float[Tensor, "batch channels rows columns"]
    ) -> Float[Tensor, "batch channels height width"]:
        batch, channels, height, width = self.saved["shape"]
        row, column = self.saved["row"], self.saved["column"]
        by_row = grad_output.new_zeros(batch, channels, height, len(column)).index_add_(2, row, grad_output)
        return grad_output.new_zeros(batch, channels, height, width).index_add_(3, column, by_row)

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, scale, 2, 2, 3)
        doubled = lambda m, x: x.repeat_interleave(2, 2).repeat_interleave(2, 3)  # noqa: E731
        yield Example(cls(scale_factor=2), (x,), reference=doubled)
        yield Example(
            cls((4, 5)),
            (x,),
            reference=lambda m, x: F.interpolate(x, m.size, mode="nearest"),
            label="a given size",
        )


def _sources(size: int, made: int, factor: float | None) -> Tensor:
    """⌊i / f⌋ for each row (or column) i that is made, f = made / size when only sizes were given."""
    step = torch.tensor(1 / factor if factor else size / made, dtype=torch.float32)  # rounded as torch rounds
    place = torch.arange(made, dtype=torch.float32)
    return (place * step).floor().long().clamp(max=size - 1).to(device())


def both(value: Any) -> tuple[Any, Any]:
    """The value for rows and for columns."""
    return value if isinstance(value, tuple) else (value, value)
