"""Convolution in two dimensions: the same small pattern is looked for everywhere in an image."""

from collections.abc import Iterator

import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.module import Example
from course.modules._convolution import _Convolution


class Conv2d(_Convolution):
    """a[n, o, i, j] = b_o + Σ_{c,u,v} W[o, c, u, v] · x[n, c, s i + d u − p, s j + d v − p].

    This is a cross-correlation as in torch.

    s is the `stride`, d the `dilation`, p the `padding`; x outside the image is 0, or what `padding_mode`
    puts there ("reflect", "replicate", "circular"). padding="same" keeps the size, "valid" adds nothing. With
    `groups`, channels are cut into groups that see only one another: W has in_channels / groups channels.

    With G = ∂L/∂a (lecture 12), a number of x acts on the outputs whose window it lies in, a number of W on
    all positions:
        ∂L/∂x[n, c, a, b] = Σ_{o,u,v} W[o, c, u, v] · G[n, o, i, j]
            over the i, j with s i + d u − p = a, s j + d v − p = b
        ∂L/∂W[o, c, u, v] = Σ_{n,i,j} G[n, o, i, j] · x[n, c, s i + d u − p, s j + d v − p]
        ∂L/∂b_o = Σ_{n,i,j} G[n, o, i, j]
    The first is a transposed convolution of G with W, the second a correlation of x with G. Both are products
    of matrices when the windows of x are columns: see `_Convolution` in `course/modules/_convolution.py`.

    Raises:
        ValueError: channels that the groups do not divide, an unknown padding or padding mode, "same" with a
            stride.
        SizeError: the kernel does not fit into the padded image.
    """

    formula = r"a_{oij} = b_o + \sum_{c,u,v} W_{ocuv}\, x_{c,\,si+du-p,\,sj+dv-p}"
    source = (
        "LeCun, Bottou, Bengio, Haffner: Gradient-based learning applied to document recognition, "
        "Proc. IEEE 86 (1998)"
    )
    lecture = 12
    counterpart = "torch.nn.Conv2d"

    axes = 2

    def forward(
        self, x: Float[Tensor, "*batch in_channels height width"]
    ) -> Float[Tensor, "*batch out_channels rows columns"]:
        return self._convolve(x)

    def backward(
        self, grad_output: Float[Tensor, "*batch out_channels rows columns"]
    ) -> Float[Tensor, "*batch in_channels height width"]:
        return self._convolve_backward(grad_output)

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, scale, 2, 5, 4)

        def reference(m: Conv2d, x: Tensor) -> Tensor:
            """Windows of x as columns, times the weights as a matrix: another way than forward's."""
            columns = F.unfold(x, m.kernel_size, m.dilation, m.pads[0][0], m.stride)
            out = m.weight.value.flatten(1) @ columns
            out = out if m.bias is None else out + m.bias.value[:, None]
            rows = (x.shape[2] + 2 * m.pads[0][0] - m.dilation[0] * (m.kernel_size[0] - 1) - 1) // m.stride[
                0
            ] + 1
            return out.unflatten(2, (rows, -1))

        yield Example(cls(2, 3, 3, rng=rng), (x,), reference=reference)
        yield Example(
            cls(2, 3, 2, stride=2, padding=1, bias=False, rng=rng), (x,), reference=reference, label="strided"
        )
        yield Example(cls(2, 1, (2, 1), dilation=2, rng=rng), (x,), reference=reference, label="dilation")
        grouped = lambda m, x: F.conv2d(x, m.weight.value, m.bias.value, groups=2)  # noqa: E731
        yield Example(cls(2, 2, 2, groups=2, rng=rng), (x,), reference=grouped, label="groups")
        mirrored = lambda m, x: F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), m.weight.value, m.bias.value)  # noqa: E731
        yield Example(
            cls(2, 1, 3, padding="same", padding_mode="reflect", rng=rng),
            (x,),
            reference=mirrored,
            label="mirrored",
        )

        def padded(m: Conv2d, x: Tensor) -> Tensor:
            """Padding by torch, then a convolution without."""
            mode = "constant" if m.padding_mode == "zeros" else m.padding_mode
            wide = F.pad(x if x.dim() == 4 else x[None], (*m.pads[1], *m.pads[0]), mode)
            bias = None if m.bias is None else m.bias.value
            out = F.conv2d(wide, m.weight.value, bias, m.stride, 0, m.dilation, m.groups)
            return out if x.dim() == 4 else out[0]

        x = randn(rng, 1 + scale, 2, 4, 5)
        repeated = cls(2, 3, (2, 3), stride=(1, 2), padding=(1, 2), padding_mode="replicate", rng=rng)
        yield Example(repeated, (x,), reference=padded, label="edge repeated")
        ring = cls(2, 3, (3, 2), padding=(2, 1), padding_mode="circular", bias=False, rng=rng)
        yield Example(ring, (x[0],), reference=padded, label="one image as a ring")
        uneven = cls(2, 4, (4, 2), padding="same", groups=2, rng=rng)
        yield Example(uneven, (x,), reference=padded, label="more zeros after than before")
        yield Example(cls(2, 1, 2, padding=1, rng=rng), (x[0],), reference=padded, label="one image")
