"""Parameter, Buffer, Module and Example: the contract that every module of the course signs."""

import copy
import functools
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import torch
from torch import Generator, Tensor

from course.device import device, require_device
from course.errors import DtypeError, InputCountError, SizeError
from course.shapes import Signature

_recording: ContextVar[bool] = ContextVar("recording", default=False)  # on while a fallback backward replays a forward
_falling_back: ContextVar["Module | None"] = ContextVar("falling_back", default=None)
_releasing: ContextVar[bool] = ContextVar("releasing", default=False)
_any_numbers: ContextVar[bool] = ContextVar("any_numbers", default=False)


@contextmanager
def release_saved() -> Iterator[None]:
    """Inside, each backward lets go of what its forward saved, as torch does: less memory, and one backward for each forward.

    Outside, what was saved stays, so that backward can be called again and the explorer can show it.
    """
    before = _releasing.set(True)
    try:
        yield
    finally:
        _releasing.reset(before)


@contextmanager
def recording() -> Iterator[None]:
    """Inside, forward is recorded by torch, so that torch.autograd can differentiate it."""
    before = _recording.set(True)
    try:
        with torch.enable_grad():
            yield
    finally:
        _recording.reset(before)


@contextmanager
def falling_back(module: "Module | None") -> Iterator[None]:
    """Inside, torch differentiates on behalf of this module, which has no backward of its own; None: of no module."""
    before = _falling_back.set(module)
    try:
        yield
    finally:
        _falling_back.reset(before)


@contextmanager
def any_numbers() -> Iterator[None]:
    """Inside, forward takes whatever it is given, complex numbers too: for a check that steps off the real line."""
    before = _any_numbers.set(True)
    try:
        yield
    finally:
        _any_numbers.reset(before)


class Parameter:
    """A trainable tensor `value` beside `grad`, the sum of all gradients ∂L/∂value that backward passes added.

    Raises:
        DeviceError: the value is not on the course's device.
    """

    def __init__(self, value: Tensor) -> None:
        require_device((value,), lambda: ("value",))
        self.value = value.detach()
        self._grad: Tensor | None = None

    @property
    def grad(self) -> Tensor:
        """Zeros until a backward adds to it; no memory is spent on them before."""
        if self._grad is None:
            self._grad = torch.zeros_like(self.value)
        return self._grad

    @grad.setter
    def grad(self, grad: Tensor) -> None:
        self._grad = grad

    @property
    def has_grad(self) -> bool:
        """Whether `grad` takes memory: since it was last forgotten, something was added to it, or it was read."""
        return self._grad is not None

    def add_product(self, left: Tensor, right: Tensor) -> None:
        """``grad += left @ right`` for matrices, without a matrix in between."""
        if self._grad is None:
            self._grad = left @ right
        else:
            self._grad.addmm_(left, right)

    def zero_grad(self) -> None:
        """Forget the gradient: it is zero again."""
        self._grad = None

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> None:
        """Move value and gradient to a device and a dtype."""
        self.value = self.value.to(device=device, dtype=dtype)
        if self._grad is not None:
            self._grad = self._grad.to(device=device, dtype=dtype)

    @classmethod
    def uniform(cls, shape: tuple[int, ...], bound: float, rng: Generator | None = None) -> Self:
        """Values drawn uniformly from [−bound, bound)."""
        home = rng.device if rng is not None else device()
        return cls(torch.empty(shape, device=home).uniform_(-bound, bound, generator=rng))

    def __repr__(self) -> str:
        return f"Parameter(shape={tuple(self.value.shape)})"


class Buffer:
    """A tensor `value` that belongs to a module's state but is not trained, such as a running mean."""

    def __init__(self, value: Tensor) -> None:
        require_device((value,), lambda: ("value",))
        self.value = value.detach()

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> None:
        """Move the value to a device and, where it is a floating-point one, to a dtype."""
        self.value = self.value.to(device=device, dtype=dtype if self.value.is_floating_point() else None)

    def __repr__(self) -> str:
        return f"Buffer(shape={tuple(self.value.shape)})"


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
    inputs: tuple[Any, ...]
    reference: Callable[..., Any]
    label: str = ""


