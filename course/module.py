"""Parameter, Module and Example: the contract that every module of the course signs."""

import copy
import functools
import inspect
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import torch
from torch import Generator, Tensor

from course.device import device, require_device

_recording: ContextVar[bool] = ContextVar("recording", default=False)  # on while a fallback backward replays a forward


class Parameter:
    """A trainable tensor `value` beside `grad`, the sum of all gradients ∂L/∂value that backward passes added."""

    def __init__(self, value: Tensor) -> None:
        self.value = value.detach()
        self.grad = torch.zeros_like(self.value)

    @classmethod
    def uniform(cls, shape: tuple[int, ...], bound: float, rng: Generator | None = None) -> Self:
        """Values drawn uniformly from [−bound, bound)."""
        home = rng.device if rng is not None else device()
        return cls(torch.empty(shape, device=home).uniform_(-bound, bound, generator=rng))

    def __repr__(self) -> str:
        return f"Parameter(shape={tuple(self.value.shape)})"


class Saved(dict[str, Any]):
    """What forward left for backward; it knows whether there was a forward at all."""

    filled = False

    def __missing__(self, name: str) -> Any:
        if not self.filled:
            raise RuntimeError("nothing is saved yet: call forward before backward")
        raise KeyError(f"forward saved no '{name}', only {sorted(self)}: add it to self.save(...) in forward")


@dataclass(frozen=True)
class Example:
    """A module, inputs it accepts, and an independent way to compute its output: reference(module, *inputs)."""

    module: "Module"
    inputs: tuple[Tensor, ...]
    reference: Callable[..., Any]
    label: str = ""


class Module:
    """A differentiable function with zero or more parameters; a network is modules reading modules.

    A subclass writes `forward(*inputs)`, which calls ``self.save(name=tensor, ...)`` with exactly what backward reads, and
    `backward(grad_output)`, which takes g = ∂L/∂output (one argument for each output), returns ∂L/∂input (a tuple if there
    are several inputs, None for integer ones), adds ∂L/∂θ to each ``parameter.grad``, and changes nothing else.

    Both run without recording a torch graph, and only on tensors of the course's device. A subclass without a backward of its
    own gets one from torch.autograd: slower, but equal.
    """

    formula: ClassVar[str] = ""
    """The forward computation in LaTeX."""
    source: ClassVar[str] = ""
    """Where the module is derived or was first described."""
    symbol: ClassVar[str] = ""
    """A short sign for pictures, such as × or σ; the class name when empty."""
    local: ClassVar[tuple[str, ...]] = ()
    """∂output/∂input of an elementwise module, one expression an input, in forward's argument names (`out` is the output)."""

    training = True
    saved: Saved
    _inputs: tuple[Tensor, ...] = ()  # kept only for modules that fall back on torch.autograd

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:  # noqa: D102 - so that subclasses need no super().__init__()
        module = super().__new__(cls)
        module.saved = Saved()
        return module

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name, guard in (("forward", _guard_forward), ("backward", _guard_backward)):
            if name in cls.__dict__:
                setattr(cls, name, guard(cls.__dict__[name]))

    def forward(self, *inputs: Tensor) -> Any:
        """The module's output for its inputs."""
        raise NotImplementedError(f"{type(self).__name__} has no forward yet")

    def backward(self, *grad_outputs: Tensor) -> Any:
        """∂L/∂input from ∂L/∂output, through torch.autograd; subclasses write their own."""
        return _autograd_backward(self, grad_outputs)

    def __call__(self, *inputs: Tensor) -> Any:
        """`module(x)` is `module.forward(x)`."""
        return self.forward(*inputs)

    def save(self, /, **tensors: Any) -> None:
        """Keep what backward will read, in place of what an earlier forward kept."""
        self.saved = Saved(tensors)
        self.saved.filled = True

    # Parameters and submodules are found among the attributes, in the order in which __init__ set them.

    def named_children(self) -> Iterator[tuple[str, "Module"]]:
        """(name, module) of every module that this one holds directly."""
        for name, value in vars(self).items():
            if isinstance(value, Module):
                yield name, value

    def named_parameters(self, prefix: str = "") -> Iterator[tuple[str, Parameter]]:
        """(dotted name, parameter) of this module and all within it, each parameter once."""
        seen: set[int] = set()
        for name, parameter in self._walk_parameters(prefix):
            if id(parameter) not in seen:
                seen.add(id(parameter))
                yield name, parameter

    def _walk_parameters(self, prefix: str) -> Iterator[tuple[str, Parameter]]:
        for name, value in vars(self).items():
            if isinstance(value, Parameter):
                yield prefix + name, value
        for name, child in self.named_children():
            yield from child._walk_parameters(f"{prefix}{name}.")

    def parameters(self) -> Iterator[Parameter]:
        """Every parameter of this module and all within it, each once."""
        return (parameter for _, parameter in self.named_parameters())

    def zero_grad(self) -> None:
        """Set every parameter's gradient to zero."""
        for parameter in self.parameters():
            parameter.grad.zero_()

    def train(self, mode: bool = True) -> Self:
        """Switch training behavior (dropout, batch statistics) on, or off with `mode=False`."""
        self.training = mode
        for _, child in self.named_children():
            child.train(mode)
        return self

    def eval(self) -> Self:
        """Switch training behavior off."""
        return self.train(False)

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> Self:
        """Move parameters and their gradients to a device and a dtype; what was saved by forward is forgotten."""
        for parameter in self.parameters():
            parameter.value = parameter.value.to(device=device, dtype=dtype)
            parameter.grad = parameter.grad.to(device=device, dtype=dtype)
        self._forget()
        return self

    def _forget(self) -> None:
        self.saved, self._inputs = Saved(), ()
        for _, child in self.named_children():
            child._forget()

    def share(self) -> Self:
        """A second use of this module in one network: the same Parameters, a memory of its own for backward."""
        twin = copy.copy(self)
        for name, child in self.named_children():
            if name in vars(twin):
                setattr(twin, name, child.share())
        twin._forget()
        return twin

    def state_dict(self) -> dict[str, Tensor]:
        """A copy of every parameter's value by dotted name."""
        return {name: parameter.value.clone() for name, parameter in self._walk_parameters("")}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Copy values in, by dotted name.

        Raises:
            KeyError: a name is missing or unknown; nothing is changed.
            ValueError: a shape differs; nothing is changed.
        """
        own = dict(self._walk_parameters(""))
        missing, unknown = sorted(own.keys() - state.keys()), sorted(state.keys() - own.keys())
        if missing or unknown:
            raise KeyError(f"the state does not fit {type(self).__name__}: missing {missing}, unknown {unknown}")
        for name, parameter in own.items():
            if parameter.value.shape != state[name].shape:
                shapes = f"{tuple(state[name].shape)} where {tuple(parameter.value.shape)} is needed"
                raise ValueError(f"'{name}' in the state has shape {shapes}")
        for name, parameter in own.items():
            parameter.value = state[name].detach().to(parameter.value).clone()

    def extra_repr(self) -> str:
        """What stands between the parentheses of the module's repr."""
        return ""

    def __repr__(self) -> str:
        children = [f"  ({name}): {child!r}".replace("\n", "\n  ") for name, child in self.named_children()]
        inside = self.extra_repr() if not children else "\n" + "\n".join(children) + "\n"
        return f"{type(self).__name__}({inside})"

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        """Small ready-made uses of the module: what tests, the module table and benchmarks run. `scale` makes them larger."""
        raise NotImplementedError(f"{cls.__name__} has no examples: write examples(cls, rng, scale=1)")


