"""What the convolutions share: their options, the padding, and windows as the columns of a matrix."""

import math
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from course.errors import RankError, SizeError
from course.module import Module, Parameter
from course.modules._windows import col2im, im2col

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
        raise ValueError(
            f"{tuple(sizes)} holds {len(sizes)} sizes, expected one number, or {axes}: one for "
            f"each spatial axis"
        )
    return sizes


def convolution_pads(name: str, options: Any, axes: int) -> Pads:
    """The padding of a convolution with these options, which are checked.

    Raises:
        ValueError: an option out of range; names it.
    """
    given, groups = options.padding, options.groups
    if groups < 1 or options.in_channels % groups or options.out_channels % groups:
        channels = f"in_channels={options.in_channels}, out_channels={options.out_channels}"
        raise ValueError(
            f"{name}: {channels} cannot be cut into groups={groups}: both must be divisible by it"
        )
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
        raise ValueError(
            f"{name}: padding='same' with stride={options.stride}: the size is kept with stride 1 only"
        )
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
    # a mirror image lacks the edge, a circle has every place; else one is enough
    beyond = {"reflect": 1, "circular": 0}
    smallest = tuple(max(1, max(both) + beyond[mode]) if mode in beyond else 1 for both in pads)
    if any(size < least for size, least in zip(x.shape[-len(pads) :], smallest, strict=True)):
        wanted = (
            f"padding_mode='{mode}' with padding {pads} copies from a spatial size of at least {smallest}"
        )
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
    name: str,
    x: Tensor,
    padded: Tensor,
    left: tuple[int, ...],
    kernel_size: tuple[int, ...],
    dilation: tuple[int, ...],
) -> None:
    """Let only inputs pass into which the kernel fits at least once."""
    spans = [d * (k - 1) + 1 for d, k in zip(dilation, kernel_size, strict=True)]
    sizes = [size + 2 * more for size, more in zip(padded.shape[-len(left) :], left, strict=True)]
    borders = [size - own for size, own in zip(sizes, x.shape[-len(left) :], strict=True)]
    smallest = tuple(max(span - border, 1) for span, border in zip(spans, borders, strict=True))
    if any(size < least for size, least in zip(x.shape[-len(left) :], smallest, strict=True)):
        own = f"argument 'x' has shape {tuple(x.shape)}; the kernel covers {tuple(spans)}"
        raise SizeError(f"{name}: {own}, which does not fit: expected a spatial size of at least {smallest}")


class _Convolution(Module):
    """One linear map for all windows of x: A = W X + b, the windows being the columns of X (im2col).

    A row of W holds the weights of one output channel; each example and each group of channels has its own X.
    With G = ∂L/∂A (lecture 12), as for Linear:
        ∂L/∂W = Σ_examples G Xᵀ    ∂L/∂b = Σ_examples Σ_windows G    ∂L/∂X = Wᵀ G
    A number of x has a copy in X for each window that it lies in, and gets the sum of their gradients:
        ∂L/∂x = col2im(∂L/∂X)
    """

    axes: ClassVar[int]
    """How many spatial axes x has."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, ...],
        stride: int | tuple[int, ...] = 1,
        padding: str | int | tuple[int, ...] = 0,
        dilation: int | tuple[int, ...] = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        *,
        rng: Generator | None = None,
    ) -> None:
        each_axis = single if self.axes == 1 else pair
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size, self.stride, self.dilation = (
            each_axis(kernel_size),
            each_axis(stride),
            each_axis(dilation),
        )
        self.padding, self.padding_mode = (
            padding if isinstance(padding, str) else each_axis(padding),
            padding_mode,
        )
        self.pads = convolution_pads(type(self).__name__, self, self.axes)
        fan_in = in_channels // groups * math.prod(self.kernel_size)
        bound = fan_in**-0.5 if fan_in else 0.0  # the initial range of torch's convolutions
        self.weight = Parameter.uniform((out_channels, in_channels // groups, *self.kernel_size), bound, rng)
        self.bias = Parameter.uniform((out_channels,), bound, rng) if bias else None

    def _convolve(self, x: Tensor) -> Tensor:
        name = type(self).__name__
        if x.dim() not in (self.axes + 1, self.axes + 2):
            wanted = "(batch, channels, length)" if self.axes == 1 else "(batch, channels, height, width)"
            raise RankError(f"{name}: argument 'x' has shape {tuple(x.shape)}, expected {wanted}")
        padded, left = pad(name, x, self.pads, self.padding_mode)
        require_fit(name, x, padded, left, self.kernel_size, self.dilation)
        self.save(x=padded, shape=x.shape)
        convolve = F.conv1d if self.axes == 1 else F.conv2d
        bias = None if self.bias is None else self.bias.value
        return convolve(padded, self.weight.value, bias, self.stride, left, self.dilation, self.groups)

    def _convolve_backward(self, grad_output: Tensor) -> Tensor:
        """∂L/∂x; ∂L/∂W and ∂L/∂b are added to the parameters' gradients."""
        batched = self.saved["x"].dim() == self.axes + 2
        x, grad_output = (
            (self.saved["x"], grad_output) if batched else (self.saved["x"][None], grad_output[None])
        )
        left = [(size, size) for size in pad_left(self.pads, self.padding_mode)]
        padded = F.pad(x, [size for both in reversed(left) for size in both])
        windows = (self.kernel_size, self.stride, self.dilation, grad_output.shape[2:])
        grad = grad_output.flatten(2).unflatten(1, (self.groups, -1))  # examples, groups, out, windows
        columns = im2col(padded, *windows).unflatten(1, (self.groups, -1))  # examples, groups, rows, windows
        self.weight.grad += (grad @ columns.mT).sum(0).view_as(self.weight.value)
        del columns  # they are as large as what comes next
        if self.bias is not None:
            self.bias.grad += grad.sum((0, 3)).flatten()
        weight = self.weight.value.flatten(1).unflatten(0, (self.groups, -1))  # groups, out, rows
        grad_padded = col2im((weight.mT @ grad).flatten(1, 2), padded.shape, *windows)
        grad_x = pad_backward(grad_padded, x.shape, left, "zeros")
        return pad_backward(
            grad_x if batched else grad_x[0], self.saved["shape"], self.pads, self.padding_mode
        )
