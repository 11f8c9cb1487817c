"""Transposed convolution in two dimensions: every number of an image puts down a small pattern.

The patterns add up.
"""

import math
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.errors import RankError, SizeError
from course.module import Example, Module, Parameter
from course.modules._convolution import pair
from course.modules._windows import im2col


class ConvTranspose2d(Module):
    """a = b_o, and then a[n, o, s i + d u − p, s j + d v − p] += x[n, c, i, j] · W[c, o, u, v].

    The addition is done for all c, i, j, u, v.

    That is what Conv2d's backward does with a gradient: from each output back to all places that it saw.
    s is the `stride`, d the `dilation`; `padding` p cuts p rows and columns off each side of the result,
    `output_padding` adds some after the last. `weight` is in_channels × out_channels / groups × kernel.

    With G = ∂L/∂a (lecture 12), what was put down is collected again, at r = s i + d u − p and t = s j + d v
    − p:
        ∂L/∂x[n, c, i, j] = Σ_{o,u,v} W[c, o, u, v] · G[n, o, r, t]    a cross-correlation, Conv2d's forward
        ∂L/∂W[c, o, u, v] = Σ_{n,i,j} x[n, c, i, j] · G[n, o, r, t]    ∂L/∂b_o = Σ_{n,r,t} G[n, o, r, t]
    With the windows of G as the columns of a matrix (im2col), both sums are products of matrices.

    Raises:
        ValueError: channels that the groups do not divide, a size out of range, another padding_mode than
            "zeros".
        SizeError: the padding cuts everything off, or the image has no place.
    """

    formula = r"a_{o,\,si+du-p,\,sj+dv-p} = b_o + \sum_{c,i,j,u,v} x_{cij}\, W_{couv}"
    source = "Zeiler, Krishnan, Taylor, Fergus: Deconvolutional networks, CVPR (2010)"
    lecture = 12
    counterpart = "torch.nn.ConvTranspose2d"

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] = 1,
        padding: int | tuple[int, int] = 0,
        output_padding: int | tuple[int, int] = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: int | tuple[int, int] = 1,
        padding_mode: str = "zeros",
        *,
        rng: Generator | None = None,
    ) -> None:
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size, self.stride, self.dilation = pair(kernel_size), pair(stride), pair(dilation)
        self.padding, self.output_padding, self.padding_mode = (
            pair(padding),
            pair(output_padding),
            padding_mode,
        )
        self._require_options()
        fan = out_channels // groups * math.prod(self.kernel_size)
        bound = fan**-0.5 if fan else 0.0  # torch.nn.ConvTranspose2d's initial range
        self.weight = Parameter.uniform((in_channels, out_channels // groups, *self.kernel_size), bound, rng)
        self.bias = Parameter.uniform((out_channels,), bound, rng) if bias else None

    def _require_options(self) -> None:
        if self.groups < 1 or self.in_channels % self.groups or self.out_channels % self.groups:
            channels = f"in_channels={self.in_channels}, out_channels={self.out_channels}"
            raise ValueError(
                f"ConvTranspose2d: {channels} cannot be cut into groups={self.groups}: it must divide both"
            )
        if (
            min(*self.kernel_size, *self.stride, *self.dilation) < 1
            or min(self.padding + self.output_padding) < 0
        ):
            sizes = f"kernel_size={self.kernel_size}, stride={self.stride}, dilation={self.dilation}"
            more = f"padding={self.padding}, output_padding={self.output_padding}"
            raise ValueError(
                f"ConvTranspose2d: {sizes}: all must be at least 1; {more}: all must be at least 0"
            )
        steps = zip(self.output_padding, self.stride, self.dilation, strict=True)
        if any(more >= max(stride, dilation) for more, stride, dilation in steps):
            both = f"stride={self.stride} or dilation={self.dilation}"
            raise ValueError(
                f"ConvTranspose2d: output_padding={self.output_padding}, expected less than {both}"
            )
        if self.padding_mode != "zeros":
            raise ValueError(
                f"ConvTranspose2d: padding_mode={self.padding_mode!r}, expected 'zeros': here "
                f"padding cuts off"
            )

    def forward(
        self, x: Float[Tensor, "*batch in_channels height width"]
    ) -> Float[Tensor, "*batch out_channels rows columns"]:
        self._require_image(x)
        self.save(x=x)
        bias = None if self.bias is None else self.bias.value
        last = (self.output_padding, self.groups, self.dilation)
        return F.conv_transpose2d(x, self.weight.value, bias, self.stride, self.padding, *last)

    def backward(
        self, grad_output: Float[Tensor, "*batch out_channels rows columns"]
    ) -> Float[Tensor, "*batch in_channels height width"]:
        batched = self.saved["x"].dim() == 4
        x, grad_output = (
            (self.saved["x"], grad_output) if batched else (self.saved["x"][None], grad_output[None])
        )
        if self.bias is not None:
            self.bias.grad += grad_output.sum((0, 2, 3))
        (rows, columns) = self.padding
        framed = F.pad(grad_output, (columns, columns, rows, rows))  # as large as what all the patterns cover
        windows = (self.kernel_size, self.stride, self.dilation, x.shape[2:])
        columns = im2col(framed, *windows).unflatten(1, (self.groups, -1))  # examples, groups, rows, places
        weight = self.weight.value.flatten(1).unflatten(0, (self.groups, -1))  # groups, in, rows
        places = x.flatten(2).unflatten(1, (self.groups, -1))  # examples, groups, in, places
        self.weight.grad += (places @ columns.mT).sum(0).view_as(self.weight.value)
        grad_x = (weight @ columns).reshape(x.shape)
        return grad_x if batched else grad_x[0]

    def _require_image(self, x: Tensor) -> None:
        if x.dim() not in (3, 4):
            wanted = "expected (batch, channels, height, width)"
            raise RankError(f"ConvTranspose2d: argument 'x' has shape {tuple(x.shape)}, {wanted}")
        spans = [d * (k - 1) + 1 for d, k in zip(self.dilation, self.kernel_size, strict=True)]
        added = [
            span + more - 2 * cut
            for span, more, cut in zip(spans, self.output_padding, self.padding, strict=True)
        ]
        smallest = tuple(
            1 if first > 0 else 2 + -first // stride for first, stride in zip(added, self.stride, strict=True)
        )
        if any(size < least for size, least in zip(x.shape[-2:], smallest, strict=True)):
            cut = (
                f"padding={self.padding} would leave nothing: expected a spatial size of at least {smallest}"
            )
            raise SizeError(f"ConvTranspose2d: argument 'x' has shape {tuple(x.shape)}; {cut}")

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, scale, 2, 3, 2)

        def reference(m: ConvTranspose2d, x: Tensor) -> Tensor:
            """Every number's pattern, laid down and summed by fold: another way than forward's."""
            patterns = torch.einsum("ncij,couv->nouvij", x, m.weight.value).flatten(1, 3).flatten(2)
            sizes = zip(
                x.shape[2:], m.kernel_size, m.stride, m.padding, m.output_padding, m.dilation, strict=True
            )
            size = tuple((n - 1) * s - 2 * p + d * (k - 1) + 1 + more for n, k, s, p, more, d in sizes)
            out = F.fold(patterns, size, m.kernel_size, m.dilation, m.padding, m.stride)
            return out if m.bias is None else out + m.bias.value[:, None, None]

        yield Example(cls(2, 3, 2, rng=rng), (x,), reference=reference)
        yield Example(
            cls(2, 1, 3, stride=2, padding=1, bias=False, rng=rng), (x,), reference=reference, label="strided"
        )
        yield Example(cls(2, 2, 2, dilation=2, rng=rng), (x,), reference=reference, label="dilation")
        grouped = lambda m, x: F.conv_transpose2d(x, m.weight.value, m.bias.value, groups=2)  # noqa: E731
        yield Example(cls(2, 2, 2, groups=2, rng=rng), (x,), reference=grouped, label="groups")
        unbatched = lambda m, x: reference(m, x[None])[0]  # noqa: E731
        longer = cls(2, 3, (3, 2), stride=(2, 3), padding=1, output_padding=(1, 2), rng=rng)
        yield Example(longer, (x[0],), reference=unbatched, label="one image, output padding")
