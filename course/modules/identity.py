"""The identity: hands everything on, as the output of a regression does."""

from collections.abc import Iterator
from typing import Any

from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.module import Example, Module


class Identity(Module):
    """a = x. With g = ∂L/∂a (lecture 06): ∂L/∂x = g. The constructor ignores its arguments, as in torch."""

    formula = r"a = x"
    source = "Bishop: Pattern Recognition and Machine Learning (2006), section 5.1"
    lecture = 6
    counterpart = "torch.nn.Identity"
    symbol = "x"
    local = ("1",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def forward(self, x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        self.save()
        return x

    def backward(self, grad_output: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        return grad_output

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, 4 * scale, 3)
        yield Example(cls(), (x,), reference=lambda m, x: x.clone())
