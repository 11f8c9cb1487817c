"""Convolution in one dimension: the same small pattern is looked for everywhere in a sequence."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor

from course.errors import RankError
from course.module import Example, Module, Parameter
from course.modules._convolution import convolution_backward, convolution_pads, pad, pad_backward, pad_left, require_fit, single


class Conv1d(Module):
    """a[n, o, i] = b_o + Σ_{c,u} W[o, c, u] · x[n, c, s i + d u − p], a cross-correlation as in torch; options as in Conv2d.

    With G = ∂L/∂a (lecture 12):
        ∂L/∂x[n, c, a] = Σ_{o,u} W[o, c, u] · G[n, o, i]    over the i with s i + d u − p = a
        ∂L/∂W[o, c, u] = Σ_{n,i} G[n, o, i] · x[n, c, s i + d u − p]    ∂L/∂b_o = Σ_{n,i} G[n, o, i]

    Raises:
        ValueError: channels that the groups do not divide, an unknown padding or padding mode, "same" with a stride.
        SizeError: the kernel does not fit into the padded sequence.
    """

    formula = r"a_{oi} = b_o + \sum_{c,u} W_{ocu}\, x_{c,\,si+du-p}"
    source = "Waibel, Hanazawa, Hinton, Shikano, Lang: Phoneme recognition using time-delay neural networks, ASSP 37 (1989)"
    lecture = 12
    counterpart = "torch.nn.Conv1d"

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int],
        stride: int | tuple[int] = 1,
        padding: str | int | tuple[int] = 0,
        dilation: int | tuple[int] = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        *,
        rng: Generator | None = None,
    ) -> None:
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size, self.stride, self.dilation = single(kernel_size), single(stride), single(dilation)
        self.padding, self.padding_mode = padding if isinstance(padding, str) else single(padding), padding_mode
        self.pads = convolution_pads("Conv1d", self, 1)
        fan_in = in_channels // groups * self.kernel_size[0]
        bound = fan_in**-0.5 if fan_in else 0.0  # torch.nn.Conv1d's initial range
        self.weight = Parameter.uniform((out_channels, in_channels // groups, *self.kernel_size), bound, rng)
        self.bias = Parameter.uniform((out_channels,), bound, rng) if bias else None

    def extra_repr(self) -> str:
        sizes = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        return f"{sizes}, padding={self.padding}"

    def forward(self, x: Float[Tensor, "*batch in_channels length"]) -> Float[Tensor, "*batch out_channels steps"]:
        if x.dim() not in (2, 3):
            raise RankError(f"Conv1d: argument 'x' has shape {tuple(x.shape)}, expected (batch, channels, length)")
        padded, left = pad("Conv1d", x, self.pads, self.padding_mode)
        require_fit("Conv1d", x, padded, left, self.kernel_size, self.dilation)
        self.save(x=padded, shape=x.shape)
        bias = None if self.bias is None else self.bias.value
        return F.conv1d(padded, self.weight.value, bias, self.stride, left, self.dilation, self.groups)

    def backward(self, grad_output: Float[Tensor, "*batch out_channels steps"]) -> Float[Tensor, "*batch in_channels length"]:
        grad_x = convolution_backward(self, grad_output, self.saved["x"], pad_left(self.pads, self.padding_mode))
        return pad_backward(grad_x, self.saved["shape"], self.pads, self.padding_mode)

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = torch.randn(scale, 2, 7, generator=rng, device=rng.device)

        def reference(m: Conv1d, x: Tensor) -> Tensor:
            windows = F.pad(x, m.pads[0]).unfold(2, m.kernel_size[0], m.stride[0])
            out = torch.einsum("ncit,oct->noi", windows, m.weight.value)
            return out if m.bias is None else out + m.bias.value[:, None]

        yield Example(cls(2, 3, 3, rng=rng), (x,), reference=reference)
        yield Example(cls(2, 3, 2, stride=2, padding=1, bias=False, rng=rng), (x,), reference=reference, label="strided")

        def padded(m: Conv1d, x: Tensor) -> Tensor:
            """Padding by torch, then a convolution without."""
            mode = "constant" if m.padding_mode == "zeros" else m.padding_mode
            wide = F.pad(x if x.dim() == 3 else x[None], m.pads[0], mode)
            bias = None if m.bias is None else m.bias.value
            out = F.conv1d(wide, m.weight.value, bias, m.stride, 0, m.dilation, m.groups)
            return out if x.dim() == 3 else out[0]

        x = torch.randn(1 + scale, 2, 6, generator=rng, device=rng.device)
        mirrored = cls(2, 4, 3, stride=2, padding=2, groups=2, padding_mode="reflect", rng=rng)
        yield Example(mirrored, (x,), reference=padded, label="mirrored, groups")
        repeated = cls(2, 3, 3, dilation=2, padding="same", padding_mode="replicate", rng=rng)
        yield Example(repeated, (x,), reference=padded, label="edge repeated, dilation")
        ring = cls(2, 3, 3, padding=2, padding_mode="circular", bias=False, rng=rng)
        yield Example(ring, (x[0],), reference=padded, label="one sequence as a ring")
        yield Example(cls(2, 3, 4, padding="same", rng=rng), (x,), reference=padded, label="more zeros after than before")
