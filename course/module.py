"""Module: the contract that every module of the course signs."""

import copy
import inspect
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import torch
from torch import Generator, Tensor

from course.attributes import PASSING, held, replaced
from course.fallback import autograd_backward
from course.fused import fusible
from course.guards import Guarded, as_tuple, guard_backward, guard_forward
from course.modes import RELEASING, falling_back
from course.parameter import Buffer, Parameter
from course.saved import Saved
from course.shapes import Signature

__all__ = ["Buffer", "Example", "Module", "Parameter", "as_tuple", "has_own_backward"]


@dataclass(frozen=True)
class Example:
    """A module, inputs for it, and an independent way to compute its output: reference(module, *inputs)."""

    module: "Module"
    inputs: tuple[Any, ...]
    reference: Callable[..., Any]
    label: str = ""


class Module(Guarded):
    """A differentiable function with zero or more parameters; a network is modules reading modules.

    A subclass writes `forward(*inputs)`, which calls ``self.save(name=tensor, ...)`` with exactly what
    backward reads, and `backward(grad_output)`, which takes g = ∂L/∂output (one argument for each output),
    returns ∂L/∂input (a tuple if there are several inputs, None for integer ones), adds ∂L/∂θ to each
    ``parameter.grad``, and changes nothing else. Gradients of optional inputs that were left out are dropped
    on the way to the caller.

    Both run without recording a torch graph, only on tensors of the course's device, and only on inputs that
    fit the shapes in forward's signature. A subclass without a backward of its own gets one from
    torch.autograd: slower, but equal.

    Parameters, buffers and submodules are found among the attributes, in the order in which __init__ set
    them, and in attributes that are lists, tuples or dicts: the first of ``self.blocks = [...]`` is called
    `blocks.0`.

    Raises:
        DeviceError, DtypeError, RankError, SizeError, InputCountError: forward was given what it cannot
            compute with, or backward a gradient that does not fit the output; the message names the argument,
            what came and what was expected.
        SavedError: backward before forward.
    """

    formula: ClassVar[str] = ""
    """The forward computation in LaTeX."""
    source: ClassVar[str] = ""
    """Where the module is derived or was first described."""
    symbol: ClassVar[str] = ""
    """A short sign for pictures, such as × or σ; the class name when empty."""
    local: ClassVar[tuple[str, ...]] = ()
    """∂output/∂input of an elementwise module, an expression for each input; `out` stands for the output."""
    held: ClassVar[tuple[str, ...]] = ()
    """Methods whose results the gradient takes for constants, though they may depend on the inputs."""
    lecture: ClassVar[int] = 0
    """The number of the lecture that introduces the module."""
    counterpart: ClassVar[str] = ""
    """What computes the same in torch, such as torch.nn.Linear or torch.add."""

    training = True
    """Whether the module behaves as in training: dropout drops, batch statistics are those of the batch."""
    fused = False
    """Whether the last forward ran with fused kernels (see `course.fused`); its backward does as it did."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._falls_back = not has_own_backward(cls)
        if "forward" in cls.__dict__:
            cls.forward_signature = Signature(cls.__dict__["forward"])
        for name, guard in (("forward", guard_forward), ("backward", guard_backward)):
            if name in cls.__dict__:
                setattr(cls, name, guard(fusible(cls.__dict__[name])))

    def forward(self, *inputs: Tensor) -> Any:
        """The module's output for its inputs."""
        raise NotImplementedError(f"{type(self).__name__} has no forward yet")

    forward_signature = Signature(forward)

    def backward(self, *grad_outputs: Tensor) -> Any:
        """∂L/∂input from ∂L/∂output, through torch.autograd; subclasses write their own."""
        with falling_back(self):
            buffers = [tensor for _, tensor in self.named_state() if isinstance(tensor, Buffer)]
            grads = autograd_backward(self, list(self.parameters()), buffers, grad_outputs)
        if RELEASING.get():
            self._release()
        return grads

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        """`module(x)` is `module.forward(x)`."""
        return self.forward(*inputs, **options)

    def save(self, /, **tensors: Any) -> None:
        """Keep what backward will read, in place of what an earlier forward kept."""
        self.saved = Saved(tensors)
        self.saved.filled = True

    def input_names(self, given: int | Collection[str] | None = None) -> tuple[str, ...]:
        """The names of forward's inputs, in order; none for those that stand for any number, as in `*inputs`.

        Args:
            given: the inputs at hand: how many, or their names. Optional inputs that are not among them are
                left out. Where forward has no names for so many, they are x0, x1, …; `*inputs` take the names
                given.
        """
        return self.forward_signature.names(given)

    def named_children(self) -> Iterator[tuple[str, "Module"]]:
        """(name, module) of every module that this one holds directly."""
        return held(self, Module)

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, "Module"]]:
        """(dotted name, module) of this module, named by the prefix, and of all within it, parents first."""
        yield prefix, self
        for name, child in self.named_children():
            yield from child.named_modules(f"{prefix}.{name}" if prefix else name)

    def named_state(self, prefix: str = "", recurse: bool = True) -> Iterator[tuple[str, Parameter | Buffer]]:
        """(dotted name, parameter or buffer) of all that state_dict holds, in torch.nn's order.

        First come the module's own parameters, then its own buffers, and with `recurse` its children's.
        """
        own = list(held(self, Parameter, Buffer))
        for kind in (Parameter, Buffer):
            yield from ((prefix + name, tensor) for name, tensor in own if isinstance(tensor, kind))
        for name, child in self.named_children() if recurse else ():
            yield from child.named_state(f"{prefix}{name}.")

    def named_parameters(self, prefix: str = "", recurse: bool = True) -> Iterator[tuple[str, Parameter]]:
        """(dotted name, parameter) of this module, with `recurse` of all within it; each parameter once."""
        seen: set[int] = set()
        for name, tensor in self.named_state(prefix, recurse):
            if isinstance(tensor, Parameter) and id(tensor) not in seen:
                seen.add(id(tensor))
                yield name, tensor

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
        """Move parameters, their gradients and buffers to a device and a dtype; forget what was saved."""
        for _, tensor in self.named_state():
            tensor.to(device, dtype)
        self.forget_forward()
        return self

    def forget_forward(self) -> None:
        """Be as before the first forward: nothing is saved, here or in any module within. Values stay."""
        self._forget()
        for _, child in self.named_children():
            child.forget_forward()

    def share(self) -> Self:
        """A second use of this module in a network: the same Parameters, its own memory for backward."""
        twin, twins = copy.copy(self), dict[int, Module]()

        def second(child: Module) -> Module:
            if id(child) not in twins:  # a module that stands in two places stays one
                twins[id(child)] = child.share()
            return twins[id(child)]

        kept = {name: value for name, value in vars(self).items() if name not in PASSING}
        vars(twin).update({name: replaced(value, Module, second) for name, value in kept.items()})
        twin.forget_forward()
        return twin

    def state_dict(self) -> dict[str, Tensor]:
        """A copy of every value by dotted name; the module of torch.nn that has the same name takes it."""
        return {name: tensor.value.clone() for name, tensor in self.named_state()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Copy values in, by dotted name; torch.nn's state_dict of a module of the same name fits.

        Raises:
            KeyError: a name is missing or unknown; nothing is changed.
            ValueError: a shape differs; nothing is changed.
        """
        own = dict(self.named_state())
        missing, unknown = sorted(own.keys() - state.keys()), sorted(state.keys() - own.keys())
        if missing or unknown:
            raise KeyError(
                f"the state does not fit {type(self).__name__}: missing {missing}, unknown {unknown}"
            )
        for name, tensor in own.items():
            if tensor.value.shape != state[name].shape:
                shapes = f"{tuple(state[name].shape)} where {tuple(tensor.value.shape)} is needed"
                raise ValueError(f"'{name}' in the state has shape {shapes}")
        for name, tensor in own.items():
            tensor.value = state[name].detach().to(tensor.value).clone()

    def extra_repr(self) -> str:
        """What stands in the parentheses of the repr: the constructor's arguments, from their attributes."""
        shown: list[str] = []
        for name, argument in inspect.signature(type(self).__init__).parameters.items():
            value = vars(self).get(name, ...)
            if argument.kind is argument.VAR_POSITIONAL and isinstance(value, tuple):
                shown += map(repr, value)
            elif isinstance(argument.default, bool) and value is not ...:
                shown.append(f"{name}={bool(value)}")  # of bias=True a Parameter is kept, or None
            elif name != "rng" and isinstance(value, int | float | str | tuple | Parameter | Buffer | None):
                shown.append(f"{name}={value!r}")
        return ", ".join(shown)

    def __repr__(self) -> str:
        children = [f"  ({name}): {child!r}".replace("\n", "\n  ") for name, child in self.named_children()]
        inside = self.extra_repr() if not children else "\n" + "\n".join(children) + "\n"
        return f"{type(self).__name__}({inside})"

    @classmethod
    def examples(cls, rng: Generator, scale: int = 1) -> Iterator[Example]:
        """Small uses of the module, larger with `scale`: tests, the module table and benchmarks run them."""
        raise NotImplementedError(f"{cls.__name__} has no examples: write examples(cls, rng, scale=1)")


def has_own_backward(module: Module | type[Module]) -> bool:
    """Whether a backward was written for the module by hand."""
    kind = module if isinstance(module, type) else type(module)
    return kind.backward is not Module.backward
