"""Fallback: the backward of a module that has none of its own, by torch.autograd."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from course.errors import NoBackwardError, SavedError
from course.guards import Guarded, as_tuple, require_output_shapes
from course.modes import recording
from course.parameter import Buffer, Parameter


class _Door:
    """Which kinds of module may fall back in this process, in all of its threads; None: every kind."""

    kinds: Collection[type] | None = None


_DOOR = _Door()


@contextmanager
def falling_back_only(kinds: Collection[type] | None) -> Iterator[None]:
    """Inside, torch differentiates only for modules of these kinds, where they have no backward.

    Outside a question to a student's object it does so for every kind, as with None.
    """
    before, _DOOR.kinds = _DOOR.kinds, kinds
    try:
        yield
    finally:
        _DOOR.kinds = before


def fall_back_never() -> None:
    """From now on, torch differentiates for no module in this process, but inside `falling_back_only`."""
    _DOOR.kinds = ()


def require_fallback(module: object) -> None:
    """Make sure that torch may differentiate for a module.

    Raises:
        NoBackwardError: it may not.
    """
    # by identity: a class may claim to equal another
    if _DOOR.kinds is not None and not any(type(module) is kind for kind in _DOOR.kinds):
        raise NoBackwardError(f"{type(module).__name__} has no backward here: write the derivative by hand")


def autograd_backward(
    module: Guarded,
    parameters: Sequence[Parameter],
    buffers: Sequence[Buffer],
    grad_outputs: tuple[Tensor | None, ...],
) -> Any:
    """Run forward again on the kept inputs, this time recording it, and differentiate.

    Afterwards all is as it was before: parameters' values, buffers (a batch counts once in running
    statistics), what was saved, and the generator of random numbers, which draws for this run what it drew
    for the first.

    Args:
        module: has run forward; the gradients of its inputs are returned.
        parameters: of the module and all within it; the gradients are added to theirs.
        buffers: of the module and all within it.
        grad_outputs: ∂L/∂output for each output.

    Raises:
        NoBackwardError: this kind of module may not fall back here.
        SavedError: there was no forward.
    """
    require_fallback(module)
    if not module._inputs:
        raise SavedError(f"{type(module).__name__}: call forward before backward")
    require_output_shapes(module, grad_outputs)
    kept, shapes = module._inputs, module.output_shapes
    inputs = [_leaf(value) if _is_differentiable(value) else value for value in kept]
    values = [(held, held.value) for held in (*parameters, *buffers)]
    saved, rng = module.saved, getattr(module, "rng", None)
    if module._rng_before is not None:
        vars(module)["rng"] = module._rng_before.clone_state()
    try:
        with recording():
            for parameter in parameters:
                parameter.value = _leaf(parameter.value)
            outputs = as_tuple(module.forward(*inputs))
            sources = [x for x in inputs if _is_differentiable(x)] + [
                parameter.value for parameter in parameters
            ]
            gradients = iter(_differentiate(outputs, sources, grad_outputs))
    finally:
        for held, value in values:
            held.value = value
        module.saved, module._inputs, module.output_shapes = saved, kept, shapes
        if module._rng_before is not None:
            vars(module)["rng"] = rng
    grads = tuple(next(gradients) if _is_differentiable(x) else None for x in inputs)
    for parameter, grad in zip(parameters, gradients, strict=True):
        parameter.grad += grad
    return grads[0] if len(grads) == 1 else grads


def _differentiate(
    outputs: Sequence[Any], sources: Sequence[Tensor], grad_outputs: Sequence[Tensor | None]
) -> tuple[Tensor, ...]:
    """∂L/∂source for each source, zero for one that no output depends on."""
    pairs = zip(outputs, grad_outputs, strict=False)
    flowing = [(o, g) for o, g in pairs if g is not None and o is not None and o.requires_grad]
    used, upstream = [o for o, _ in flowing], [g for _, g in flowing]
    return torch.autograd.grad(used, sources, upstream, allow_unused=True, materialize_grads=True)


def _leaf(value: Tensor) -> Tensor:
    return value.detach().clone().requires_grad_()


def _is_differentiable(value: Any) -> bool:
    return isinstance(value, Tensor) and value.is_floating_point()
