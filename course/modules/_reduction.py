"""What becomes of a loss's numbers: kept ("none"), averaged ("mean") or added ("sum"), and the way back."""

from torch import Tensor

from course.errors import SizeError
from course.module import Buffer


def reduce(losses: Tensor, reduction: str) -> Tensor:
    """L = (L_1, …, L_n), their mean or their sum."""
    if reduction == "mean":
        return losses.mean()
    return losses.sum() if reduction == "sum" else losses


def grad_of_losses(grad_output: Tensor, reduction: str, count: int) -> Tensor:
    """∂L/∂L_i for each of `count` losses: g_i if they were kept, g if added up, g / count if averaged.

    A sum or a mean hands the same number to all of them, so that one number is returned: it broadcasts.
    """
    return grad_output / count if reduction == "mean" else grad_output


def optional_buffer(weight: Tensor | None) -> Buffer | None:
    """A loss's weights belong to its state, untrained; None stands for no weights."""
    return None if weight is None else Buffer(weight)


def require_broadcast(owner: object, name: str, weight: Buffer | None, shape: tuple[int, ...]) -> None:
    """Weights must broadcast to the shape of the input, and not beyond.

    Raises:
        SizeError: they do not.
    """
    if weight is None:
        return
    weight_shape = tuple(weight.value.shape)
    beyond = len(weight_shape) > len(shape)
    if beyond or any(
        size not in (1, wanted) for size, wanted in zip(weight_shape[::-1], shape[::-1], strict=False)
    ):
        raise SizeError(
            f"{type(owner).__name__}: {name} has shape {weight_shape}, which does not broadcast to the "
            f"input's {tuple(shape)}"
        )
