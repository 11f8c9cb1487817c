"""Max pooling: the largest number of every window."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Generator, Tensor

from course.module import Example, Module
from course.modules._convolution import pair
from course.modules._pooling import require_window, require_windows, sees_nothing


class MaxPool2d(Module):
    """a[n, c, i, j] = the largest x[n, c, s i + d u − p, s j + d v − p] over the window's u, v.

    It is never a padded place; where a window has only such places, a is −∞.

    s is the `stride` (the kernel size when left out), d the `dilation`, p the `padding`. With ceil_mode=True
    a last window that hangs over the edge counts too; with return_indices=True the winners' places are
    returned as well.

    With g = ∂L/∂a (lecture 12): g goes to the number that won, the first of them in a tie, and adds up where
    one number wins several windows; all others get 0.

    Raises:
        ValueError: more padding than half the kernel, or a size below 1.
        SizeError: no window fits.
    """

    formula = r"a_{cij} = \max_{u,v} x_{c,\,si+du-p,\,sj+dv-p}"
    source = (
        "Ranzato, Huang, Boureau, LeCun: Unsupervised learning of invariant feature hierarchies, CVPR (2007)"
    )
    lecture = 12
    counterpart = "torch.nn.MaxPool2d"

    def __init__(
        self,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] | None = None,
        padding: int | tuple[int, int] = 0,
        dilation: int | tuple[int, int] = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        self.kernel_size = pair(kernel_size)
        self.stride = self.kernel_size if stride is None else pair(stride)
        self.padding, self.dilation = pair(padding), pair(dilation)
        self.return_indices, self.ceil_mode = return_indices, ceil_mode
        require_window("MaxPool2d", self.kernel_size, self.stride, self.padding, self.dilation)

    def forward(
        self, x: Float[Tensor, "*batch height width"]
    ) -> (
        Float[Tensor, "*batch rows columns"]
        | tuple[Float[Tensor, "*batch rows columns"], Int[Tensor, "*batch rows columns"]]
    ):
        options = (self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode)
        require_windows("MaxPool2d", x, *options)
        out, indices = F.max_pool2d(x, *options, return_indices=True)
        self.save(shape=x.shape, indices=indices)
        return (out, indices) if self.return_indices else out

    def backward(
        self, grad_output: Float[Tensor, "*batch rows columns"], grad_indices: None = None
    ) -> Float[Tensor, "*batch height width"]:
        grad_x = grad_output.new_zeros(self.saved["shape"])
        winners = self.saved["indices"]
        if max(self.dilation) > 1 and max(self.padding) > 0:  # windows without gaps see more than padding
            nothing = sees_nothing(
                grad_x, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode
            )
            winners, grad_output = winners.masked_fill(nothing, 0), grad_output.masked_fill(nothing, 0)
        # each winner is the place row · width + column in its own image
        # grad_x[winner] += grad_output
        grad_x.flatten(-2).scatter_add_(-1, winners.flatten(-2), grad_output.flatten(-2))
        return grad_x

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        count = scale * 2 * 5 * 4
        shuffled = torch.randperm(count, generator=rng, device=rng.device).to(torch.get_default_dtype())
        # no two alike: a finite difference must not change who wins
        x = (shuffled / count).view(scale, 2, 5, 4)

        def reference(m: MaxPool2d, x: Tensor) -> Tensor:
            padded = F.pad(x, (m.padding[1], m.padding[1], m.padding[0], m.padding[0]), value=-torch.inf)
            windows = padded.unfold(2, m.kernel_size[0], m.stride[0]).unfold(3, m.kernel_size[1], m.stride[1])
            return windows.flatten(4).max(4).values

        yield Example(cls(2), (x,), reference=reference)
        yield Example(cls(3, stride=1, padding=1), (x,), reference=reference, label="overlapping")
        yield Example(
            cls((2, 3)), (x[0],), reference=lambda m, x: reference(m, x[None])[0], label="one image"
        )
        apart = cls((2, 3), stride=2, padding=1, dilation=2, ceil_mode=True)
        by_torch = torch.nn.MaxPool2d((2, 3), 2, 1, 2, ceil_mode=True)
        yield Example(
            apart, (x,), reference=lambda m, x: by_torch(x), label="dilation, hanging over the edge"
        )
