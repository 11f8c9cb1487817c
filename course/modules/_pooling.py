"""What the pooling modules share: a check of their windows."""

from torch import Tensor

from course.errors import RankError, SizeError


def require_window(name: str, kernel_size: tuple[int, int], stride: tuple[int, int], padding: tuple[int, int]) -> None:
    """Let only windows pass that exist, and that see more than padding.

    Raises:
        ValueError: a size below 1, or more padding than half the kernel.
    """
    if min(*kernel_size, *stride) < 1:
        raise ValueError(f"{name}: kernel_size={kernel_size}, stride={stride}: all must be at least 1")
    if any(not 0 <= 2 * pad <= kernel for pad, kernel in zip(padding, kernel_size, strict=True)):
        raise ValueError(f"{name}: padding={padding}, expected at most half of kernel_size={kernel_size}")


def require_windows(
    name: str, x: Tensor, kernel_size: tuple[int, int], padding: tuple[int, int], dilation: tuple[int, int]
) -> None:
    """Let only images pass into which the window fits at least once."""
    if x.dim() not in (3, 4):
        raise RankError(f"{name}: argument 'x' has shape {tuple(x.shape)}, expected (batch, channels, height, width)")
    spans = [d * (k - 1) + 1 for d, k in zip(dilation, kernel_size, strict=True)]
    smallest = tuple(max(span - 2 * pad, 1) for span, pad in zip(spans, padding, strict=True))
    if any(size < least for size, least in zip(x.shape[-2:], smallest, strict=True)):
        own = f"argument 'x' has shape {tuple(x.shape)}; the window covers {tuple(spans)}"
        raise SizeError(f"{name}: {own}, which does not fit: expected a spatial size of at least {smallest}")
