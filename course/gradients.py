"""Numerical gradients: what a derivative is, measured by moving one number at a time."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from course.module import as_tuple


def step_size(value: Tensor) -> Tensor:
    """How far to move each number in `value` for a central difference.

    A step h makes a truncation error of about h²·|f‴|/6 and a round-off error of about ε·|f|/h, ε being the dtype's precision.
    Their sum is least near h = ε^(1/3), 6·10⁻⁶ in float64, measured against the size of the number that is moved.
    """
    return torch.finfo(value.dtype).eps ** (1 / 3) * value.abs().clamp(min=1.0)


def numerical_gradients(
    function: Callable[..., Any], tensors: Sequence[Tensor], grad_outputs: Sequence[Tensor]
) -> list[Tensor]:
    """∂L/∂t for every tensor t, from L = Σ grad_output · function(*tensors) and central differences.

    Each coordinate in turn: (f(… t_i + h …) − f(… t_i − h …)) / 2h, projected on `grad_outputs`.

    Args:
        function: takes `tensors`, returns a tensor or a tuple of tensors; it is called twice for each coordinate.
        tensors: float64 tensors of any shape; they are not changed.
        grad_outputs: the upstream gradient ∂L/∂output of each output, in the output's shape.

    Raises:
        ValueError: a tensor is not float64, in which the differences would drown in round-off.

    Source: Bishop: Pattern Recognition and Machine Learning (2006), section 5.3.3.
    """
    gradients = []
    for position, tensor in enumerate(tensors):
        if tensor.dtype != torch.float64:
            raise ValueError(f"numerical gradients need float64, tensor {position} is {tensor.dtype}: use .double()")
        tensor = tensor.contiguous()
        gradient, steps = torch.zeros_like(tensor), step_size(tensor)
        for index in range(tensor.numel()):
            losses = []
            for sign in (1.0, -1.0):
                moved = tensor.clone()
                moved.view(-1)[index] += sign * steps.view(-1)[index]
                outputs = as_tuple(function(*tensors[:position], moved, *tensors[position + 1 :]))
                losses.append([output.clone() for output in outputs])
            # Differences first, sums after: numbers that did not change then cancel exactly.
            rise = sum(((up - down) * grad).sum() for up, down, grad in zip(*losses, grad_outputs, strict=True))
            gradient.view(-1)[index] = rise / (2 * steps.view(-1)[index])
        gradients.append(gradient)
    return gradients
