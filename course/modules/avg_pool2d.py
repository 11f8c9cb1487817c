"""Average pooling: the mean of every window."""

from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import device, randn
from course.module import Example, Module
from course.modules._convolution import pair
from course.modules._pooling import require_window, require_windows
from course.modules._windows import places


class AvgPool2d(Module):
    """a[n, c, i, j] = (1/m) Σ_{u,v} x[n, c, s i + u − p, s j + v − p], padded places being 0.

    s is the `stride` (the kernel size when left out), p the `padding`. m is the number of places in the
    window, the padded ones among them unless count_include_pad=False, or `divisor_override`. With
    ceil_mode=True a last window that hangs over the edge counts too.

    With g = ∂L/∂a (lecture 12): every number of a window gets g / m, and the sum over its windows.

    Raises:
        ValueError: more padding than half the kernel, a size below 1, or a divisor of 0.
        SizeError: no window fits.
    """

    formula = r"a_{cij} = \frac{1}{m} \sum_{u,v} x_{c,\,si+u-p,\,sj+v-p}"
    source = (
        "LeCun, Bottou, Bengio, Haffner: Gradient-based learning applied to document recognition, "
        "Proc. IEEE 86 (1998)"
    )
    lecture = 12
    counterpart = "torch.nn.AvgPool2d"

    def __init__(
        self,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] | None = None,
        padding: int | tuple[int, int] = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        self.kernel_size = pair(kernel_size)
        self.stride = self.kernel_size if stride is None else pair(stride)
        self.padding, self.ceil_mode = pair(padding), ceil_mode
        self.count_include_pad, self.divisor_override = count_include_pad, divisor_override
        require_window("AvgPool2d", self.kernel_size, self.stride, self.padding)
        if divisor_override == 0:
            raise ValueError("AvgPool2d: divisor_override=0, expected another number or None")

    def forward(self, x: Float[Tensor, "*batch height width"]) -> Float[Tensor, "*batch rows columns"]:
        require_windows("AvgPool2d", x, self.kernel_size, self.stride, self.padding, (1, 1), self.ceil_mode)
        self.save(shape=x.shape)
        windows = (self.kernel_size, self.stride, self.padding, self.ceil_mode)
        return F.avg_pool2d(x, *windows, self.count_include_pad, self.divisor_override)

    def backward(
        self, grad_output: Float[Tensor, "*batch rows columns"]
    ) -> Float[Tensor, "*batch height width"]:
        shape, (rows, columns) = self.saved["shape"], grad_output.shape[-2:]
        share = grad_output / self._counts(shape[-2:], (rows, columns)).to(grad_output)
        (top, left), (height, width) = self.padding, shape[-2:]
        reach = [
            (n - 1) * s + k for n, s, k in zip((rows, columns), self.stride, self.kernel_size, strict=True)
        ]
        grad_padded = grad_output.new_zeros(
            *shape[:-2], max(reach[0], top + height), max(reach[1], left + width)
        )
        for slices in places(self.kernel_size, self.stride, (1, 1), (rows, columns)):
            grad_padded[..., *slices] += share
        return grad_padded[..., top : top + height, left : left + width]

    def _counts(self, sizes: Sequence[int], windows: Sequence[int]) -> Tensor:
        """m, the number of places, for each row and column of windows."""
        if self.divisor_override is not None:
            return torch.tensor(self.divisor_override, device=device())
        along = []
        for size, count, kernel, stride, pad in zip(
            sizes, windows, self.kernel_size, self.stride, self.padding, strict=True
        ):
            first = torch.arange(count, device=device()) * stride - pad
            beyond = (first + kernel).clamp(max=size + pad)
            along.append(
                beyond - first if self.count_include_pad else beyond.clamp(max=size) - first.clamp(min=0)
            )
        return along[0][:, None] * along[1]

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, scale, 2, 5, 4)

        def reference(m: AvgPool2d, x: Tensor) -> Tensor:
            padded = F.pad(x, (m.padding[1], m.padding[1], m.padding[0], m.padding[0]))
            windows = padded.unfold(2, m.kernel_size[0], m.stride[0]).unfold(3, m.kernel_size[1], m.stride[1])
            return windows.sum((4, 5)) / (m.divisor_override or m.kernel_size[0] * m.kernel_size[1])

        yield Example(cls(2), (x,), reference=reference)
        yield Example(cls(3, stride=1, padding=1), (x,), reference=reference, label="overlapping")
        yield Example(cls(2, divisor_override=3), (x,), reference=reference, label="another divisor")
        uncounted = cls((3, 2), stride=2, padding=1, ceil_mode=True, count_include_pad=False)
        by_torch = torch.nn.AvgPool2d((3, 2), 2, 1, True, False)
        yield Example(
            uncounted, (x[0],), reference=lambda m, x: by_torch(x), label="one image, padding not counted"
        )
