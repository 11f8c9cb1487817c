"""The matrix product: every output is a scalar product of a row and a column."""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from course.device import randn
from course.errors import RankError, SizeError
from course.module import Example, Module


class MatMul(Module):
    """A = X Y for matrices, batches of matrices (leading axes broadcast), and vectors, as in torch.matmul.

    With G = ∂L/∂A (lecture 04): ∂L/∂X = G Yᵀ and ∂L/∂Y = Xᵀ G, summed over the axes along which that input
    was broadcast. A vector stands for a row on the left and for a column on the right.

    Raises:
        RankError: an input is a single number.
        SizeError: the rows of X are not as long as the columns of Y, or the batches do not broadcast.
    """

    formula = r"A = X Y"
    source = "Giles: An extended collection of matrix derivative results, Oxford University NA-08/01 (2008)"
    lecture = 4
    counterpart = "torch.matmul"
    symbol = "@"

    def forward(self, x: Float[Tensor, "*x_shape"], y: Float[Tensor, "*y_shape"]) -> Float[Tensor, "..."]:
        if not x.dim() or not y.dim():
            scalar = "x" if not x.dim() else "y"
            raise RankError(
                f"MatMul: argument '{scalar}' has shape (), expected a vector, a matrix or a "
                f"batch of matrices"
            )
        both = f"MatMul: argument 'x' has shape {tuple(x.shape)} and argument 'y' {tuple(y.shape)}"
        if x.shape[-1] != y.shape[-2 if y.dim() > 1 else 0]:
            raise SizeError(f"{both}, expected rows of x as long as the columns of y")
        try:
            torch.broadcast_shapes(x.shape[:-2], y.shape[:-2])
        except RuntimeError:
            raise SizeError(f"{both}, expected leading axes that broadcast") from None
        self.save(x=x, y=y)
        return x @ y

    def backward(
        self, grad_output: Float[Tensor, "..."]
    ) -> tuple[Float[Tensor, "*x_shape"], Float[Tensor, "*y_shape"]]:
        x, y = self.saved["x"], self.saved["y"]
        rows = x if x.dim() > 1 else x[None]
        columns = y if y.dim() > 1 else y[:, None]
        grad = grad_output if x.dim() > 1 else grad_output.unsqueeze(-1 if y.dim() == 1 else -2)
        grad = grad if y.dim() > 1 else grad.unsqueeze(-1)
        grad_rows = (grad @ columns.mT).sum_to_size(rows.shape)
        # one matrix for the whole batch: one large product sums over the batch as well
        if columns.dim() == 2:
            grad_columns = rows.flatten(0, -2).mT @ grad.flatten(0, -2)
        else:
            grad_columns = (rows.mT @ grad).sum_to_size(columns.shape)
        return grad_rows.reshape(x.shape), grad_columns.reshape(y.shape)

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        x = randn(rng, 2 * scale, 4, 3)
        y = randn(rng, 2 * scale, 3, 2)
        yield Example(
            cls(), (x[0], y[0]), reference=lambda m, x, y: torch.einsum("ij,jk->ik", x, y), label="matrices"
        )
        yield Example(
            cls(), (x, y), reference=lambda m, x, y: torch.einsum("bij,bjk->bik", x, y), label="batches"
        )
        yield Example(
            cls(), (x, y[0]), reference=lambda m, x, y: torch.einsum("bij,jk->bik", x, y), label="one for all"
        )
        yield Example(
            cls(),
            (x[0], y[0, :, 0]),
            reference=lambda m, x, y: torch.einsum("ij,j->i", x, y),
            label="a column",
        )
        yield Example(
            cls(), (x[0, 0], y), reference=lambda m, x, y: torch.einsum("j,bjk->bk", x, y), label="a row"
        )
        yield Example(
            cls(), (x[0, 0], y[0, :, 0]), reference=lambda m, x, y: (x * y).sum(), label="two vectors"
        )
        yield Example(
            cls(),
            (x, y[:1]),
            reference=lambda m, x, y: torch.einsum("bij,jk->bik", x, y[0]),
            label="a batch of one",
        )