class Module:
    """A differentiable function with zero or more parameters; a network is modules reading modules.

    A subclass writes `forward(*inputs)`, which calls ``self.save(name=tensor, ...)`` with exactly what backward reads, and
    `backward(grad_output)`, which takes g = ∂L/∂output (one argument for each output), returns ∂L/∂input (a tuple if there
    are several inputs, None for integer ones), adds ∂L/∂θ to each ``parameter.grad``, and changes nothing else. Gradients of
    optional inputs that were left out are dropped on the way to the caller.

    Both run without recording a torch graph, only on tensors of the course's device, and only on inputs that fit the shapes in
    forward's signature. A subclass without a backward of its own gets one from torch.autograd: slower, but equal.

    Raises:
        DeviceError, DtypeError, RankError, SizeError, InputCountError: forward was given what it cannot compute with, or
            backward a gradient that does not fit the output; the message names the argument, what came and what was expected.
        RuntimeError: backward before forward.
    """

    formula: ClassVar[str] = ""
    """The forward computation in LaTeX."""
    source: ClassVar[str] = ""
    """Where the module is derived or was first described."""
    symbol: ClassVar[str] = ""
    """A short sign for pictures, such as × or σ; the class name when empty."""
    local: ClassVar[tuple[str, ...]] = ()
    """∂output/∂input of an elementwise module, one expression an input, in forward's argument names (`out` is the output)."""
    lecture: ClassVar[int] = 0
    """The number of the lecture that introduces the module."""
    counterpart: ClassVar[str] = ""
    """What computes the same in torch, such as torch.nn.Linear or torch.add."""

    training = True
    saved: Saved
    output_shapes: tuple[torch.Size | None, ...] = ()
    """The shape of each output of the last forward (None for an output that is no tensor)."""
    _accepted: Sequence[Any] = ()  # how the last inputs looked: shape, dtype and device of each
    _falls_back: ClassVar[bool] = True
    _rng_before: Generator | None = None  # so that a forward that is run again draws the same random numbers
    _inputs: tuple[Any, ...] = ()  # kept only for modules that fall back on torch.autograd
    _forward_signature: ClassVar[Signature]

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:  # noqa: D102 - so that subclasses need no super().__init__()
        module = super().__new__(cls)
        module.saved = Saved()
        return module

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._falls_back = not has_own_backward(cls)
        if "forward" in cls.__dict__:
            cls._forward_signature = Signature(cls.__dict__["forward"])
        for name, guard in (("forward", _guard_forward), ("backward", _guard_backward)):
            if name in cls.__dict__:
                setattr(cls, name, guard(cls.__dict__[name]))

    def forward(self, *inputs: Tensor) -> Any:
        """The module's output for its inputs."""
        raise NotImplementedError(f"{type(self).__name__} has no forward yet")

    def backward(self, *grad_outputs: Tensor) -> Any:
        """∂L/∂input from ∂L/∂output, through torch.autograd; subclasses write their own."""
        with falling_back(self):
            grads = _autograd_backward(self, grad_outputs)
        if _releasing.get():
            self.saved, self._inputs = Saved(), ()
        return grads

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        """`module(x)` is `module.forward(x)`."""
        return self.forward(*inputs, **options)

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

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, "Module"]]:
        """(dotted name, module) of this module, whose name is the prefix, and of all within it, parents first."""
        yield prefix, self
        for name, child in self.named_children():
            yield from child.named_modules(f"{prefix}.{name}" if prefix else name)

    def named_parameters(self, prefix: str = "") -> Iterator[tuple[str, Parameter]]:
        """(dotted name, parameter) of this module and all within it, each parameter once."""
        seen: set[int] = set()
        for name, parameter in self._walk_parameters(prefix):
            if id(parameter) not in seen:
                seen.add(id(parameter))
                yield name, parameter

    def _walk_parameters(self, prefix: str) -> Iterator[tuple[str, Parameter]]:
        return ((name, held) for name, held in self._walk_state(prefix) if isinstance(held, Parameter))

    def _walk_state(self, prefix: str) -> Iterator[tuple[str, Parameter | Buffer]]:
        """Everything that state_dict holds, in torch.nn's order: parameters, buffers, then the children's."""
        for kind in (Parameter, Buffer):
            for name, value in vars(self).items():
                if isinstance(value, kind):
                    yield prefix + name, value
        for name, child in self.named_children():
            yield from child._walk_state(f"{prefix}{name}.")

    def parameters(self) -> Iterator[Parameter]:
        """Every parameter of this module and all within it, each once."""
        return (parameter for _, parameter in self.named_parameters())

    def zero_grad(self) -> None:
        """Set every parameter's gradient to zero."""
        for parameter in self.parameters():
            parameter.zero_grad()

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
        """Move parameters, their gradients and buffers to a device and a dtype; what was saved by forward is forgotten."""
        for _, held in self._walk_state(""):
            held.to(device, dtype)
        self._forget()
        return self

    def _forget(self) -> None:
        self.saved, self._inputs, self._accepted, self.output_shapes = Saved(), (), (), ()
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
        """A copy of every parameter's and buffer's value by dotted name; torch.nn's modules of the same name take it."""
        return {name: held.value.clone() for name, held in self._walk_state("")}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Copy values in, by dotted name; torch.nn's state_dict of a module of the same name fits.

        Raises:
            KeyError: a name is missing or unknown; nothing is changed.
            ValueError: a shape differs; nothing is changed.
        """
        own = dict(self._walk_state(""))
        missing, unknown = sorted(own.keys() - state.keys()), sorted(state.keys() - own.keys())
        if missing or unknown:
            raise KeyError(f"the state does not fit {type(self).__name__}: missing {missing}, unknown {unknown}")
        for name, held in own.items():
            if held.value.shape != state[name].shape:
                shapes = f"{tuple(state[name].shape)} where {tuple(held.value.shape)} is needed"
                raise ValueError(f"'{name}' in the state has shape {shapes}")
        for name, held in own.items():
            held.value = state[name].detach().to(held.value).clone()

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


def falls_back_now() -> Module | None:
    """The module without a backward of its own that torch is differentiating just now, if there is one."""
    return _falling_back.get()


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
    signature = Signature(forward)

    @functools.wraps(forward)
    def guarded(self: Module, *inputs: Any, **options: Any) -> Any:
        if options:
            inputs = signature.positional(inputs, options)
        looks = [(x.shape, x.dtype, x.device) if isinstance(x, Tensor) else type(x) for x in inputs]
        if looks != self._accepted and not _any_numbers.get():  # inputs that look like the last ones need no second check
            require_device(inputs, lambda: [argument.name for argument in signature.arguments])
            signature.check(self, inputs, _parameter_dtype(self))
        if self._falls_back:
            self._inputs = inputs
            if "rng" in vars(self):
                self._rng_before = (vars(self)["rng"] or _default_rng()).clone_state()
        if torch.is_grad_enabled() is _recording.get():
            output = forward(self, *inputs)
        else:
            with torch.set_grad_enabled(_recording.get()):
                output = forward(self, *inputs)
        self._accepted = looks  # those of a forward of the base class, which it may have called, are not its own
        if isinstance(output, Tensor):
            self.output_shapes = (output.shape,)
        else:
            self.output_shapes = tuple([getattr(value, "shape", None) for value in as_tuple(output)])
        return output

    return guarded


def _guard_backward(backward: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(backward)
    def guarded(self: Module, *grad_outputs: Tensor | None) -> Any:
        if not self.saved.filled:
            raise RuntimeError(f"{type(self).__name__}: call forward before backward")
        _require_output_shapes(self, grad_outputs)
        if torch.is_grad_enabled():
            with torch.no_grad():
                grads = backward(self, *grad_outputs)
        else:
            grads = backward(self, *grad_outputs)
        if _releasing.get():
            self.saved, self._inputs = Saved(), ()
        given = len(self._accepted)
        if isinstance(grads, tuple | list) and len(grads) > given and self._forward_signature.has_optional:
            return tuple(grads[:given]) if given > 1 else grads[0]
        return grads

    return guarded


def _parameter_dtype(module: Module) -> torch.dtype | None:
    """The floating-point dtype of the module's own parameters, or else buffers, if it has some."""
    for kind in (Parameter, Buffer):
        for value in vars(module).values():
            if type(value) is kind and value.value.is_floating_point():
                return value.value.dtype
    return None


