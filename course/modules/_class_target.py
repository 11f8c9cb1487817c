"""Targets that name a class for each position: checked, and how much each position counts in the loss."""

import torch
from torch import Tensor

from course.errors import SizeError
from course.module import Buffer


def class_axis(x: Tensor) -> int:
    """The axis of x that runs over the classes: 1, or 0 if x is a single example (classes,)."""
    return 0 if x.dim() == 1 else 1


def require_class_shape(owner: object, x: Tensor, target: Tensor, weight: Buffer | None) -> None:
    """Class indices have x's shape without the axis of the classes; class probabilities have x's shape.

    There is one weight for each class.

    Raises:
        SizeError: the target or the weights have another shape.
    """
    shape = tuple(x.shape)
    classes = shape[class_axis(x)]
    if weight is not None and weight.value.shape != (classes,):
        weight_shape = tuple(weight.value.shape)
        raise SizeError(
            f"{type(owner).__name__}: weight has shape {weight_shape}, expected ({classes},): one for "
            f"each class of x"
        )
    indices = shape[1:] if len(shape) == 1 else shape[:1] + shape[2:]
    probabilities = target.is_floating_point()
    wanted = shape if probabilities else indices
    if target.shape == wanted:
        return
    both = f"argument 'target' has shape {tuple(target.shape)}, expected {wanted} for x of shape {shape}"
    cure = ": one class index for each position"
    if probabilities:
        cure = ", since it holds floating-point numbers: one probability for each class"
        cure += "; if they are class indices, pass target.long()" if tuple(target.shape) == indices else ""
    raise SizeError(f"{type(owner).__name__}: {both}{cure}")


def read_classes(
    owner: object, target: Tensor, classes: int, ignore_index: int
) -> tuple[Tensor, Tensor | None]:
    """The class indices, and where they count (None: everywhere); ignored positions point to class 0.

    Raises:
        IndexError: an index that is not ignored is below 0, or not below the number of classes.
    """
    index = target.long()
    if index.numel() == 0:
        return index, None
    low, high = index.aminmax()
    if int(low) >= 0 and int(high) < classes and not 0 <= ignore_index < classes:
        return index, None  # the usual case, after one pass over the indices
    kept = index != ignore_index
    outside = kept & ((index < 0) | (index >= classes))
    if outside.any():
        value, name = int(index[outside][0]), type(owner).__name__
        cure = f"it must be from 0 to {classes - 1}, or ignore_index={ignore_index}"
        raise IndexError(
            f"{name}: argument 'target' holds class {value}, but x has {classes} classes: {cure}"
        )
    return index.masked_fill(~kept, 0), kept


def share_of_each(
    x: Tensor, index: Tensor, kept: Tensor | None, weight: Tensor | None, reduction: str
) -> Tensor | float:
    """∂L/∂(−log p_iy) for each position i: w_y, or 0 where it is ignored.

    For a mean, it is divided by the sum of all of these.
    """
    if weight is None and kept is None:
        return 1 / max(index.numel(), 1) if reduction == "mean" else 1.0
    counts = torch.ones_like(index, dtype=x.dtype) if weight is None else weight[index]
    if reduction == "mean":
        counts = counts / total_weight(index, kept, weight)
    # after the division, which is 0/0 if none counts
    return counts if kept is None else counts.masked_fill(~kept, 0)


def total_weight(index: Tensor, kept: Tensor | None, weight: Tensor | None) -> Tensor | int:
    """Σ_i w_y over all positions that are not ignored: what a weighted mean divides by."""
    if weight is None:
        return index.numel() if kept is None else kept.sum()
    counts = weight[index]
    return counts.sum() if kept is None else counts.masked_fill(~kept, 0).sum()
