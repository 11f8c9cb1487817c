"""The student's side of a check.

It makes modules of the student's object, runs them as it is told, and hands back arrays.
"""

import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from course.checking.deadline import DeadlineError, deadline
from course.checking.evidence import Evidence, probe
from course.checking.explain import explain, is_unwritten
from course.checking.finding import Finding, Problem
from course.checking.shortcuts import read_source, watch
from course.checking.trace import trace
from course.device import device
from course.exercises.exercise import Call, Case, RefusalError
from course.fallback import falling_back_only
from course.module import Module, as_tuple

SECONDS = 5.0
"""Time for one forward or backward of a student's object; the right ones take milliseconds."""


class Respondent(Protocol):
    """What a judge may ask of a student's object, here or in another process.

    Answers are made of arrays and strings. Where something is wrong, `problem` says what in words, and `kind`
    is the Problem; both are empty where nothing is. `shortcuts` are ways around work by hand that were seen.
    """

    def about(self, case: Case | Call) -> dict[str, Any]:
        """Whether the object is an answer at all; the `shortcuts` in its source that a person should see."""
        ...

    def own(self, case: Case) -> dict[str, Any]:
        """The `names` of the inputs of a module of the student's own, and its parameters' `state`."""
        ...

    def probe(
        self,
        case: Case,
        state: dict[str, np.ndarray],
        names: Sequence[str],
        inputs: Sequence[Any],
        grads: Sequence[np.ndarray],
        parts: Sequence[type[Module]] | None,
    ) -> Evidence:
        """Run a module with those parameters forward and backward; `names` are those of the inputs.

        `parts` are the kinds of module that the right one is made of; None where the student decides that.
        """
        ...

    def forward(self, case: Case, state: dict[str, np.ndarray], inputs: Sequence[Any]) -> dict[str, Any]:
        """The `outputs` of a module of the student's own with those parameters, and `shortcuts`."""
        ...

    def steps(self, case: Case, state: dict[str, np.ndarray], inputs: Sequence[Any]) -> dict[str, Any]:
        """The `steps` of such a forward, as `course.checking.trace` tells them; none where it cannot."""
        ...

    def call(self, case: Call, inputs: Sequence[np.ndarray]) -> dict[str, Any]:
        """The `results` of a plain function, the positions of the inputs that it `changed`, `shortcuts`."""
        ...


