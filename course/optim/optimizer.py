"""Optimizer: what all optimizers share."""

import copy
from collections.abc import Iterable
from typing import Any, ClassVar

import torch
from torch import Tensor

from course.module import Parameter

Memory = dict[str, Any]
"""What an optimizer remembers of one parameter: tensors like it, and the number of steps."""


class Optimizer:
    """Moves parameters along their gradients, one `step()` at a time, in place.

    A subclass writes `update(parameter, grad, memory)`. A parameter to which no gradient was added since `zero_grad()` stays
    where it is, as in torch.optim.

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
    source: ClassVar[str] = ""

    def __init__(
        self, parameters: Iterable[Parameter], lr: float, *, weight_decay: float = 0.0, maximize: bool = False
    ) -> None:
        self.parameters = list(parameters)
        for parameter in self.parameters:
            if not isinstance(parameter, Parameter):
                raise TypeError(f"an optimizer moves Parameters, not a {type(parameter).__name__}: pass module.parameters()")
        if not self.parameters:
            raise ValueError("there are no parameters to move: pass module.parameters() of a module that has some")
        if len(set(map(id, self.parameters))) < len(self.parameters):
            raise ValueError("a parameter was given twice: it would be moved twice in every step")
        require_range("lr", lr, 0)
        require_range("weight_decay", weight_decay, 0)
        self.lr, self.weight_decay, self.maximize = lr, weight_decay, maximize
        self.memory: list[Memory] = [{} for _ in self.parameters]

    def update(self, parameter: Parameter, grad: Tensor, memory: Memory) -> None:
        """Move one parameter, given its gradient (weight decay and sign already in it), which must not be changed."""
        raise NotImplementedError

    @torch.no_grad()
    def step(self) -> None:
        """Move every parameter that has a gradient."""
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
        """A copy of the learning rate and of all that is remembered, to go on from later."""
        return {"lr": self.lr, "memory": copy.deepcopy(self.memory)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a `state_dict` of the same optimizer on the same parameters.

        Raises:
            ValueError: another number of parameters, or another shape; nothing is changed.
        """
        if len(state["memory"]) != len(self.parameters):
            raise ValueError(f"the state is of {len(state['memory'])} parameters, there are {len(self.parameters)}")
        for position, (parameter, memory) in enumerate(zip(self.parameters, state["memory"], strict=True)):
            for name, value in memory.items():
                if isinstance(value, Tensor) and value.shape != parameter.value.shape:
                    shapes = f"{tuple(value.shape)} where {tuple(parameter.value.shape)} is needed"
                    raise ValueError(f"'{name}' of parameter {position} in the state has shape {shapes}")
        self.lr, self.memory = state["lr"], copy.deepcopy(state["memory"])


def require_range(name: str, value: float, low: float, below: float = float("inf")) -> None:
    """Let only numbers in [low, below) pass; a NaN is in no range."""
    if not low <= value < below:
        raise ValueError(f"{name}={value} is out of range: expected {low} ≤ {name} < {below}")
