"""An axis by its number, counted from the back when negative, for the modules that are told one."""

from collections.abc import Sequence

from torch import Tensor

from course.errors import RankError
from course.module import Module


def axis_of(module: Module, x: Tensor, dim: int, argument: str = "x") -> int:
    """`dim` counted from the front. A tensor without axes counts as one with a single axis, as in torch.

    Raises:
        RankError: x has no such axis.
    """
    rank = max(x.dim(), 1)
    if not -rank <= dim < rank:
        name, shape = type(module).__name__, tuple(x.shape)
        raise RankError(f"{name}: argument '{argument}' has shape {shape}, expected one with an axis {dim}")
    return dim % rank


def reduced_axes(module: Module, x: Tensor, dim: int | tuple[int, ...] | None) -> list[int]:
    """The axes over which a reduction runs: those in `dim`, all when it is None or names none.

    Raises:
        RankError: x has no such axis.
        ValueError: an axis is named twice.
    """
    if dim is None or dim == ():
        return list(range(x.dim()))
    axes = [axis_of(module, x, axis) for axis in ((dim,) if isinstance(dim, int) else dim)]
    if len(set(axes)) < len(axes):
        raise ValueError(
            f"{type(module).__name__}: dim={dim} names an axis of shape {tuple(x.shape)} twice: "
            f"name each once"
        )
    return axes


class _OverAxes(Module):
    """A module that makes one number of the numbers along some axes: of all when `dim` is None.

    With keepdim=True these axes stay, with length 1.

    Raises:
        RankError: there is no such axis.
        ValueError: an axis is named twice.
    """

    def __init__(self, dim: int | tuple[int, ...] | None = None, keepdim: bool = False) -> None:
        self.dim, self.keepdim = dim, keepdim


def kept_shape(shape: Sequence[int], axes: list[int]) -> list[int]:
    """The shape in which the axes that a reduction ran over stay, with length 1."""
    return [1 if axis in axes else size for axis, size in enumerate(shape)]
