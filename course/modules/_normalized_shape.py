"""The last axes of a tensor, over which some modules normalize."""

from collections.abc import Sequence

from torch import Tensor

from course.errors import SizeError


def as_shape(normalized_shape: int | Sequence[int]) -> tuple[int, ...]:
    """One size or several as a tuple.

    Raises:
        ValueError: there is none.
    """
    shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    if not shape:
        raise ValueError("normalized_shape is empty: give the size of at least one axis")
    return shape


def require_last_axes(owner: object, x: Tensor, normalized_shape: tuple[int, ...]) -> None:
    """The tensor ends in the axes that are normalized.

    Raises:
        SizeError: it does not.
    """
    if x.shape[-len(normalized_shape) :] != normalized_shape:
        wanted = ", ".join(map(str, normalized_shape))
        both = (
            f"argument 'x' has shape {tuple(x.shape)}, expected (…, {wanted}): it must end in "
            f"normalized_shape"
        )
        raise SizeError(f"{type(owner).__name__}: {both}")
