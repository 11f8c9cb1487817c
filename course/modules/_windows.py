"""Windows that slide over an image or a sequence, side by side as the columns of a matrix, and back."""

import itertools
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor


def places(
    kernel_size: Sequence[int], stride: Sequence[int], dilation: Sequence[int], windows: Sequence[int]
) -> Iterator[tuple[slice, ...]]:
    """For each place of the kernel, row by row, the slices of x in which it lies in all windows at once.

    Place u of window i lies at s i + d u, with the stride s and the dilation d.
    """
    for place in itertools.product(*map(range, kernel_size)):
        options = zip(place, stride, dilation, windows, strict=True)
        yield tuple(slice(d * u, d * u + s * (count - 1) + 1, s) for u, s, d, count in options)


def im2col(
    x: Tensor,
    kernel_size: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
    windows: Sequence[int],
) -> Tensor:
    """Every window of a batch as a column of numbers: examples × (channels · kernel) × windows."""
    met = [x[..., *slices] for slices in places(kernel_size, stride, dilation, windows)]
    return torch.stack(met, 2).flatten(1, 2).flatten(2)


def col2im(
    columns: Tensor,
    shape: Sequence[int],
    kernel_size: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
    windows: Sequence[int],
) -> Tensor:
    """The transpose of im2col: the number of x at a place is the sum of all its copies in the columns."""
    x = columns.new_zeros(shape)
    met = columns.unflatten(2, tuple(windows)).unflatten(1, (shape[1], -1)).unbind(2)
    for slices, column in zip(places(kernel_size, stride, dilation, windows), met, strict=True):
        x[..., *slices] += column
    return x
