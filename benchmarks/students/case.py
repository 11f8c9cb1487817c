"""One wrong answer, and the numbers that cases are made of."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from course import Chain, Module, generator
from course.modules import Linear, Tanh

CASES: dict[str, "Case"] = {}
"""All that were read, by their names."""


@dataclass(frozen=True)
class Case:
    """A wrong answer.

    Attributes:
        truth: what is wrong, in plain words.
        answer: the student's class or function.
        kind: 'one' mistake, 'two' at once, or 'subtle': it shows for some inputs or options only.
        exercise: of assignments 01 to 05, or empty.
        shows: in what it differs, for other than numbers: 'raises', 'shape', 'missing', 'accumulation',
            'in place', 'function'. A subtle one shows with the inputs and options that are given here.
    """

    name: str
    truth: str
    answer: Any
    kind: str = "one"
    exercise: str = ""
    args: tuple[Any, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    inputs: Callable[[], tuple[Any, ...]] = tuple
    prepare: Callable[[Any], Any] | None = None
    shows: str = ""

    def module(self) -> Module:
        """The student's module, made as always."""
        torch.manual_seed(0)
        made = self.answer(*(part() if callable(part) else part for part in self.args), **self.options)
        return (self.prepare(made) or made) if self.prepare else made


def case(
    name: str,
    truth: str,
    args: tuple[Any, ...] = (),
    inputs: Callable[[], tuple[Any, ...]] = tuple,
    **about: Any,
) -> Callable[[Any], Any]:
    """Register the class or function below as a wrong answer."""

    def register(answer: Any) -> Any:
        if name in CASES:
            raise ValueError(f"two cases are called {name}")
        CASES[name] = Case(name, truth, answer, args=args, inputs=inputs, **about)
        return answer

    return register


def rand(*shape: int, seed: int = 0, scale: float = 1.0) -> Tensor:
    """Numbers of the normal distribution, always the same."""
    return scale * torch.randn(
        *shape, generator=torch.Generator().manual_seed(1234 + seed), dtype=torch.float64
    )


def away(x: Tensor) -> Tensor:
    """The same numbers, none of them near 0."""
    return x + 0.2 * x.sign()


def classes(n: int, count: int, seed: int = 0) -> Tensor:
    """A class for each of n examples."""
    return torch.randint(0, count, (n,), generator=torch.Generator().manual_seed(99 + seed))


def shares(*shape: int, seed: int = 0) -> Tensor:
    """Positive numbers that sum to 1 along the last axis."""
    return torch.softmax(rand(*shape, seed=seed), -1)


def shake(module: Module) -> None:
    """Move every parameter away from ones and zeros, so that a factor that is left out shows."""
    for position, parameter in enumerate(module.parameters()):
        moved = 0.5 * rand(*parameter.value.shape, seed=70 + position)
        parameter.value = parameter.value + moved.to(parameter.value)


def linear(seed: int = 0) -> Linear:
    """A layer from 3 features to 3."""
    return Linear(3, 3, rng=generator(seed))


def block() -> Chain:
    """A small network from 3 features to 3."""
    return Chain(linear(), Tanh())
