"""Optimizer: what all optimizers share."""

import copy
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from course.errors import DtypeError, SizeError
from course.module import Module, Parameter

Memory = dict[str, Any]
"""What an optimizer remembers of one parameter: tensors like it, and the number of steps."""


class Optimizer:
    """Moves parameters along their gradients, one `step()` at a time, in place.

    A subclass writes `update(parameter, grad, memory)`. A parameter to which no gradient was added since
    `zero_grad()` stays where it is, as in torch.optim where its grad is None: neither weight decay nor
    momentum moves it. (One whose gradient was read counts as having one, of zeros.)

    Args:
        parameters: what to move, such as ``net.parameters()``.
        lr: the learning rate; schedules change the attribute of that name.
        weight_decay: adds weight_decay · θ to the gradient, the gradient of ½ weight_decay ‖θ‖².
        maximize: climb instead of descend.

    Raises:
        TypeError: something that is not a Parameter.
        ValueError: no parameters, one of them twice, or a number outside its range.
    """

    formula: ClassVar[str] = ""
    """One step in LaTeX."""
    source: ClassVar[str] = ""
    """Where the optimizer was first described."""

    def __init__(
        self, parameters: Iterable[Parameter], lr: float, *, weight_decay: float = 0.0, maximize: bool = False
    ) -> None:
        if isinstance(parameters, Module | Parameter | Tensor) or not isinstance(parameters, Iterable):
            cure = "pass [parameter]" if isinstance(parameters, Parameter) else "pass module.parameters()"
            raise TypeError(
                f"an optimizer moves a list of Parameters, not a {type(parameters).__name__}: {cure}"
            )
        self.parameters = list(parameters)
        for position, parameter in enumerate(self.parameters):
            if not isinstance(parameter, Parameter):
                kind = f"{type(parameter).__module__}.{type(parameter).__qualname__}".removeprefix(
                    "builtins."
                )
                what = f"an optimizer moves Parameters, not a {kind}, which stands at position {position}"
                raise TypeError(f"{what}: pass module.parameters()")
        if not self.parameters:
            cure = "pass module.parameters() of a module that has some, called anew for each optimizer"
            raise ValueError(f"there are no parameters to move: {cure}")
        if len(set(map(id, self.parameters))) < len(self.parameters):
            raise ValueError("a parameter was given twice: it would be moved twice in every step")
        require_range("lr", lr, 0)
        require_range("weight_decay", weight_decay, 0)
        self.lr, self.weight_decay, self.maximize = lr, weight_decay, maximize
        self.initial_lr: float | None = None  # the lr that the first schedule found
        self.memory: list[Memory] = [{} for _ in self.parameters]

    def update(self, parameter: Parameter, grad: Tensor, memory: Memory) -> None:
        """Move one parameter, given its gradient.

        Weight decay and sign are already in the gradient, which must not be changed.
        """
        raise NotImplementedError

    @torch.no_grad()
    def step(self) -> None:
        """Move every parameter that has a gradient.

        Raises:
            SizeError, DtypeError: a gradient does not fit its parameter; nothing has moved.
        """
        for position, parameter in enumerate(self.parameters):
            if parameter.has_grad:
                _require_fit(parameter.value, parameter.grad, position)
        for parameter, memory in zip(self.parameters, self.memory, strict=True):
            if parameter.has_grad:
                self.update(parameter, self.direction(parameter), memory)

    def direction(self, parameter: Parameter) -> Tensor:
        """The gradient to follow downhill."""
        grad = -parameter.grad if self.maximize else parameter.grad
        return grad.add(parameter.value, alpha=self.weight_decay) if self.weight_decay else grad

    def zero_grad(self) -> None:
        """Set every parameter's gradient to zero."""
        for parameter in self.parameters:
            parameter.zero_grad()

    def state_dict(self) -> dict[str, Any]:
        """A copy of the learning rate, every other option and all that is remembered, to go on from later."""
        return copy.deepcopy({name: value for name, value in vars(self).items() if name != "parameters"})

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state_dict` of the same kind of optimizer on the same parameters, with its options.

        Raises:
            KeyError: an option is missing or unknown; nothing is changed.
            ValueError: another number of parameters, or another shape; nothing is changed.
        """
        require_names(type(self).__name__, vars(self).keys() - {"parameters"}, state.keys())
        if len(state["memory"]) != len(self.parameters):
            raise ValueError(
                f"the state is of {len(state['memory'])} parameters, there are {len(self.parameters)}"
            )
        for position, (parameter, memory) in enumerate(zip(self.parameters, state["memory"], strict=True)):
            for name, value in memory.items():
                if isinstance(value, Tensor) and value.shape != parameter.value.shape:
                    shapes = f"{tuple(value.shape)} where {tuple(parameter.value.shape)} is needed"
                    raise ValueError(f"'{name}' of parameter {position} in the state has shape {shapes}")
        vars(self).update(copy.deepcopy(dict(state)))
        self.memory = [_like(p.value, memory) for p, memory in zip(self.parameters, self.memory, strict=True)]


def require_range(name: str, value: float, low: float, below: float = float("inf")) -> None:
    """Let only numbers in [low, below) pass; a NaN is in no range."""
    if not low <= value < below:
        raise ValueError(f"{name}={value} is out of range: expected {low} ≤ {name} < {below}")


def require_names(kind: str, own: Iterable[str], given: Iterable[str]) -> None:
    """Let only a state with exactly these names pass."""
    missing, unknown = sorted(set(own) - set(given)), sorted(set(given) - set(own))
    if missing or unknown:
        raise KeyError(f"the state does not fit {kind}: missing {missing}, unknown {unknown}")


def _require_fit(value: Tensor, grad: Tensor, position: int) -> None:
    # A gradient of another shape would broadcast, and move the parameter without a word.
    if grad.shape != value.shape:
        shapes = f"has shape {tuple(value.shape)}, its gradient {tuple(grad.shape)}"
        raise SizeError(f"parameter {position} {shapes}: look at the backward that set it")
    if grad.dtype != value.dtype:
        raise DtypeError(
            f"parameter {position} holds {value.dtype}, its gradient {grad.dtype}: look at the backward that "
            f"set it"
        )


def _like(value: Tensor, memory: Memory) -> Memory:
    return {name: held.to(value) if isinstance(held, Tensor) else held for name, held in memory.items()}
