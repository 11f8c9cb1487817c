"""A number times itself."""

from collections.abc import Iterator

from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.module import Example, Module


class Square(Module):
    """a = x², elementwise. With g = ∂L/∂a (lecture 03): ∂L/∂x = 2 g x."""

    formula = r"a = x^2"
    source = "Goodfellow, Bengio, Courville: Deep Learning (2016), section 6.5"
    lecture = 3
    counterpart = "torch.square"
    symbol = "x²"
    local = ("2·x",)

    def forward(self, x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        self.save(x=x)
        return x.square()

    def backward(self, grad_output: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        return 2 * grad_output * self.saved["x"]

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, 4 * scale, 3)
        yield Example(cls(), (x,), reference=lambda m, x: x * x)
