"""On paper: the smallest failing case of an exercise, with numbers so short that one can redo it by hand."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Generator, Tensor

from course.checking.finding import difference, gradient_name
from course.checking.truth import Truth
from course.exercises.exercise import Case, Exercise
from course.exercises.respondent import Respondent, kinds_in, to_arrays

MOST = 12
"""How many numbers inputs and parameters may hold together: more nobody works through."""

UPSTREAM = (2.0, -1.0, 3.0, -2.0, 1.0, -3.0)
"""The gradients that arrive, over and over again."""


@dataclass(frozen=True)
class OnPaper:
    """A failing case to redo by hand.

    Attributes:
        case: the label of the exercise's case that it is like.
        tensor: the name of the input or parameter whose gradient is wrong.
        given: the inputs, the parameters and grad_output, by name.
        yours: the gradient that backward gave.
        numeric: the numeric gradient.
    """

    case: str
    tensor: str
    given: dict[str, np.ndarray]
    yours: np.ndarray
    numeric: np.ndarray

    @property
    def sentence(self) -> str:
        """One line with all numbers."""
        known = ", ".join(f"{name} = {_text(values)}" for name, values in self.given.items())
        name = gradient_name(self.tensor)
        return f"{known}: your {name} is {_text(self.yours)}, the numeric gradient {_text(self.numeric)}"


def _text(values: np.ndarray) -> str:
    """The numbers of an array with at most four digits, row by row in brackets."""
    if values.ndim:
        return f"[{', '.join(_text(row) for row in values)}]"
    return f"{float(values) + 0.0:.4g}"


def on_paper(
    exercise: Exercise, respondent: Respondent, cases: Sequence[Case], tensor: str, rng: Generator
) -> OnPaper | None:
    """The smallest of these cases, with short numbers, in which that gradient is wrong; None if it is not.

    Args:
        cases: in which it was wrong.
        rng: draws what a point near a kink is moved by; such a point is not short any more, and left out.
    """
    for case in sorted(cases, key=_size):
        if _size(case) > MOST or exercise.truth is None:
            return None
        module = case.module(exercise.truth).to(dtype=torch.float64)
        for parameter in module.parameters():
            parameter.value = _short(parameter.value)
        inputs = tuple(_short(value) for value in case.inputs)
        truth = Truth(module, inputs, rng)
        pairs = zip(truth.inputs, inputs, strict=True)
        if any(isinstance(value, Tensor) and not torch.equal(now, value.to(now)) for now, value in pairs):
            continue
        truth.grad_outputs = tuple(
            None if grad is None else _upstream(grad, first) for first, grad in enumerate(truth.grad_outputs)
        )
        state = {name: value.cpu().numpy() for name, value in module.state_dict().items()}
        evidence = respondent.probe(
            case,
            state,
            truth.names,
            to_arrays(truth.inputs),
            to_arrays(truth.grad_outputs),
            kinds_in(truth.module),
        )
        yours = evidence.grads.get(tensor)
        if tensor not in truth.tensors or yours is None:
            continue
        (numeric,) = truth.numeric([tensor])
        if yours.shape == numeric.shape and difference(yours, numeric, exercise.tolerance, ""):
            return OnPaper(case.label, tensor, _given(truth), yours, numeric)
    return None


def _given(truth: Truth) -> dict[str, np.ndarray]:
    """Everything that goes in, by name."""
    named = dict(zip(truth.names, truth.inputs, strict=True)) | truth.tensors
    given = {name: value.cpu().numpy() for name, value in named.items() if isinstance(value, Tensor)}
    for index, grad in enumerate(truth.grad_outputs):
        if grad is not None:
            given[f"grad_output{index or ''}"] = grad.cpu().numpy()
    return given


def _size(case: Case) -> int:
    """How many numbers a case's inputs and parameters hold."""
    tensors: list[Any] = [*case.inputs, *case.state.values()]
    return sum(value.numel() for value in tensors if isinstance(value, Tensor))


def _short(value: Any) -> Any:
    """The numbers with one decimal, none of them 0."""
    if not isinstance(value, Tensor) or not value.is_floating_point():
        return value
    rounded = (value.double() * 10).round() / 10
    return torch.where(rounded == 0, torch.full_like(rounded, 0.1).copysign(value.double()), rounded)


def _upstream(grad: Tensor, first: int) -> Tensor:
    numbers = torch.tensor(UPSTREAM, dtype=grad.dtype, device=grad.device).roll(-first)
    return numbers.repeat(grad.numel() // len(UPSTREAM) + 1)[: grad.numel()].view(grad.shape)
