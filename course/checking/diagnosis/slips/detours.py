"""A forward told again, with one step that hands back a wrong gradient: what becomes of all tensors."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import torch
from torch import Tensor

from course.checking.diagnosis.mistakes import Mistake
from course.checking.diagnosis.slips.at import At, Slip

UNFIT = (RuntimeError, ValueError, IndexError, TypeError, KeyError, AttributeError)
"""What is raised where a case has other shapes, inputs or options than a list is written for."""

Leaves = Mapping[str, Tensor]
Told = Callable[[Leaves], Tensor | Sequence[Tensor]]
"""A forward: the outputs as a function of the tensors by name."""


def as_if(value: Tensor, other: Tensor) -> Tensor:
    """The value, with the gradient of another."""
    return other + (value - other).detach()


def sloped(value: Tensor, inner: Tensor, slope: Tensor | float) -> Tensor:
    """The value of an elementwise step, with a slope of one's own choice."""
    slope = slope.detach() if isinstance(slope, Tensor) else slope
    return as_if(value, slope * inner)


def product(
    a: Tensor, b: Tensor, *, for_a: Tensor | float | None = None, for_b: Tensor | float | None = None
) -> Tensor:
    """A · b, where `for_a` is what the gradient of a is multiplied with, and `for_b` that of b."""
    factors = [
        own.detach() if given is None else given.detach() if isinstance(given, Tensor) else given
        for given, own in ((for_a, b), (for_b, a))
    ]
    return as_if(a * b, a * factors[0] + b * factors[1])


def gradients(
    at: At, names: Sequence[str], told: Told, grads: Sequence[Tensor | None] | None = None
) -> dict[str, Tensor]:
    """The gradients of a forward that is told again, by name.

    Args:
        names: the tensors it reads; those that this case lacks, or that have no gradient, are left out.
        grads: what arrives at the outputs; what arrived when left out.

    Raises:
        ValueError: its outputs are not those of the true forward.
    """
    leaves = {
        name: at[name].detach().clone().requires_grad_()
        for name in names
        if name in at and isinstance(at[name], Tensor) and at[name].is_floating_point()
    }
    with torch.enable_grad():
        given = told(leaves)
        outs = (given,) if isinstance(given, Tensor) else given
        for out, right in zip(outs, at.outs, strict=False):
            if out.shape != right.shape or not torch.allclose(out.detach(), right.detach()):
                raise ValueError("this is another forward")
        arriving = zip(outs, at.grads if grads is None else grads, strict=False)
        pairs = [(out, grad) for out, grad in arriving if grad is not None and out.requires_grad]
        values = torch.autograd.grad(
            [out for out, _ in pairs],
            list(leaves.values()),
            [grad for _, grad in pairs],
            allow_unused=True,
            materialize_grads=True,
        )
    return dict(zip(leaves, values, strict=True))


def everywhere(
    at: At,
    names: Sequence[str],
    told: Told,
    mistake: Mistake,
    what: str,
    prior: float = 0.95,
    grads: Sequence[Tensor | None] | None = None,
) -> Iterator[Slip | None]:
    """What one wrong step does to the gradients of all tensors; nothing where it does not fit."""
    try:
        predicted = gradients(at, names, told, grads)
    except UNFIT:
        return
    for name, values in predicted.items():
        yield at.slip(name, values, mistake, what, prior)
