"""An exercise: cases to run a student's object on, points for its parts, and hints, but no answers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import InitVar, dataclass, field
from operator import call
from typing import Any

import numpy as np
from torch import Generator, Tensor

from course.checking.finding import Problem, at, index_of_largest
from course.checking.verdicts import TOLERANCE
from course.module import Module


class RefusalError(ValueError):
    """A case's `make` does not take the student's object; the message is all that is shown, and says why.

    Args:
        problem: its kind, where it is more than that the object is not what the exercise asks for.
    """

    def __init__(self, message: str, problem: Problem = Problem.REFUSED) -> None:
        super().__init__(message)
        self.problem = problem


@dataclass(frozen=True)
class Case:
    """One situation for a module: how it is made of the student's object, its inputs, its parameters' values.

    `make` is also called with the exercise's `truth`, whose forward (never its backward) says what is right.
    An exercise without a truth lets the student's own forward say so: any formula will do, if backward fits
    it.

    Args:
        label: names the case in messages, and is the name of a part where points are for the case as a whole.
        make: make(answer) gives the module; it calls the class, ``answer()``, when left out. It runs in the
            student's process, which finds it by its name: a function at the top level of a file in
            course/exercises/questions/, or functools.partial of one.
        inputs: what forward gets.
        state: values of parameters and buffers, by dotted name; the others stay as `make` left them.

    Raises:
        TypeError: `make` is called `build`, as it was once.
    """

    label: str
    make: Callable[[Any], Module] = call
    inputs: tuple[Tensor, ...] = ()
    state: Mapping[str, Tensor] = field(default_factory=dict)
    build: InitVar[None] = None

    def __post_init__(self, build: None) -> None:
        if build is not None:
            raise TypeError(
                f"case '{self.label}': `build` is called `make` now: Case(label, make, inputs, state)"
            )

    def module(self, answer: Any) -> Module:
        """The module of this case, made of a student's object or of the truth, with the case's `state` in it.

        Raises:
            KeyError: `state` names what the module does not have.
        """
        module = self.make(answer)
        if not isinstance(module, Module):
            return module  # whoever asked says so
        own = dict(module.named_state())
        for name, value in self.state.items():
            if name not in own:
                raise KeyError(f"{type(module).__name__} has no parameter '{name}', only {sorted(own)}")
            own[name].value = value.clone()
        return module


@dataclass(frozen=True)
class Call:
    """One situation for a plain function: how it is called, on what, and when its result is accepted.

    Attributes:
        run: run(answer, *inputs) calls the student's function, in the student's process, and returns arrays
            or numbers. That process finds it by its name, as the `make` of a Case.
        inputs: tensors; whatever else the function needs (a function to differentiate, say) is `run`'s to
            add.
        accept: accept(inputs, results) gives one line on what is wrong, empty when nothing is. It runs in the
            judge's process: compare with a reference (see `equals`), test for a property, or compute a metric
            on held-out data.
        seconds: time for the call.
        parts: kinds of module whose backward torch may compute meanwhile, where they have none of their own;
            all kinds when left out.
    """

    label: str
    run: Callable[..., Any]
    inputs: tuple[Tensor, ...]
    accept: Callable[[Sequence[Tensor], Sequence[np.ndarray]], str]
    seconds: float = 5.0
    parts: Sequence[type[Module]] | None = None


def equals(
    reference: Callable[..., Any], tolerance: float = 1e-6
) -> Callable[[Sequence[Tensor], Sequence[np.ndarray]], str]:
    """Accept results that equal reference(*inputs), relative to the largest number of each."""

    def accept(inputs: Sequence[Tensor], results: Sequence[np.ndarray]) -> str:
        wanted = reference(*inputs)
        wanted = tuple(wanted) if isinstance(wanted, tuple | list) else (wanted,)
        if len(results) != len(wanted):
            return f"gave {len(results)} result{'s' * (len(results) != 1)} where {len(wanted)} belong"
        for got, want in zip(results, wanted, strict=True):
            want = (
                want.detach().cpu().double().numpy()
                if isinstance(want, Tensor)
                else np.asarray(want, dtype=float)
            )
            if got.shape != want.shape:
                return f"has shape {got.shape}, but shape {want.shape} belongs there"
            error = np.where(np.isfinite(got), np.abs(got - want), np.inf)
            if got.size and error.max() > tolerance * max(np.abs(want).max(), 1e-12):
                index = index_of_largest(error)
                return f"is {got[index]:.6g}{at(index)}, but {want[index]:.6g} is right"
        return ""

    return accept


@dataclass(frozen=True)
class Exercise:
    """What is asked: fresh cases for a random generator, points for each part, and three hints.

    The hints go from faint to strong.

    `points` is keyed by the name of a part ("∂L/∂x", which must then hold in every case) or by the label of a
    case (in which then every part must hold). `truth` is the right class, or None where the student invents
    the module. `tolerance` is the largest accepted error of a gradient, relative to its largest number.
    `at_zero` says whether gradients must be finite where inputs are 0, too, if the true ones are.
    """

    name: str
    truth: Any
    cases: Callable[[Generator], Sequence[Case | Call]]
    points: dict[str, float]
    hints: tuple[str, str, str]
    tolerance: float = TOLERANCE
    at_zero: bool = True

    @property
    def max_points(self) -> float:
        """The points for a flawless answer."""
        return float(sum(self.points.values()))
