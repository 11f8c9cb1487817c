"""Another shape for the same numbers."""

import math
from collections.abc import Iterator

from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.errors import SizeError
from course.module import Example, Module


class Reshape(Module):
    """a has the numbers of x, in the same order, in the shape `shape`.

    One length may be −1: it is whatever is left.

    With g = ∂L/∂a (lecture 04): ∂L/∂x = g in the shape of x.

    Raises:
        SizeError: x has another number of elements than the shape.
        ValueError: the shape has a negative length, or −1 twice.
    """

    formula = r"a = \mathrm{reshape}(x)"
    source = "Goodfellow, Bengio, Courville: Deep Learning (2016), section 6.5"
    lecture = 4
    counterpart = "torch.reshape"
    symbol = "reshape"

    def __init__(self, *shape: int | tuple[int, ...]) -> None:
        sizes: tuple = shape[0] if len(shape) == 1 and isinstance(shape[0], tuple) else shape
        self.shape: tuple[int, ...] = sizes
        if min(self.shape, default=0) < -1 or self.shape.count(-1) > 1:
            raise ValueError(
                f"Reshape: the shape is {self.shape}, expected lengths from 0 and at most one −1"
            )

    def forward(self, x: Float[Tensor, "*x_shape"]) -> Float[Tensor, "..."]:
        known = math.prod(size for size in self.shape if size != -1)
        fits = known and x.numel() % known == 0 if -1 in self.shape else x.numel() == known
        if not fits:
            raise SizeError(
                f"Reshape: argument 'x' has shape {tuple(x.shape)}, whose numbers do not fit "
                f"into {self.shape}"
            )
        self.save(x_shape=x.shape)
        return x.reshape(self.shape)

    def backward(self, grad_output: Float[Tensor, "..."]) -> Float[Tensor, "*x_shape"]:
        return grad_output.reshape(self.saved["x_shape"])

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, 2 * scale, 3, 2)
        yield Example(cls(-1, 6), (x,), reference=lambda m, x: x.flatten(1), label="flat rows")
        yield Example(
            cls(6, 2 * scale),
            (x.transpose(0, 2),),
            reference=lambda m, x: x.flatten().view(m.shape),
            label="transposed",
        )
