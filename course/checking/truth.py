"""Truth: what a module's forward says about its gradients, by numerical differences.

Its backward is never called.
"""

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Generator, Tensor

from course.checking.evidence import to_float64
from course.checking.gradients import (
    crosses_kink,
    numerical_gradients,
    projected_gradients,
    random_directions,
    sample,
    step_size,
)
from course.checking.second_call import other_inputs, other_upstream, with_zeros
from course.modes import recording
from course.module import Module, as_tuple

MOST = 4096
"""How many numbers of one tensor are measured one by one; of a larger tensor a sample of so many, weights and
biases alike."""

TRIES = 6
"""How often the point is moved when it lies at a kink."""


class Truth:
    """A module's right forward at one point: its output, and its gradients for a random upstream gradient.

    The point is moved a little where a mask or an argmax would flip within a central difference: no
    derivative exists there, and a right backward would look wrong. The upstream gradient is random, since
    all-ones hides mistakes (softmax).

    Args:
        module: with the right forward; it is kept, in float64.
        inputs: what forward takes; floating-point ones may be moved.
        rng: draws the upstream gradient and the directions of the quick check.
        reference: computes the true output as reference(module, *inputs), in place of module.forward.
    """

    def __init__(
        self,
        module: Module,
        inputs: Sequence[Any],
        rng: Generator,
        *,
        reference: Callable[..., Any] | None = None,
    ) -> None:
        self.module, self.rng = module.to(dtype=torch.float64), rng
        self.inputs = to_float64(inputs)
        self.names = module.input_names(len(self.inputs))
        self._compute = reference or (lambda module, *tensors: module.forward(*tensors))
        self.parameters = dict(module.named_parameters())
        self._constants: dict[tuple[str, str], Any] | None = None
        self.derived: Any = None  # what a diagnosis works out about forward once, and needs again
        self._leave_kinks()
        self._constants = {}
        self.expected: tuple[Tensor, ...] = as_tuple(self.function(*self.tensors.values()))
        self.grad_outputs = random_like(self.expected, rng)

    @property
    def moving(self) -> dict[str, Tensor]:
        """The floating-point inputs by name."""
        pairs = zip(self.names, self.inputs, strict=True)
        return {
            name: value for name, value in pairs if isinstance(value, Tensor) and value.is_floating_point()
        }

    @property
    def tensors(self) -> dict[str, Tensor]:
        """Everything with a gradient: the floating-point inputs, then the parameters' values."""
        return self.moving | {name: parameter.value for name, parameter in self.parameters.items()}

    def function(self, *tensors: Tensor) -> Any:
        """The outputs as a function of `tensors`.

        What the module remembers and draws at random is as before afterwards.
        """
        now = dict(zip(self.tensors, tensors, strict=True))
        with self._unchanged(), self._holding():
            for name, parameter in self.parameters.items():
                parameter.value = now[name]
            return self._compute(
                self.module, *(now.get(n, value) for n, value in zip(self.names, self.inputs, strict=True))
            )

    def numeric(
        self, names: Sequence[str], *, at: Sequence[Tensor | None] | None = None, scale: float = 1.0
    ) -> list[np.ndarray]:
        """∂L/∂t of the tensors of these names, one number at a time.

        It is nan at a kink, and where a large tensor was sampled.
        """
        tensors = self.tensors
        at = sample([tensors[name] for name in names], MOST, self.rng) if at is None else at
        gradients = numerical_gradients(
            self._of(names),
            [tensors[n] for n in names],
            self.grad_outputs,
            at=at,
            skip_kinks=True,
            scale=scale,
        )
        return [gradient.cpu().numpy() for gradient in gradients]

    def slopes(self, names: Sequence[str]) -> Iterator[tuple[np.ndarray, float]]:
        """For each name a random direction d and Σ ∂L/∂t · d: the quick check of a whole tensor."""
        tensors = [self.tensors[name] for name in names]
        directions = random_directions(tensors, self.rng)
        slopes = projected_gradients(self._of(names), tensors, self.grad_outputs, directions)
        for direction, slope in zip(directions, slopes, strict=True):
            yield direction.cpu().numpy(), float(slope)

    def exact(
        self, grad_outputs: Sequence[Tensor | None] | None = None, tensors: Mapping[str, Tensor] | None = None
    ) -> dict[str, np.ndarray] | None:
        """The gradients by torch.autograd, a second witness where round-off drowns the differences.

        The result is None if torch has none.

        Args:
            grad_outputs: other upstream gradients than the truth's.
            tensors: other values for some of the tensors.
        """
        upstream = self.grad_outputs if grad_outputs is None else grad_outputs
        with recording():
            return by_autograd(self.function, self.tensors | dict(tensors or {}), upstream)

    def second_call(self) -> dict[str, np.ndarray] | None:
        """The gradients by torch.autograd where a second call has zeros; None where torch has none."""
        first, constants, self._constants = self.inputs, self._constants, None
        try:
            for self.inputs in other_inputs(first):
                with suppress(RuntimeError, ValueError, IndexError, ArithmeticError):
                    tensors = with_zeros(self.tensors)
                    outputs = as_tuple(self.function(*tensors.values()))
                    return self.exact(other_upstream(outputs), tensors)
        finally:
            self.inputs, self._constants = first, constants
        return None

    @property
    def rounding(self) -> float:
        """A few last digits of the largest term that the loss is a sum of.

        What cancels to less is zero for all we know.
        """
        pairs = zip(self.expected, self.grad_outputs, strict=True)
        tops = [float((o * g).abs().max()) for o, g in pairs if g is not None and o.numel()]
        return 16 * torch.finfo(torch.float64).eps * max(tops, default=0.0)

    @property
    def noise(self) -> float:
        """How far a central difference may be off by round-off: some last digits, divided by the step."""
        return 0.25 * self.rounding / float(step_size(torch.zeros((), dtype=torch.float64)))

    @property
    def unseen(self) -> float:
        """How far a central difference may be off by round-off on the way, which the output need not show."""
        largest = [float(t[t.isfinite()].abs().max()) for t in self.tensors.values() if t.isfinite().any()]
        upstream = [float(g.abs().max()) for g in self.grad_outputs if g is not None and g.numel()]
        size = max(1.0, *largest, 0.0) * max(upstream, default=0.0)
        step = float(step_size(torch.zeros((), dtype=torch.float64)))
        return max(self.noise, 4 * torch.finfo(torch.float64).eps * size / step)

    def _of(self, names: Sequence[str]) -> Callable[..., Any]:
        """The function of some of the tensors only, the others being held."""
        held = self.tensors
        return lambda *moved: self.function(*(held | dict(zip(names, moved, strict=True))).values())

    def _leave_kinks(self) -> None:
        """Move the point until no decision of forward flips close by.

        Where every point has a kink, it stays as it was.
        """
        inputs, values = self.inputs, {name: parameter.value for name, parameter in self.parameters.items()}
        for attempt in range(TRIES):
            # a point where forward cannot go
            with suppress(ArithmeticError, ValueError, RuntimeError, IndexError):
                if not crosses_kink(self.function, list(self.tensors.values())):
                    return
            far = 1e-3 * 4**attempt
            self.inputs = tuple(self._moved(value, far) for value in inputs)
            for name, parameter in self.parameters.items():
                parameter.value = self._moved(values[name], far)
        self.inputs = inputs
        for name, parameter in self.parameters.items():
            parameter.value = values[name]

    def _moved(self, value: Any, far: float) -> Any:
        if not isinstance(value, Tensor) or not value.is_floating_point():
            return value
        away = torch.randn(value.shape, dtype=value.dtype, device=self.rng.device, generator=self.rng).to(
            value.device
        )
        return torch.where(value.isfinite(), value + far * away * value.abs().clamp(min=0.1), value)

    @contextmanager
    def _holding(self) -> Iterator[None]:
        """What the module says is held constant keeps the values that it has at the point."""
        pairs = [(path, part, name) for path, part in self.module.named_modules() for name in type(part).held]
        for path, part, name in pairs if self._constants is not None else ():
            vars(part)[name] = partial(self._constant, (path, name), getattr(part, name))
        try:
            yield
        finally:
            for _, part, name in pairs:
                vars(part).pop(name, None)

    def _constant(self, key: tuple[str, str], compute: Callable[..., Any], *arguments: Any) -> Any:
        assert self._constants is not None
        if key not in self._constants:
            self._constants[key] = compute(*arguments)
        return self._constants[key]

    @contextmanager
    def _unchanged(self) -> Iterator[None]:
        """Put back parameters, buffers and random generators afterwards, and forget what forward saved."""
        held = [(thing, thing.value) for _, thing in self.module.named_state()]
        generators = [
            (m, vars(m)["rng"])
            for _, m in self.module.named_modules()
            if isinstance(vars(m).get("rng"), Generator)
        ]
        for module, generator in generators:
            vars(module)["rng"] = generator.clone_state()
        default = torch.get_rng_state()
        try:
            yield
        finally:
            torch.set_rng_state(default)
            for module, generator in generators:
                vars(module)["rng"] = generator
            for thing, value in held:
                thing.value = value
            self.module.forget_forward()


