"""Convolution in one dimension: the same small pattern is looked for everywhere in a sequence."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.module import Example
from course.modules._convolution import _Convolution


class Conv1d(_Convolution):
    """a[n, o, i] = b_o + Σ_{c,u} W[o, c, u] · x[n, c, s i + d u − p].

    This is a cross-correlation as in torch; options are as in Conv2d.

    With G = ∂L/∂a (lecture 12):
        ∂L/∂x[n, c, a] = Σ_{o,u} W[o, c, u] · G[n, o, i]    over the i with s i + d u − p = a
        ∂L/∂W[o, c, u] = Σ_{n,i} G[n, o, i] · x[n, c, s i + d u − p]    ∂L/∂b_o = Σ_{n,i} G[n, o, i]
    computed as products of matrices by `_Convolution` in `course/modules/_convolution.py`.

    Raises:
        ValueError: channels that the groups do not divide, an unknown padding or padding mode, "same" with a
            stride.
        SizeError: the kernel does not fit into the padded sequence.
    """

    formula = r"a_{oi} = b_o + \sum_{c,u} W_{ocu}\, x_{c,\,si+du-p}"
    source = (
        "Waibel, Hanazawa, Hinton, Shikano, Lang: Phoneme recognition using time-delay neural "
        "networks, ASSP 37 (1989)"
    )
    lecture = 12
    counterpart = "torch.nn.Conv1d"

    axes = 1

    def forward(
        self, x: Float[Tensor, "*batch in_channels length"]
    ) -> Float[Tensor, "*batch out_channels steps"]:
        return self._convolve(x)

    def backward(
        self, grad_output: Float[Tensor, "*batch out_channels steps"]
    ) -> Float[Tensor, "*batch in_channels length"]:
        return self._convolve_backward(grad_output)

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, scale, 2, 7)

        def reference(m: Conv1d, x: Tensor) -> Tensor:
            windows = F.pad(x, m.pads[0]).unfold(2, m.kernel_size[0], m.stride[0])
            out = torch.einsum("ncit,oct->noi", windows, m.weight.value)
            return out if m.bias is None else out + m.bias.value[:, None]

        yield Example(cls(2, 3, 3, rng=rng), (x,), reference=reference)
        yield Example(
            cls(2, 3, 2, stride=2, padding=1, bias=False, rng=rng), (x,), reference=reference, label="strided"
        )

        def padded(m: Conv1d, x: Tensor) -> Tensor:
            """Padding by torch, then a convolution without."""
            mode = "constant" if m.padding_mode == "zeros" else m.padding_mode
            wide = F.pad(x if x.dim() == 3 else x[None], m.pads[0], mode)
            bias = None if m.bias is None else m.bias.value
            out = F.conv1d(wide, m.weight.value, bias, m.stride, 0, m.dilation, m.groups)
            return out if x.dim() == 3 else out[0]

        x = randn(rng, 1 + scale, 2, 6)
        mirrored = cls(2, 4, 3, stride=2, padding=2, groups=2, padding_mode="reflect", rng=rng)
        yield Example(mirrored, (x,), reference=padded, label="mirrored, groups")
        repeated = cls(2, 3, 3, dilation=2, padding="same", padding_mode="replicate", rng=rng)
        yield Example(repeated, (x,), reference=padded, label="edge repeated, dilation")
        ring = cls(2, 3, 3, padding=2, padding_mode="circular", bias=False, rng=rng)
        yield Example(ring, (x[0],), reference=padded, label="one sequence as a ring")
        yield Example(
            cls(2, 3, 4, padding="same", rng=rng),
            (x,),
            reference=padded,
            label="more zeros after than before",
        )
