"""What the checkers of other courses have in common: one forward, one backward, and central differences."""

import copy
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Generator, Tensor

from course.module import Module, as_tuple

Peer = Callable[..., bool]
Reference = Callable[..., Any] | None


@dataclass
class Trial:
    """A module that ran forward and backward once, beside the numbers that a checker moves."""

    module: Module
    inputs: tuple[Any, ...]
    reference: Reference
    upstream: tuple[Any, ...] = ()
    grads: tuple[np.ndarray | None, ...] = ()
    """∂L/∂input of the floating-point inputs, then ∂L/∂parameter, in the order of `moving`."""

    @functools.cached_property
    def names(self) -> list[str]:
        """What is moved: an empty name for each floating-point input, then the parameters' names."""
        return [""] * sum(map(is_float, self.inputs)) + [name for name, _ in self.module.named_parameters()]

    @property
    def moving(self) -> list[Tensor]:
        """The tensors in which numbers are moved."""
        return [*filter(is_float, self.inputs), *(parameter.value for parameter in self.module.parameters())]

    def outputs(self) -> tuple[Any, ...]:
        """What the true forward gives for the tensors as they are, with the same random numbers each time."""
        module, state = copy.deepcopy(self.module), torch.get_rng_state()
        inputs = [x.clone() if isinstance(x, Tensor) else x for x in self.inputs]
        try:
            return as_tuple(self.reference(module, *inputs) if self.reference else module(*inputs))
        finally:
            torch.set_rng_state(state)


def is_float(value: Any) -> bool:
    """Whether a value has a gradient."""
    return isinstance(value, Tensor) and value.is_floating_point()


def start(
    module: Module, inputs: Sequence[Any], reference: Reference, dtype: torch.dtype = torch.float64
) -> Trial:
    """Copies in a precision, nothing run yet."""
    module = copy.deepcopy(module).to(dtype=dtype)
    module.zero_grad()
    for parameter in module.parameters():
        parameter.value = parameter.value.contiguous()
    inputs = tuple(
        x.detach().to(dtype).clone(memory_format=torch.contiguous_format) if is_float(x) else x
        for x in inputs
    )
    return Trial(module, inputs, reference)


def run(trial: Trial, upstream: Callable[[Tensor], Tensor]) -> Trial:
    """Run forward, then backward with an upstream gradient for each output.

    Both run on a copy that the numeric side does not see.
    """
    module, state = copy.deepcopy(trial.module), torch.get_rng_state()
    inputs = [x.clone() if isinstance(x, Tensor) else x for x in trial.inputs]
    outputs = as_tuple(module(*inputs))
    torch.set_rng_state(state)
    trial.upstream = tuple(upstream(o.detach().clone()) if is_float(o) else None for o in outputs)
    backward: Any = module.backward  # None for an output that has no gradient
    found = as_tuple(backward(*(None if g is None else g.clone() for g in trial.upstream)))
    if len(found) != len(inputs):
        raise ValueError(f"{len(found)} gradients for {len(inputs)} inputs")
    of_inputs = [grad for grad, x in zip(found, inputs, strict=True) if is_float(x)]
    of_parameters = [parameter.grad for parameter in module.parameters()]
    trial.grads = tuple(
        None if g is None else torch.as_tensor(g).cpu().numpy().copy() for g in [*of_inputs, *of_parameters]
    )
    return trial


def losses(trial: Trial, upstream: Sequence[Any]) -> float:
    """Σ upstream · output."""
    pairs = zip(trial.outputs(), upstream, strict=True)
    return float(sum((o * g).sum() for o, g in pairs if g is not None))


def slope(trial: Trial, tensor: Tensor, place: int, step: float) -> float:
    """The central difference of Σ upstream · output at one number.

    The outputs' differences are taken before the sum.
    """
    flat, pair = tensor.view(-1), []
    kept = flat[place].clone()
    for sign in (1, -1):
        flat[place] = kept + sign * step
        pair.append(trial.outputs())
    flat[place] = kept
    rises = ((a - b) * g for a, b, g in zip(*pair, trial.upstream, strict=True) if g is not None)
    return float(sum(rise.sum() for rise in rises)) / (2 * step)


def slopes(trial: Trial, tensor: Tensor, step: float) -> np.ndarray:
    """Central differences at all numbers of a tensor."""
    return np.array([slope(trial, tensor, place, step) for place in range(tensor.numel())]).reshape(
        tensor.shape
    )


def slopes_of_sum(trial: Trial, tensor: Tensor, step: float) -> np.ndarray:
    """Central differences of the sum itself, in the tensor's precision.

    They are divided by the step that is left after rounding.
    """
    flat, found = tensor.view(-1), []
    for place in range(tensor.numel()):
        kept = float(flat[place])
        sums, places = [], []
        for sign in (1, -1):
            flat[place] = kept + sign * step
            places.append(float(flat[place]))
            sums.append(losses(trial, trial.upstream))
        flat[place] = kept
        found.append((sums[0] - sums[1]) / (places[0] - places[1]))
    return np.array(found).reshape(tensor.shape)


def fails_on_error(peer: Peer) -> Peer:
    """A backward that raises, or returns what cannot be compared, does not pass."""

    @functools.wraps(peer)
    def guarded(module: Module, inputs: Sequence[Any], rng: Generator, reference: Reference = None) -> bool:
        try:
            return bool(peer(module, inputs, rng, reference))
        except Exception:
            return False

    return guarded


def random_like(rng: Generator) -> Callable[[Tensor], Tensor]:
    """A normally distributed upstream gradient."""
    return lambda out: torch.randn(out.shape, dtype=out.dtype, device=out.device, generator=rng)


def largest_relative_error(x: np.ndarray | None, y: np.ndarray) -> float:
    """The largest |x − y| / max(10⁻⁸, |x| + |y|), number by number.

    NumPy broadcasts where shapes differ, as it did there.
    """
    if x is None:
        return np.inf
    if not np.isfinite(x).all():
        return np.inf
    return float(np.max(np.abs(x - y) / np.maximum(1e-8, np.abs(x) + np.abs(y)), initial=0.0))


class AsFunction(torch.autograd.Function):
    """A module as a torch operation, so that torch's own checker can be used on its backward."""

    @staticmethod
    def forward(ctx: Any, trial: Trial, *moving: Tensor) -> Any:
        for tensor, moved in zip(trial.moving, moving, strict=True):
            tensor.copy_(moved)
        outputs = trial.outputs()
        ctx.module, state = copy.deepcopy(trial.module), torch.get_rng_state()
        ctx.inputs = [x.clone() if isinstance(x, Tensor) else x for x in trial.inputs]
        ctx.module(*ctx.inputs)
        torch.set_rng_state(state)
        ctx.floats = [is_float(out) for out in outputs]
        return tuple(out.clone() for out in outputs if is_float(out))

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> Any:
        ctx.module.zero_grad()
        given = iter(grad_outputs)
        found = as_tuple(ctx.module.backward(*(next(given).clone() if fl else None for fl in ctx.floats)))
        if len(found) != len(ctx.inputs):
            raise ValueError(f"{len(found)} gradients for {len(ctx.inputs)} inputs")
        of_inputs = [grad for grad, x in zip(found, ctx.inputs, strict=True) if is_float(x)]
        return None, *of_inputs, *(parameter.grad for parameter in ctx.module.parameters())