def has_own_backward(module: Module | type[Module]) -> bool:
    """Whether a backward was written for the module by hand."""
    kind = module if isinstance(module, type) else type(module)
    return kind.backward is not Module.backward


def argument_names(module: Module) -> tuple[str, ...]:
    """The names of forward's inputs; ("x0", "x1", …) patterns are not invented: `*inputs` gives an empty tuple."""
    parameters = inspect.signature(module.forward).parameters.values()
    return tuple(p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD))


def as_tuple(value: Any) -> tuple[Any, ...]:
    """One output or gradient as a tuple of one; tuples and lists as tuples."""
    return tuple(value) if isinstance(value, tuple | list) else (value,)


def _guard_forward(forward: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(forward)
    def guarded(self: Module, *inputs: Any) -> Any:
        require_device(inputs, lambda: argument_names(self))
        if not has_own_backward(self):
            self._inputs = inputs
        with torch.set_grad_enabled(_recording.get()):
            return forward(self, *inputs)

    return guarded


def _guard_backward(backward: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(backward)
    def guarded(self: Module, *grad_outputs: Tensor) -> Any:
        require_device(grad_outputs, lambda: ("grad_output",) * len(grad_outputs))
        if not self.saved.filled:
            raise RuntimeError(f"{type(self).__name__}: call forward before backward")
        with torch.no_grad():
            return backward(self, *grad_outputs)

    return guarded


def _autograd_backward(module: Module, grad_outputs: tuple[Tensor, ...]) -> Any:
    """Run forward again on the kept inputs, this time recording it, and differentiate."""
    if not module._inputs:
        raise RuntimeError(f"{type(module).__name__}: call forward before backward")
    kept = module._inputs
    inputs = [x.detach().clone().requires_grad_(x.is_floating_point()) for x in kept]
    parameters = list(module.parameters())
    values = [parameter.value for parameter in parameters]
    saved, recorded = module.saved, _recording.set(True)
    try:
        for parameter, value in zip(parameters, values, strict=True):
            parameter.value = value.detach().clone().requires_grad_(True)
        outputs = as_tuple(module.forward(*inputs))
        sources = [x for x in inputs if x.requires_grad] + [parameter.value for parameter in parameters]
        found = iter(torch.autograd.grad(outputs, sources, grad_outputs, allow_unused=True, materialize_grads=True))
    finally:
        _recording.reset(recorded)
        for parameter, value in zip(parameters, values, strict=True):
            parameter.value = value
        module.saved, module._inputs = saved, kept
    grads = tuple(next(found) if x.requires_grad else None for x in inputs)
    for parameter, grad in zip(parameters, found, strict=True):
        parameter.grad += grad
    return grads[0] if len(grads) == 1 else grads
