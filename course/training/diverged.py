"""A loss that is no number any more: where it happened, and why, as far as can be seen."""

from collections.abc import Iterable

import torch
from torch import Tensor

from course.module import Module
from course.optim import Optimizer
from course.training.history import History


class DivergedError(ArithmeticError):
    """The loss became NaN or infinite; `history` holds the epochs before."""

    history: History


def diverged(
    model: Module,
    optimizer: Optimizer,
    inputs: tuple[Tensor, ...],
    targets: Tensor,
    outputs: tuple[Tensor, ...],
    loss: float,
    place: str,
) -> DivergedError:
    """The error for a batch whose loss is not finite.

    The parameters' gradients must still be those of the step before.
    """
    return DivergedError(
        f"the loss became {loss:g} in {place}. {_cause(model, optimizer, inputs, targets, outputs)}"
    )


def _cause(
    model: Module,
    optimizer: Optimizer,
    inputs: tuple[Tensor, ...],
    targets: Tensor,
    outputs: tuple[Tensor, ...],
) -> str:
    for name, values in (("inputs", inputs), ("targets", (targets,))):
        if not _finite(values):
            return f"The {name} of this batch hold NaN or ∞: look at the data."
    for name, parameter in model.named_parameters():
        if parameter.has_grad and parameter.grad.isnan().any():
            origin = f"The step before, where the loss was still a number, gave '{name}' a gradient with NaN"
            return f"{origin}: run check_module on the modules whose backward you wrote."
    cause = f"the learning rate {optimizer.lr:g} is too large (try {optimizer.lr / 10:g}, or clip_norm=1.0)"
    if all(bool((output.abs() <= 1).all()) for output in outputs):  # probabilities
        joined = "CrossEntropyLoss and BCEWithLogitsLoss, which take logits, never do"
        return f"Likely the loss took the logarithm of a probability of 0 ({joined}), or {cause}."
    return f"Likely {cause}."


def _finite(tensors: Iterable[Tensor]) -> bool:
    return all(bool(torch.isfinite(tensor).all()) for tensor in tensors if tensor.is_floating_point())
