"""What the pooling modules share: a check of their windows."""

import torch
import torch.nn.functional as F
from torch import Tensor

from course.errors import RankError, SizeError


def require_window(
    name: str,
    kernel_size: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int],
    dilation: tuple[int, int] = (1, 1),
) -> None:
    """Let only windows pass that exist, and that see more than padding.

    Raises:
        ValueError: a size below 1, or more padding than half the kernel.
    """
    if min(*kernel_size, *stride, *dilation) < 1:
        sizes = f"kernel_size={kernel_size}, stride={stride}, dilation={dilation}"
        raise ValueError(f"{name}: {sizes}: all must be at least 1")
    if any(not 0 <= 2 * pad <= kernel for pad, kernel in zip(padding, kernel_size, strict=True)):
        raise ValueError(f"{name}: padding={padding}, expected at most half of kernel_size={kernel_size}")


def sees_nothing(
    x: Tensor,
    kernel_size: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int],
    dilation: tuple[int, int],
    ceil_mode: bool,
) -> Tensor:
    """True for each window of an image like x that has only padded places, as one with a dilation may."""
    blank = x.new_zeros(1, *x.shape[-2:])
    return F.max_pool2d(blank, kernel_size, stride, padding, dilation, ceil_mode)[0] == -torch.inf


def require_windows(
    name: str,
    x: Tensor,
    kernel_size: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int],
    dilation: tuple[int, int],
    ceil_mode: bool,
) -> None:
    """Let only images pass into which the window fits at least once.

    In ceil mode, it may hang over by less than a stride.

    Raises:
        RankError: neither an image nor a batch of them.
        SizeError: no window fits.
    """
    if x.dim() not in (3, 4):
        raise RankError(
            f"{name}: argument 'x' has shape {tuple(x.shape)}, expected (batch, channels, height, width)"
        )
    spans = [d * (k - 1) + 1 for d, k in zip(dilation, kernel_size, strict=True)]
    overhang = [step - 1 if ceil_mode else 0 for step in stride]
    smallest = tuple(
        max(span - 2 * pad - over, 1) for span, pad, over in zip(spans, padding, overhang, strict=True)
    )
    if any(size < least for size, least in zip(x.shape[-2:], smallest, strict=True)):
        own = f"argument 'x' has shape {tuple(x.shape)}; the window covers {tuple(spans)}"
        raise SizeError(f"{name}: {own}, which does not fit: expected a spatial size of at least {smallest}")