def by_autograd(
    function: Callable[..., Any], tensors: Mapping[str, Tensor], grad_outputs: Sequence[Any]
) -> dict[str, np.ndarray] | None:
    """The gradients of function(*tensors) through torch.autograd, by name.

    The result is None where torch cannot go, or not follow.
    """
    leaves = {name: tensor.detach().clone().requires_grad_() for name, tensor in tensors.items()}
    try:
        with torch.enable_grad():
            outputs = as_tuple(function(*leaves.values()))
            pairs = [
                (o, g)
                for o, g in zip(outputs, grad_outputs, strict=True)
                if g is not None and o.requires_grad
            ]
            gradients = torch.autograd.grad(
                [o for o, _ in pairs],
                list(leaves.values()),
                [g for _, g in pairs],
                allow_unused=True,
                materialize_grads=True,
            )
    except (RuntimeError, ValueError, TypeError, IndexError, ArithmeticError, NotImplementedError):
        return None
    return {name: grad.detach().cpu().numpy() for name, grad in zip(leaves, gradients, strict=True)}


def random_like(outputs: Sequence[Any], rng: Generator) -> tuple[Any, ...]:
    """A random upstream gradient for each output.

    It is None for an output that has no gradient: whole numbers, or nothing at all.
    """
    return tuple(
        torch.randn(o.shape, dtype=torch.float64, device=rng.device, generator=rng) if _is_float(o) else None
        for o in outputs
    )


def _is_float(value: Any) -> bool:
    return isinstance(value, Tensor) and value.is_floating_point()


def fresh_copy(module: Module, rng: Generator) -> Module:
    """A copy in float64 with parameters away from their initial values.

    Initial values may hide mistakes: zeros and ones do.
    """
    module = copy.deepcopy(module).to(dtype=torch.float64)
    for parameter in module.parameters():
        move = torch.randn(parameter.value.shape, dtype=torch.float64, device=rng.device, generator=rng)
        parameter.value = parameter.value + 0.25 * move
    return module
