"""What the convolutions share: their options, the padding, and the kernel that computes both sums of the backward pass."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from course.errors import SizeError

Pads = list[tuple[int, int]]
"""For each spatial axis, how much is added before and after."""

MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "replicate", "circular": "circular"}


def pair(size: int | tuple[int, ...]) -> tuple[int, int]:
    """One number for both axes, or two.

    Raises:
        ValueError: neither one nor two.
    """
    height, width = (size, size) if isinstance(size, int) else _of_length(size, 2)
    return height, width


def single(size: int | tuple[int, ...]) -> tuple[int]:
    """The one number of the one axis.

    Raises:
        ValueError: more than one.
    """
    return (size if isinstance(size, int) else _of_length(size, 1)[0],)


def _of_length(sizes: tuple[int, ...], axes: int) -> tuple[int, ...]:
    if len(sizes) != axes:
        raise ValueError(f"{tuple(sizes)} holds {len(sizes)} sizes, expected one number, or {axes}: one for each spatial axis")
    return sizes


def convolution_pads(name: str, options: Any, axes: int) -> Pads:
    """The padding of a convolution with these options, which are checked.

    Raises:
        ValueError: an option out of range; names it.
    """
    given, groups = options.padding, options.groups
    if groups < 1 or options.in_channels % groups or options.out_channels % groups:
        channels = f"in_channels={options.in_channels}, out_channels={options.out_channels}"
        raise ValueError(f"{name}: {channels} cannot be cut into groups={groups}: both must be divisible by it")
    if options.padding_mode not in MODES:
        raise ValueError(f"{name}: padding_mode={options.padding_mode!r}, expected one of {sorted(MODES)}")
    if min(*options.kernel_size, *options.stride, *options.dilation) < 1:
        sizes = f"kernel_size={options.kernel_size}, stride={options.stride}, dilation={options.dilation}"
        raise ValueError(f"{name}: {sizes}: all must be at least 1")
    if not isinstance(given, str):
        if min(given) < 0:
            raise ValueError(f"{name}: padding={given}: must be at least 0")
        return [(size, size) for size in given]
    if given not in ("same", "valid"):
        raise ValueError(f"{name}: padding={given!r}, expected 'same', 'valid' or numbers")
    if given == "valid":
        return [(0, 0)] * axes
    if max(options.stride) > 1:
        raise ValueError(f"{name}: padding='same' with stride={options.stride}: the size is kept with stride 1 only")
    totals = (d * (k - 1) for d, k in zip(options.dilation, options.kernel_size, strict=True))
    return [(total // 2, total - total // 2) for total in totals]


def pad_left(pads: Pads, mode: str) -> tuple[int, ...]:
    """The padding that is left to the kernel: zeros, as many before as after."""
    by_kernel = mode == "zeros" and all(before == after for before, after in pads)
    return tuple(before if by_kernel else 0 for before, _ in pads)


def pad(name: str, x: Tensor, pads: Pads, mode: str) -> tuple[Tensor, tuple[int, ...]]:
    """The padded input, and the padding that is left to the kernel.

    Raises:
        SizeError: there is less to copy from than is padded, or nothing at all.
    """
    left = pad_left(pads, mode)
    if any(left) or not any(map(sum, pads)):
        return x, left
    beyond = {"reflect": 1, "circular": 0}  # a mirror image lacks the edge, a circle has every place; else one is enough
    smallest = tuple(max(1, max(both) + beyond[mode]) if mode in beyond else 1 for both in pads)
    if any(size < least for size, least in zip(x.shape[-len(pads) :], smallest, strict=True)):
        wanted = f"padding_mode='{mode}' with padding {pads} copies from a spatial size of at least {smallest}"
        raise SizeError(f"{name}: argument 'x' has shape {tuple(x.shape)}; {wanted}")
    batched = x if x.dim() == len(pads) + 2 else x[None]  # torch pads only batches in these modes
    padded = F.pad(batched, [size for both in reversed(pads) for size in both], mode=MODES[mode])
    return (padded if batched is x else padded[0]), left


def pad_backward(grad: Tensor, shape: torch.Size, pads: Pads, mode: str) -> Tensor:
    """The gradient of what was padded: the border's gradients are added where the border was copied from."""
    if grad.shape == shape:
        return grad
    for axis, (before, after) in zip(range(-len(pads), 0), pads, strict=True):
        size = shape[axis]
        source = torch.arange(-before, size + after, device=grad.device)
        if mode == "reflect":
            source = (size - 1) - ((size - 1) - source.abs()).abs()
        elif mode == "replicate":
            source = source.clamp(0, size - 1)
        elif mode == "circular":
            source = source % size
        else:
            grad = grad.narrow(axis, before, size)
            continue
        folded = grad.new_zeros([size if i == grad.dim() + axis else n for i, n in enumerate(grad.shape)])
        grad = folded.index_add_(axis, source, grad)
    return grad


def require_fit(
    name: str, x: Tensor, padded: Tensor, left: tuple[int, ...], kernel_size: tuple[int, ...], dilation: tuple[int, ...]
) -> None:
    """Let only inputs pass into which the kernel fits at least once."""
    spans = [d * (k - 1) + 1 for d, k in zip(dilation, kernel_size, strict=True)]
    sizes = [size + 2 * more for size, more in zip(padded.shape[-len(left) :], left, strict=True)]
    borders = [size - own for size, own in zip(sizes, x.shape[-len(left) :], strict=True)]
    smallest = tuple(max(span - border, 1) for span, border in zip(spans, borders, strict=True))
    if any(size < least for size, least in zip(x.shape[-len(left) :], smallest, strict=True)):
        own = f"argument 'x' has shape {tuple(x.shape)}; the kernel covers {tuple(spans)}"
        raise SizeError(f"{name}: {own}, which does not fit: expected a spatial size of at least {smallest}")


def convolution_backward(
    module: Any, grad_output: Tensor, x: Tensor, left: tuple[int, ...], output_padding: tuple[int, ...] | None = None
) -> Tensor:
    """∂L/∂x, with ∂L/∂W and ∂L/∂b added to the parameters' gradients; a transposed convolution hands in its output padding."""
    axes = len(left)
    batched = x.dim() == axes + 2
    grad_batch, x_batch = (grad_output, x) if batched else (grad_output[None], x[None])
    grad_x, grad_weight, grad_bias = torch.ops.aten.convolution_backward(
        grad_batch,
        x_batch,
        module.weight.value,
        None if module.bias is None else list(module.bias.value.shape),
        module.stride,
        left,
        module.dilation,
        output_padding is not None,  # whether it is transposed
        output_padding or [0] * axes,
        module.groups,
        [True, True, module.bias is not None],
    )
    module.weight.grad += grad_weight
    if module.bias is not None:
        module.bias.grad += grad_bias
    return grad_x if batched else grad_x[0]
