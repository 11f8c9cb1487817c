"""A border of zeros around an image."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.errors import SizeError
from course.module import Example, Module


class ZeroPad2d(Module):
    """a is x with zeros around it.

    `padding` is (left, right, top, bottom), or one number for all sides; negative ones cut off.

    With g = ∂L/∂a (lecture 12): ∂L/∂x is g without the border, 0 for what was cut off: padding by as much the
    other way.

    Raises:
        ValueError: neither one number nor four.
        SizeError: more is cut off than there is.
    """

    formula = r"a_{ij} = x_{i-t,\,j-l} \text{ inside the image, else } 0"
    source = "Goodfellow, Bengio, Courville: Deep Learning (2016), section 9.5"
    lecture = 12
    counterpart = "torch.nn.ZeroPad2d"
    symbol = "pad"

    def __init__(self, padding: int | tuple[int, ...]) -> None:
        self.padding = (padding,) * 4 if isinstance(padding, int) else tuple(padding)
        if len(self.padding) != 4:
            raise ValueError(
                f"ZeroPad2d: padding={padding}, expected one number, or (left, right, top, bottom)"
            )

    def forward(self, x: Float[Tensor, "*batch height width"]) -> Float[Tensor, "*batch rows columns"]:
        left, right, top, bottom = self.padding
        rows, columns = x.shape[-2] + top + bottom, x.shape[-1] + left + right
        if rows < 1 or columns < 1:
            cut = (
                f"padding={self.padding} leaves {rows} rows and {columns} columns of it, expected at "
                f"least 1 of each"
            )
            raise SizeError(f"ZeroPad2d: argument 'x' has shape {tuple(x.shape)}; {cut}")
        self.save(padding=self.padding)
        return F.pad(x, self.padding)

    def backward(
        self, grad_output: Float[Tensor, "*batch rows columns"]
    ) -> Float[Tensor, "*batch height width"]:
        return F.pad(grad_output, [-size for size in self.saved["padding"]])

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, scale, 2, 3, 4)

        def reference(m: ZeroPad2d, x: Tensor) -> Tensor:
            left, _, top, _ = m.padding
            height, width = x.shape[-2:]
            rows = F.one_hot(torch.arange(height, device=x.device) + top, height + sum(m.padding[2:])).to(x)
            columns = F.one_hot(torch.arange(width, device=x.device) + left, width + sum(m.padding[:2])).to(x)
            return rows.T @ x @ columns

        yield Example(cls(1), (x,), reference=reference)
        yield Example(cls((1, 2, 0, 3)), (x,), reference=reference, label="other sides")
        yield Example(
            cls((-1, 1, 0, -1)), (x,), reference=lambda m, x: F.pad(x[..., :-1, 1:], (0, 1)), label="cut off"
        )
