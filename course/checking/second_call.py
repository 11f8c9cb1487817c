"""A second call: the same object with other inputs, in another number, zeros among them.

What is kept from the first call (a mask, a batch size) shows: a new object gives other numbers. A division
by an input, a parameter or grad_output shows, too, at the zeros.
"""

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from course.checking.deadline import DeadlineError, deadline
from course.module import Module, as_tuple

CLOSE = 1e-9
"""How far two runs of one formula may differ, relative to the largest number."""


@dataclass(frozen=True)
class SecondCall:
    """What a second call of an object gave; the names are those of gradients, OUTPUT is the output."""

    stale: tuple[str, ...] = ()
    """What differs from the same of an object that was never called before."""
    infinite: tuple[str, ...] = ()
    """What has numbers that are not finite, in another object, with zeros."""


OUTPUT = ""
"""The name of the output."""


def second_call(
    used: Module, new: Module, names: Sequence[str], inputs: Sequence[Any], seconds: float
) -> SecondCall:
    """Call an object that was called before, and a new one, with inputs made of the first ones.

    Nothing is said where the new one takes no such inputs, or where numbers are drawn at random.
    """
    for other in other_inputs(inputs):
        fresh = copy.deepcopy(new)
        expected = _run(fresh, names, other, seconds)
        if len(expected) < 2:
            continue
        infinite = _infinite(fresh, names, other, seconds)
        given, again = (_run(used, names, other, seconds) for _ in range(2))
        at_random = any(_differ(given[name], again.get(name)) for name in given)
        stale = () if at_random else (n for n, values in expected.items() if _differ(given.get(n), values))
        return SecondCall(tuple(stale), infinite)
    return SecondCall()


def other_inputs(inputs: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
    """Three times as many examples, zeros among them, or as many; in another order, and moved a little."""

    def moved(value: Tensor) -> Tensor:
        return 0.7 * value + 0.1 if value.is_floating_point() else value

    def more(value: Any) -> Any:
        if not isinstance(value, Tensor) or value.dtype == torch.bool or not value.dim():
            return moved(value) if isinstance(value, Tensor) else value
        nothing = torch.zeros_like(value) if value.is_floating_point() else value
        return torch.cat([value.flip(0), moved(value), nothing])

    def as_many(value: Any) -> Any:
        if not isinstance(value, Tensor) or not value.dim():
            return moved(value) if isinstance(value, Tensor) else value
        return moved(value).flip(0)

    yield tuple(more(value) for value in inputs)
    yield tuple(as_many(value) for value in inputs)


def other_upstream(outputs: Sequence[Any]) -> tuple[Any, ...]:
    """An upstream gradient for each output that has one: numbers between −1 and 1, no two alike.

    The first of several is 0.
    """
    return tuple(
        torch.sin(
            torch.arange(output.numel(), dtype=output.dtype, device=output.device) + (output.numel() == 1)
        ).view(output.shape)
        if isinstance(output, Tensor) and output.is_floating_point()
        else None
        for output in outputs
    )


def with_zeros(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors, the first number of each being 0."""
    zeroed = {name: value.clone(memory_format=torch.contiguous_format) for name, value in tensors.items()}
    for value in zeroed.values():
        value.view(-1)[:1] = 0
    return zeroed


def _infinite(module: Module, names: Sequence[str], inputs: Sequence[Any], seconds: float) -> tuple[str, ...]:
    """Which gradients are not finite with zeros among the inputs and the parameters, which stay so."""
    given = dict(zip(names, inputs, strict=True))
    given |= with_zeros({name: value for name, value in given.items() if _is_float(value)})
    parameters = dict(module.named_parameters())
    for name, value in with_zeros({name: each.value for name, each in parameters.items()}).items():
        parameters[name].value = value
    numbers = _run(module, names, tuple(given.values()), seconds)
    return tuple(name for name, values in numbers.items() if not np.isfinite(values).all())


def _is_float(value: Any) -> bool:
    return isinstance(value, Tensor) and value.is_floating_point()


def _run(
    module: Module, names: Sequence[str], inputs: Sequence[Any], seconds: float
) -> dict[str, np.ndarray]:
    """The output and all gradients, as far as they come."""
    given = [value.clone() if isinstance(value, Tensor) else value for value in inputs]
    tensors: dict[str, Any] = {}
    with suppress(Exception, DeadlineError, SystemExit), deadline(seconds):
        module.zero_grad()
        outputs = as_tuple(module.forward(*given))
        tensors[OUTPUT] = outputs[0]
        grads = as_tuple(module.backward(*other_upstream(outputs)))
        tensors |= dict(zip(names, grads, strict=True))
        tensors |= {name: parameter.grad for name, parameter in module.named_parameters()}
    return {
        name: value.detach().cpu().double().numpy().copy()
        for name, value in tensors.items()
        if isinstance(value, Tensor)
    }


def _differ(given: np.ndarray | None, expected: np.ndarray | None) -> bool:
    if given is None or expected is None or given.shape != expected.shape:
        return True
    size = np.abs(expected[np.isfinite(expected)]).max(initial=1e-12)
    return not np.allclose(given, expected, rtol=0.0, atol=CLOSE * size, equal_nan=True)
