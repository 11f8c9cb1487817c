"""Numerical gradients: what a derivative is, measured by moving one number at a time, many of them at once."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from course.module import as_tuple

CHUNK = 2**19
"""How many numbers the moved copies of a tensor may have at a time: 4 MiB in float64, which processors keep near at hand."""


def step_size(value: Tensor) -> Tensor:
    """How far to move each number in `value` for a central difference.

    A step h makes a truncation error of about h²·|f‴|/6 and a round-off error of about ε·|f|/h, ε being the dtype's precision.
    Their sum is least near h = ε^(1/3), 6·10⁻⁶ in float64, measured against the size of the number that is moved.
    """
    return torch.finfo(value.dtype).eps ** (1 / 3) * value.abs().clamp(min=1.0)


def numerical_gradients(
    function: Callable[..., Any],
    tensors: Sequence[Tensor],
    grad_outputs: Sequence[Tensor],
    *,
    vectorize: bool = True,
) -> list[Tensor]:
    """∂L/∂t for every tensor t, from L = Σ grad_output · function(*tensors) and central differences.

    Each coordinate by itself: (f(… t_i + h …) − f(… t_i − h …)) / 2h, projected on `grad_outputs`. Many coordinates are moved
    in one call through torch.vmap; a function that vmap cannot take, one that branches on its values say, is called for each.

    Args:
        function: takes `tensors`, returns a tensor or a tuple of tensors.
        tensors: float64 tensors of any shape; they are not changed.
        grad_outputs: the upstream gradient ∂L/∂output of each output, in the output's shape.
        vectorize: False calls the function for each coordinate right away.

    Raises:
        ValueError: a tensor is not float64, in which the differences would drown in round-off.

    Source: Bishop: Pattern Recognition and Machine Learning (2006), section 5.3.3.
    """
    for position, tensor in enumerate(tensors):
        if tensor.dtype != torch.float64:
            raise ValueError(f"numerical gradients need float64, tensor {position} is {tensor.dtype}: use .double()")
    return [_gradient(function, tensors, position, grad_outputs, vectorize) for position in range(len(tensors))]


def projected_gradients(
    function: Callable[..., Any], tensors: Sequence[Tensor], grad_outputs: Sequence[Tensor], directions: Sequence[Tensor]
) -> list[Tensor]:
    """Σ_i ∂L/∂t_i · d_i for every tensor t with its direction d: two calls of the function for each tensor, however large.

    A gradient whose product with a random direction is another number is wrong; one that passes is right but for bad luck,
    which with normally distributed directions has probability 0 in exact arithmetic.

    Source: Nocedal, Wright: Numerical Optimization (2006), section 8.1.
    """
    slopes = []
    for position, (tensor, direction) in enumerate(zip(tensors, directions, strict=True)):
        step = torch.finfo(tensor.dtype).eps ** (1 / 3)
        losses = []
        for sign in (1, -1):
            moved = tensor + sign * step * direction
            outputs = as_tuple(function(*tensors[:position], moved, *tensors[position + 1 :]))
            losses.append([output.clone() for output in outputs])
        rise = sum(((above - below) * grad).sum() for above, below, grad in zip(*losses, grad_outputs, strict=True))
        slopes.append(rise / (2 * step))
    return slopes


def _gradient(
    function: Callable[..., Any], tensors: Sequence[Tensor], position: int, grad_outputs: Sequence[Tensor], vectorize: bool
) -> Tensor:
    """∂L/∂t of the tensor at one position."""
    tensor = tensors[position].contiguous()
    steps = step_size(tensor).flatten()

    def rise(up: Tensor, down: Tensor) -> Tensor:
        """L(up) − L(down). Differences first, sums after: numbers that did not change then cancel exactly."""
        before, after = tensors[:position], tensors[position + 1 :]
        outputs = [output.clone() for output in as_tuple(function(*before, up, *after))]  # a function may use its memory again
        total = torch.zeros((), dtype=tensor.dtype, device=tensor.device)
        for above, below, grad in zip(outputs, as_tuple(function(*before, down, *after)), grad_outputs, strict=True):
            total = total + (above - below).flatten() @ grad.flatten()
        return total

    rises = []
    for ups, downs in _moved(tensor, steps):
        found = None
        if vectorize:
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("error")  # vmap warns where it only loops itself
                    found = torch.vmap(rise)(ups, downs)
            except Exception:  # whatever vmap does not know; a mistake of the function's own is raised again below
                vectorize = False
        rises.append(torch.stack([rise(up, down) for up, down in zip(ups, downs, strict=True)]) if found is None else found)
    return (torch.cat(rises) / (2 * steps)).view(tensor.shape) if rises else torch.zeros_like(tensor)


def _moved(tensor: Tensor, steps: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Copies of `tensor`, each with one number moved up, and the same moved down, as many at a time as CHUNK admits.

    The copies are in the same memory each time: done with one pair, ask for the next.
    """
    size = tensor.numel()
    count = max(1, min(size, CHUNK // max(1, size)))
    copies = [torch.empty(count, size, dtype=tensor.dtype, device=tensor.device) for _ in range(2)]
    for start in range(0, size, count):
        part = steps[start : start + count]
        for copy, sign in zip(copies, (1, -1), strict=True):
            copy.copy_(tensor.view(1, -1).expand_as(copy))
            diagonal = copy.view(-1)[start :: size + 1]  # number `start` of the first copy, the next of the second, and so on
            diagonal[: len(part)].add_(part, alpha=sign)
        up, down = (copy[: len(part)].view(len(part), *tensor.shape) for copy in copies)
        yield up, down
