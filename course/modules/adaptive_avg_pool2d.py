"""Average pooling to a given size: however large the image, as many windows as one asks for."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.errors import RankError, SizeError
from course.module import Example, Module


class AdaptiveAvgPool2d(Module):
    """a[n, c, i, j] = the mean of x[n, c] over the rows ⌊i H / R⌋ … ⌈(i + 1) H / R⌉ − 1.

    The columns of the mean are ⌊j W / C⌋ … ⌈(j + 1) W / C⌉ − 1.

    `output_size` is (R, C), one number for both, or None where the image's own size is kept. Windows overlap
    where H / R or W / C is no whole number.

    With g = ∂L/∂a (lecture 12): every number of a window of m places gets g / m, and the sum over its
    windows.

    Raises:
        ValueError: an output size below 1.
        SizeError: an image without a single place.
    """

    formula = r"a_{ij} = \frac{1}{|I_i| |J_j|} \sum_{r \in I_i} \sum_{s \in J_j} x_{rs}"
    source = (
        "He, Zhang, Ren, Sun: Spatial pyramid pooling in deep convolutional networks for visual "
        "recognition, ECCV (2014)"
    )
    lecture = 12
    counterpart = "torch.nn.AdaptiveAvgPool2d"

    def __init__(self, output_size: int | tuple[int | None, int | None] | None) -> None:
        self.output_size = output_size
        if any(size is not None and size < 1 for size in self._wanted()):
            raise ValueError(
                f"AdaptiveAvgPool2d: output_size={output_size}, expected at least 1, or None to keep the size"
            )

    def _wanted(self) -> tuple[int | None, int | None]:
        return (
            self.output_size if isinstance(self.output_size, tuple) else (self.output_size, self.output_size)
        )

    def forward(self, x: Float[Tensor, "*batch height width"]) -> Float[Tensor, "*batch rows columns"]:
        if x.dim() not in (3, 4):
            wanted = "expected (batch, channels, height, width)"
            raise RankError(f"AdaptiveAvgPool2d: argument 'x' has shape {tuple(x.shape)}, {wanted}")
        if not x.shape[-2] * x.shape[-1]:
            wanted = "expected a height and width of at least 1"
            raise SizeError(f"AdaptiveAvgPool2d: argument 'x' has shape {tuple(x.shape)}, {wanted}")
        self.save(shape=x.shape)
        return F.adaptive_avg_pool2d(x, self._wanted())

    def backward(
        self, grad_output: Float[Tensor, "*batch rows columns"]
    ) -> Float[Tensor, "*batch height width"]:
        grad_x = grad_output.new_zeros(self.saved["shape"])
        rows, columns = (
            _windows(*sizes) for sizes in zip(grad_x.shape[-2:], grad_output.shape[-2:], strict=True)
        )
        for i, (top, bottom) in enumerate(rows):
            for j, (left, right) in enumerate(columns):
                share = grad_output[..., i, j] / ((bottom - top) * (right - left))
                grad_x[..., top:bottom, left:right] += share[..., None, None]
        return grad_x

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, scale, 2, 5, 4)

        def reference(m: AdaptiveAvgPool2d, x: Tensor) -> Tensor:
            """A matrix of averages on either side: another way than forward's."""
            rows, columns = (wanted or size for wanted, size in zip(m._wanted(), x.shape[-2:], strict=True))
            return _averages(rows, x.shape[-2], x) @ x @ _averages(columns, x.shape[-1], x).T

        yield Example(cls(2), (x,), reference=reference)
        yield Example(cls((3, None)), (x,), reference=reference, label="overlapping rows")
        yield Example(cls(7), (x[0],), reference=reference, label="more windows than places")


def _windows(size: int, count: int) -> list[tuple[int, int]]:
    """Where each of m = `count` windows begins and ends among n places: ⌊i n / m⌋, ⌈(i + 1) n / m⌉."""
    return [(i * size // count, -(-(i + 1) * size // count)) for i in range(count)]


def _averages(windows: int, size: int, like: Tensor) -> Tensor:
    """In row i, 1 / (length of window i) at the places of window i, else 0."""
    places, window = (
        torch.arange(size, device=like.device),
        torch.arange(windows, device=like.device)[:, None],
    )
    # ⌊i n / m⌋ and ⌈(i + 1) n / m⌉
    first, beyond = window * size // windows, -(-(window + 1) * size // windows)
    inside = (first <= places) & (places < beyond)
    return inside.to(like) / (beyond - first)
