"""A sum: every term gets the whole gradient."""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from course.module import Example, Module


class Sum(Module):
    """a = Σ x, over all axes or over those in `dim`; with keepdim=True these stay, with length 1.

    With g = ∂L/∂a (lecture 03): ∂L/∂x = g for every term, so g is spread over the axes that were summed.
    """

    formula = r"a = \sum_i x_i"
    source = "Goodfellow, Bengio, Courville: Deep Learning (2016), section 6.5"
    lecture = 3
    counterpart = "torch.sum"
    symbol = "Σ"

    def __init__(self, dim: int | tuple[int, ...] | None = None, keepdim: bool = False) -> None:
        self.dim, self.keepdim = dim, keepdim

    def extra_repr(self) -> str:
        return f"dim={self.dim}, keepdim={self.keepdim}"

    def forward(self, x: Float[Tensor, "*shape"]) -> Float[Tensor, "..."]:
        self.save(shape=x.shape)
        return x.sum(dim=self.dim, keepdim=self.keepdim)

    def backward(self, grad_output: Float[Tensor, "..."]) -> Float[Tensor, "*shape"]:
        shape = self.saved["shape"]
        return grad_output.reshape(kept_shape(shape, self.dim)).expand(shape)

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = torch.randn(4 * scale, 3, 2, generator=rng, device=rng.device)
        yield Example(cls(), (x,), reference=lambda m, x: torch.einsum("ijk->", x), label="everything")
        yield Example(cls(1), (x,), reference=lambda m, x: torch.einsum("ijk->ik", x), label="one axis")
        yield Example(cls((0, -1)), (x,), reference=lambda m, x: torch.einsum("ijk->j", x), label="two axes")
        kept = lambda m, x: torch.einsum("ijk->ij", x)[..., None]  # noqa: E731
        yield Example(cls(-1, keepdim=True), (x,), reference=kept, label="an axis kept")


def kept_shape(shape: torch.Size, dim: int | tuple[int, ...] | None) -> list[int]:
    """The shape after a reduction over `dim` in which the reduced axes stay, with length 1."""
    reduced = range(len(shape)) if dim is None else (dim,) if isinstance(dim, int) else dim
    gone = {axis % len(shape) for axis in reduced} if shape else set()
    return [1 if axis in gone else size for axis, size in enumerate(shape)]
