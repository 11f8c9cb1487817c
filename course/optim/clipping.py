"""Gradient clipping: a limit to how large gradients may be, against steps that jump out of the valley."""

from collections.abc import Iterable

import torch
from torch import Tensor

from course.device import device
from course.module import Parameter


@torch.no_grad()
def clip_grad_norm_(
    parameters: Parameter | Iterable[Parameter],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
) -> Tensor:
    """Shrink all gradients by one factor, so that their norm, taken together, is at most `max_norm`.

    The formula is g ← g · min(1, max/‖g‖).

    The direction stays. Returns the norm before clipping, a 0-d tensor.

    Raises:
        ValueError: max_norm is negative or NaN.
        RuntimeError: with error_if_nonfinite, the norm is infinite or NaN; nothing is changed.

    Source: Pascanu, Mikolov, Bengio: On the difficulty of training recurrent neural networks, ICML (2013).
    """
    _require_limit("max_norm", max_norm)
    grads = _gradients(parameters)
    if not grads:
        return torch.zeros((), device=device())
    norms = torch.stack([torch.linalg.vector_norm(grad, norm_type) for grad in grads])
    total = torch.linalg.vector_norm(norms, norm_type)
    if error_if_nonfinite and not total.isfinite():
        raise RuntimeError(
            f"the gradients' norm is {total.item()}: look for an overflow, or pass error_if_nonfinite=False"
        )
    factor = (max_norm / (total + 1e-6)).clamp(max=1.0)  # torch's 1e-6, against a division by zero
    for grad in grads:
        grad.mul_(factor)
    return total


@torch.no_grad()
def clip_grad_value_(parameters: Parameter | Iterable[Parameter], clip_value: float) -> None:
    """Cut every number of every gradient to [−clip_value, clip_value]; the direction may change.

    Raises:
        ValueError: clip_value is negative or NaN.
    """
    _require_limit("clip_value", clip_value)
    for grad in _gradients(parameters):
        grad.clamp_(-clip_value, clip_value)


def _gradients(parameters: Parameter | Iterable[Parameter]) -> list[Tensor]:
    # Those that were never added to are left out: reading them would make them zeros, which an optimizer no
    # longer skips.
    listed = [parameters] if isinstance(parameters, Parameter) else parameters
    return [parameter.grad for parameter in listed if parameter.has_grad]


def _require_limit(name: str, limit: float) -> None:
    if not limit >= 0:  # written so that NaN is refused too; ∞ only measures
        raise ValueError(f"{name}={limit} is out of range: expected 0 ≤ {name} ≤ ∞")
