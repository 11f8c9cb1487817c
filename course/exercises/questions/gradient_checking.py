"""What assignment 04 hands to a student's functions: functions to differentiate, and gradients to check."""

from typing import Any

import torch
from torch import Tensor

from course.module import Module

FUNCTIONS = {
    "sum of sines": lambda x: torch.sin(x).sum(),
    "sum of squared row sums": lambda x: x.sum(1).square().sum(),
    "exponential": torch.exp,
    "sum of cubes": lambda x: (x**3).sum(),
    "cubes": lambda x: x**3,
    "sines": torch.sin,
    "small sines": lambda x: 1e-10 * torch.sin(x),
    "exponentials": torch.exp,
    "column sums": lambda x: x.sum(0),
    "softmax": lambda x: x.softmax(1),
}


def differentiate(name: str, epsilon: float, answer: Any, x: Tensor) -> Any:
    """The student's numerical gradient of a function of that name, of which it sees values alone."""
    function = FUNCTIONS[name]
    return answer(lambda moved: function(moved.detach()), x, epsilon)


def differentiate_at_copy(name: str, epsilon: float, answer: Any, x: Tensor) -> Any:
    """The same at a copy of x, which may be changed."""
    return differentiate(name, epsilon, answer, x.clone())


def both_ways(answer: Any, a: Tensor, b: Tensor) -> Any:
    """The student's relative error of a and b, and of b and a."""
    both = (answer(a, b), answer(b, a))
    return tuple(torch.as_tensor(error, dtype=torch.float64) for error in both)


class Tabulated(Module):
    """A function of that name near one point, whose gradient is read from tables, right or wrong.

    Args:
        name: of the function.
        point: where the tables were made.
        slopes: the gradient at the point for each output, which is the last axis.
        bends: the change of `slopes` with each number of x, which is the last axis.
    """

    def __init__(self, name: str, point: Tensor, slopes: Tensor, bends: Tensor) -> None:
        self.name, self.point, self.slopes, self.bends = name, point, slopes, bends

    def forward(self, x: Tensor) -> Tensor:
        self.save(x=x)
        return FUNCTIONS[self.name](x)

    def backward(self, grad_output: Tensor) -> Tensor:
        moved = (self.saved["x"] - self.point).reshape(-1)
        return (self.slopes + self.bends @ moved) @ grad_output.reshape(-1)


def verdicts(name: str, answer: Any, x: Tensor, *tables: Tensor) -> Tensor:
    """What the student's check says of gradients of one function; of each, there are slopes and bends."""
    pairs = zip(tables[::2], tables[1::2], strict=True)
    said = [float(answer(Tabulated(name, x.clone(), *pair), x.clone())) for pair in pairs]
    return torch.tensor(said, dtype=torch.float64)
