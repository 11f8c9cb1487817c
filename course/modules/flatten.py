"""Flattening: several axes into one, so that a linear layer can read an image."""

from collections.abc import Iterator

from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.errors import RankError
from course.module import Example, Module


class Flatten(Module):
    """a has the numbers of x in the same order, the axes `start_dim` … `end_dim` joined into one.

    With g = ∂L/∂a (lecture 12): ∂L/∂x = g in the shape of x.

    Raises:
        RankError: there are no such axes.
    """

    formula = r"a = \mathrm{flatten}(x)"
    source = (
        "LeCun, Bottou, Bengio, Haffner: Gradient-based learning applied to document recognition, "
        "Proc. IEEE 86 (1998)"
    )
    lecture = 12
    counterpart = "torch.nn.Flatten"

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, x: Float[Tensor, "*shape"]) -> Float[Tensor, "..."]:
        rank = max(x.dim(), 1)
        axes = [axis + rank * (axis < 0) for axis in (self.start_dim, self.end_dim)]
        if not 0 <= axes[0] <= axes[1] < rank:
            wanted = f"expected axes {self.start_dim} to {self.end_dim} in this order"
            raise RankError(f"Flatten: argument 'x' has shape {tuple(x.shape)}, {wanted}")
        self.save(shape=x.shape)
        return x.flatten(self.start_dim, self.end_dim)

    def backward(self, grad_output: Float[Tensor, "..."]) -> Float[Tensor, "*shape"]:
        return grad_output.reshape(self.saved["shape"])

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, 2 * scale, 2, 3, 2)
        yield Example(cls(), (x,), reference=lambda m, x: x.reshape(len(x), -1))
        yield Example(cls(0, 2), (x,), reference=lambda m, x: x.reshape(-1, 2), label="other axes")
