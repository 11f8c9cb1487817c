"""A leaky rectifier that learns how much of the negative side to let through."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import device, randn
from course.errors import SizeError
from course.module import Example, Module, Parameter


class PReLU(Module):
    """a = x where x > 0, else β x; `weight` is β, one for everything or one for each channel (axis 1 of x).

    With g = ∂L/∂a (lecture 06): ∂L/∂x = g where x > 0, else β g; ∂L/∂β = Σ g x over the elements with x ≤ 0
    that share the β.

    Raises:
        SizeError: x has another number of channels than there are β.
    """

    formula = r"a = \max(0, x) + \beta \min(0, x)"
    source = "He, Zhang, Ren, Sun: Delving deep into rectifiers, ICCV (2015)"
    lecture = 6
    counterpart = "torch.nn.PReLU"
    symbol = "PReLU"
    local = ("1 if x > 0 else β",)

    def __init__(self, num_parameters: int = 1, init: float = 0.25) -> None:
        self.num_parameters, self.init = num_parameters, init
        self.weight = Parameter(torch.full((num_parameters,), init, device=device()))

    def forward(self, x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        channels = x.shape[1] if x.dim() > 1 else 1
        if self.num_parameters not in (1, channels):
            expected = f"(batch, channels={self.num_parameters}, …): one channel for each slope"
            raise SizeError(f"PReLU: argument 'x' has shape {tuple(x.shape)}, expected {expected}")
        self.save(x=x)
        return F.prelu(x, self.weight.value)

    def backward(self, grad_output: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        x = self.saved["x"]
        slope = self.slope_of_each(x)
        shares = torch.where(x > 0, 0.0, grad_output * x)
        self.weight.grad += shares.sum_to_size(slope.shape).reshape(-1)
        return torch.where(x > 0, grad_output, slope * grad_output)

    def slope_of_each(self, x: Tensor) -> Tensor:
        """β with the axes of x, the channels along axis 1 (the only axis of a vector)."""
        return self.weight.value.reshape(
            [-1 if axis == min(1, x.dim() - 1) else 1 for axis in range(x.dim())]
        )

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, 4 * scale, 3, 2)
        away = x + 0.1 * x.sign()  # finite differences must not step over the kink at 0
        reference = lambda m, x: F.prelu(x, m.weight.value)  # noqa: E731
        yield Example(cls(), (away,), reference=reference, label="one slope")
        yield Example(cls(3), (away,), reference=reference, label="a slope for each channel")
        yield Example(cls(3), (away[..., 0],), reference=reference, label="a slope for each feature")
