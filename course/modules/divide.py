"""Division: the gradient of the denominator grows as the denominator shrinks."""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.module import Example, Module


class Divide(Module):
    """a = x / y, elementwise; shapes broadcast as torch's do.

    With g = ∂L/∂a (lecture 03): ∂L/∂x = g / y and ∂L/∂y = −g x / y² = −g a / y, summed over the axes along
    which that input was broadcast.
    """

    formula = r"a = x / y"
    source = "Goodfellow, Bengio, Courville: Deep Learning (2016), section 6.5"
    lecture = 3
    counterpart = "torch.div"
    symbol = "÷"
    local = ("1/y", "−x/y²")

    def forward(self, x: Float[Tensor, "*#shape"], y: Float[Tensor, "*#shape"]) -> Float[Tensor, "*shape"]:
        out = x / y
        self.save(y=y, out=out, x_shape=x.shape)
        return out

    def backward(
        self, grad_output: Float[Tensor, "*shape"]
    ) -> tuple[Float[Tensor, "*x_shape"], Float[Tensor, "*y_shape"]]:
        y, x_shape = self.saved["y"], self.saved["x_shape"]
        grad_x = grad_output / y
        return grad_x.sum_to_size(x_shape), (-grad_x * self.saved["out"]).sum_to_size(y.shape)

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, 4 * scale, 3)
        y = 1 + torch.rand(4 * scale, 3, generator=rng, device=rng.device)
        reference = lambda m, x, y: torch.exp(-torch.log(y)) * x  # noqa: E731
        yield Example(cls(), (x, y), reference=reference, label="same shape")
        yield Example(cls(), (x, y[:, :1]), reference=reference, label="a number for every row")
        yield Example(cls(), (x[0], y), reference=reference, label="a row for every example")
