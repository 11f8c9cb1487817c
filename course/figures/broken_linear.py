"""A Linear whose backward makes one of the classic mistakes."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Generator, Tensor

from course.module import Module
from course.modules import Linear

Spoil = Callable[[Tensor, Tensor, Linear], Tensor]
"""From the right gradient, grad_output and the Linear: the wrong gradient."""

MISTAKES: dict[str, tuple[str, Spoil]] = {
    "mean over the batch": ("weight", lambda right, grad_output, linear: right / len(grad_output)),
    "factors exchanged": ("weight", lambda right, grad_output, linear: right.T),
    "minus sign": ("weight", lambda right, grad_output, linear: -right),
    "last unit forgotten": (
        "weight",
        lambda right, grad_output, linear: torch.cat([right[:-1], 0 * right[-1:]]),
    ),
    "bias forgotten": ("bias", lambda right, grad_output, linear: 0 * right),
    "weight transposed": ("x", lambda right, grad_output, linear: grad_output @ linear.weight.value.T),
    "upstream ignored": (
        "x",
        lambda right, grad_output, linear: linear.backward(torch.ones_like(grad_output)),
    ),
    "no mistake": ("x", lambda right, grad_output, linear: right),
}
"""What the programmer did, by name: whose gradient it spoils, and how."""


class BrokenLinear(Module):
    """Y = X Wᵀ + b, with a backward that is right but for one mistake.

    Args:
        features: of the input and of the output; a square weight lets mistakes pass that shapes would give
            away.
        mistake: one of MISTAKES.
    """

    def __init__(self, features: int, mistake: str, rng: Generator) -> None:
        linear = Linear(features, features, rng=rng)
        self.weight, self.bias, self.mistake = linear.weight, linear.bias, mistake
        self.linear = linear

    def forward(self, x: Tensor) -> Tensor:
        """The true output."""
        self.save()
        return self.linear(x)

    def backward(self, grad_output: Tensor) -> Any:
        """The gradients, one of them spoiled."""
        name, spoil = MISTAKES[self.mistake]
        parameters = dict(self.named_parameters())
        before = {name: parameter.grad.clone() for name, parameter in parameters.items()}
        self.zero_grad()
        right = {"x": self.linear.backward(grad_output)} | {
            name: p.grad.clone() for name, p in parameters.items()
        }
        given = right | {name: spoil(right[name], grad_output, self.linear)}
        for name, parameter in parameters.items():
            parameter.grad = before[name] + given[name]
        return given["x"]