class Local:
    """A respondent in this process.

    Args:
        name: of the exercise.
        answer: the student's class or function.
    """

    def __init__(self, name: str, answer: Any) -> None:
        self.name, self.answer = name, answer

    def about(self, case: Case | Call) -> dict[str, Any]:
        refusal = None
        if not callable(self.answer):
            words = f"'{self.name}' needs a class or a function, this is a {type(self.answer).__name__}"
            refusal = Finding(Problem.REFUSED, words)
        elif isinstance(case, Case) and isinstance(self.answer, type) and not _wrote_backward(self.answer):
            words = f"{self.answer.__name__} has no backward of its own: write one in the class"
            refusal = Finding(Problem.REFUSED, words)
        return _told(refusal) | {"shortcuts": list(read_source(self.answer))}

    def own(self, case: Case) -> dict[str, Any]:
        module = self._make(case)
        if isinstance(module, Finding):
            return _told(module) | {"names": [], "state": {}}
        state = {name: parameter.value.cpu().numpy() for name, parameter in module.named_parameters()}
        return _told() | {"names": list(module.input_names()), "state": state}

    def probe(
        self,
        case: Case,
        state: dict[str, np.ndarray],
        names: Sequence[str],
        inputs: Sequence[Any],
        grads: Sequence[np.ndarray],
        parts: Sequence[type[Module]] | None,
    ) -> Evidence:
        module = self._make(case, state, own=parts is None)
        if isinstance(module, Finding):
            return Evidence(failures={"forward": module})
        with same_draws(), falling_back_only(kinds_in(module) if parts is None else parts):
            return probe(module, names, _tensors(inputs), _tensors(grads), seconds=SECONDS)

    def forward(self, case: Case, state: dict[str, np.ndarray], inputs: Sequence[Any]) -> dict[str, Any]:
        module = self._make(case, state, own=True)
        if isinstance(module, Finding):
            return _told(module) | {"outputs": [], "shortcuts": []}
        try:
            with (
                same_draws(),
                falling_back_only(kinds_in(module)),
                watch(module) as seen,
                deadline(SECONDS),
            ):
                outputs = as_tuple(module.forward(*_tensors(inputs)))
                arrays = [torch.as_tensor(output).detach().cpu().double().numpy() for output in outputs]
        except (Exception, DeadlineError, SystemExit) as error:
            return _told(_raised("forward", error)) | {"outputs": [], "shortcuts": []}
        return _told() | {"outputs": arrays, "shortcuts": seen}

    def steps(self, case: Case, state: dict[str, np.ndarray], inputs: Sequence[Any]) -> dict[str, Any]:
        module = self._make(case, state, own=True)
        if isinstance(module, Finding):
            return {"steps": []}
        given = _tensors(inputs)
        parameters = [parameter.value for _, parameter in module.named_parameters()]
        try:
            with same_draws(), falling_back_only(kinds_in(module)), deadline(SECONDS):
                return {"steps": trace(lambda *_: module.forward(*given), [*given, *parameters])}
        except (Exception, DeadlineError, SystemExit):
            return {"steps": []}

    def call(self, case: Call, inputs: Sequence[np.ndarray]) -> dict[str, Any]:
        given, nothing = _tensors(inputs), {"results": [], "changed": [], "shortcuts": []}
        try:
            with falling_back_only(case.parts), watch() as seen, deadline(case.seconds):
                outputs = as_tuple(case.run(self.answer, *given))
                results = [torch.as_tensor(value).detach().cpu().double().numpy() for value in outputs]
        except DeadlineError:
            slow = f"it did not finish within {case.seconds:g} s: is there a loop that never ends?"
            return _told(Finding(Problem.OUT_OF_TIME, slow)) | nothing
        except (Exception, SystemExit) as error:
            stage = "it" if is_unwritten(error) else "your function"
            return _told(_raised(stage, error)) | nothing
        pairs = zip(given, _tensors(inputs), strict=True)
        changed = [
            i
            for i, (now, before) in enumerate(pairs)
            if now.shape != before.shape or not torch.allclose(now, before, rtol=0, atol=0, equal_nan=True)
        ]
        return _told() | {"results": results, "changed": changed, "shortcuts": seen}

    def _make(
        self, case: Case, state: dict[str, np.ndarray] | None = None, *, own: bool = False
    ) -> Module | Finding:
        """The module of one case with those parameters, or why there is none."""
        try:
            with deadline(SECONDS):
                module = case.module(self.answer)
            if not isinstance(module, Module):
                words = f"making it gave a {type(module).__name__}: the class must inherit from Module"
                return Finding(Problem.REFUSED, words)
            module = module.to(dtype=torch.float64)
            if state is not None:
                # Only the student's own module has buffers that nobody else knows of.
                kept = module.state_dict() if own else {}
                module.load_state_dict(kept | dict(zip(state, _tensors(list(state.values())), strict=True)))
        except RefusalError as error:
            return Finding(error.problem, str(error))
        except (Exception, DeadlineError, SystemExit) as error:
            return _raised("making it", error)
        return module


def kinds_in(module: Module) -> tuple[type[Module], ...]:
    """The kinds of module that a module is made of."""
    return tuple({type(part) for name, part in module.named_modules() if name})


@contextmanager
def same_draws() -> Iterator[None]:
    """Inside, torch's own generator draws the same numbers each time; afterwards it goes on where it was.

    A module that draws a mask from it is one function then, which the judge can measure.
    """
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(0)
        yield


def _told(finding: Finding | None = None) -> dict[str, Any]:
    """What was found, in an answer to the judge; with nothing found, that nothing was."""
    return (
        {"problem": finding.words, "kind": finding.problem}
        if finding
        else {"problem": "", "kind": Problem.NONE}
    )


def _raised(stage: str, error: BaseException) -> Finding:
    """An exception of the student's code, in one sentence."""
    kinds = {DeadlineError: Problem.OUT_OF_TIME, SystemExit: Problem.EXITED}
    raised = Problem.NOT_WRITTEN if is_unwritten(error) else Problem.RAISED
    return Finding(kinds.get(type(error), raised), explain(stage, error))


def _tensors(arrays: Sequence[Any]) -> tuple[Any, ...]:
    """Tensors on the course's device; None and tensors stay."""
    return tuple(torch.from_numpy(a.copy()).to(device()) if isinstance(a, np.ndarray) else a for a in arrays)


def to_arrays(values: Sequence[Any]) -> list[Any]:
    """Arrays of tensors; None stays."""
    return [value.detach().cpu().numpy() if isinstance(value, Tensor) else value for value in values]


def _wrote_backward(answer: type) -> bool:
    """Whether the class's backward comes from outside the course's library, which would give the answer."""
    backward = inspect.unwrap(getattr(answer, "backward", Module.backward))
    return not str(getattr(backward, "__module__", "")).startswith("course.")