def _require_output_shapes(module: Module, grad_outputs: tuple[Tensor | None, ...]) -> None:
    """Let only gradients pass that have the shapes of the outputs they belong to, on the course's device."""
    shapes, home = module.output_shapes, device().type
    if len(grad_outputs) > len(shapes):
        raise InputCountError(f"{type(module).__name__}: {len(grad_outputs)} gradients came for {_outputs(len(shapes))}")
    for grad, shape in zip(grad_outputs, shapes, strict=False):
        if grad is None or shape is None:
            continue
        if not isinstance(grad, Tensor):
            raise DtypeError(f"{type(module).__name__}: grad_output is a {type(grad).__name__}, not a tensor")
        if grad.device.type != home:
            require_device((grad,), lambda: ("grad_output",))
        if grad.shape != shape:
            both = f"shape {tuple(grad.shape)}, but the output it belongs to has shape {tuple(shape)}"
            raise SizeError(f"{type(module).__name__}: grad_output has {both}")


def _outputs(count: int) -> str:
    return f"{count} output{'s' * (count != 1)}"


def _autograd_backward(module: Module, grad_outputs: tuple[Tensor | None, ...]) -> Any:
    """Run forward again on the kept inputs, this time recording it, and differentiate."""
    if not module._inputs:
        raise RuntimeError(f"{type(module).__name__}: call forward before backward")
    _require_output_shapes(module, grad_outputs)
    kept, shapes = module._inputs, module.output_shapes
    inputs = [_leaf(value) if _is_differentiable(value) else value for value in kept]
    parameters = list(module.parameters())
    values = [parameter.value for parameter in parameters]
    buffers = [(held, held.value) for _, held in module._walk_state("") if isinstance(held, Buffer)]
    saved, recorded, rng = module.saved, _recording.set(True), getattr(module, "rng", None)
    if module._rng_before is not None:
        vars(module)["rng"] = module._rng_before.clone_state()
    try:
        for parameter, value in zip(parameters, values, strict=True):
            parameter.value = _leaf(value)
        outputs = as_tuple(module.forward(*inputs))
        sources = [x for x in inputs if _is_differentiable(x)] + [parameter.value for parameter in parameters]
        pairs = [
            (o, g) for o, g in zip(outputs, grad_outputs, strict=False) if g is not None and o is not None and o.requires_grad
        ]
        used, upstream = [o for o, _ in pairs], [g for _, g in pairs]
        found = iter(torch.autograd.grad(used, sources, upstream, allow_unused=True, materialize_grads=True))
    finally:
        _recording.reset(recorded)
        for parameter, value in zip(parameters, values, strict=True):
            parameter.value = value
        for buffer, value in buffers:  # a batch counts once in running statistics
            buffer.value = value
        module.saved, module._inputs, module.output_shapes = saved, kept, shapes
        if module._rng_before is not None:
            vars(module)["rng"] = rng
    grads = tuple(next(found) if _is_differentiable(x) else None for x in inputs)
    for parameter, grad in zip(parameters, found, strict=True):
        parameter.grad += grad
    return grads[0] if len(grads) == 1 else grads


def _default_rng() -> Generator:
    """The generator that torch draws from where none is given."""
    return torch.cuda.default_generators[torch.cuda.current_device()] if device().type == "cuda" else torch.default_generator


def _leaf(value: Tensor) -> Tensor:
    return value.detach().clone().requires_grad_()


def _is_differentiable(value: Any) -> bool:
    return isinstance(value, Tensor) and value.is_floating_point()
