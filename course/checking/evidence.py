"""Evidence: what a module did on given inputs, as plain arrays and messages, gathered where its code runs.

The other half of a check, verdicts.py, decides from these arrays alone, and so may run in another process.
"""

import copy
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from course.checking.deadline import DeadlineError, deadline
from course.checking.explain import explain, is_unwritten, line_of
from course.checking.finding import Finding, Problem
from course.checking.second_call import second_call
from course.checking.shortcuts import DELEGATED, watch
from course.errors import NoBackwardError, SavedError
from course.module import Buffer, Module, Parameter, as_tuple


@dataclass
class Evidence:
    """What a module did on given inputs: arrays, never objects of the module's own making."""

    outputs: tuple[np.ndarray | None, ...] = ()
    grads: dict[str, np.ndarray | None] = field(default_factory=dict)
    """∂L/∂input by the input's name, then ∂L/∂parameter by the parameter's."""
    grads_again: dict[str, np.ndarray | None] = field(default_factory=dict)
    """The same after a second backward: inputs' gradients repeat, parameters' have doubled."""
    changed: tuple[str, ...] = ()
    """Which of the inputs and grad_output were changed in place."""
    trained: tuple[str, ...] = ()
    """Which parameters and buffers backward gave other values, or forward, of the parameters."""
    stale: tuple[str, ...] = ()
    """What of a second call, with other inputs, is not as of a new object: gradients by name, OUTPUT."""
    odd: dict[str, str] = field(default_factory=dict)
    """What a gradient is that is no tensor of float64, as everything is that the module is given."""
    infinite: tuple[str, ...] = ()
    """Which gradients of that second call are not finite in a new object."""
    demands_forward: bool = False
    """Whether backward before forward was refused."""
    timed_out: bool = False
    """Whether a stage was stopped at its deadline."""
    failures: dict[str, Finding] = field(default_factory=dict)
    """By stage (forward, backward, a second backward): what went wrong in it."""
    shortcuts: tuple[str, ...] = ()
    """Ways around a backward pass by hand that were seen in use, such as torch.autograd."""


def probe(
    module: Module,
    names: Sequence[str],
    inputs: Sequence[Any],
    grad_outputs: Sequence[Tensor],
    *,
    seconds: float = 10.0,
) -> Evidence:
    """Run a module forward and backward, twice, and note what it did. Nothing that it raises gets out.

    Args:
        names: a name for each input.
        seconds: time for each stage; a backward that never ends counts as failed.
    """
    evidence = Evidence()
    given, upstream = to_float64(inputs), to_float64(grad_outputs)
    evidence.demands_forward = _demands_forward(module, upstream, seconds)
    module.zero_grad()
    new, before = _copied(module), _values(module.named_parameters())
    # a forward that differentiates leaves nothing for backward to do
    with watch(module) as shortcuts:
        outputs = _stage(evidence, "forward", lambda: as_tuple(module.forward(*given)), seconds)
        evidence.outputs = tuple(_to_array(o, "forward", evidence) for o in outputs or ())
    evidence.shortcuts = tuple(dict.fromkeys((*evidence.shortcuts, *shortcuts)))
    if outputs is None:
        return evidence
    before |= {name: value for name, value in _values(module.named_state()).items() if name not in before}
    for stage, record in (("backward", evidence.grads), ("a second backward", evidence.grads_again)):
        with watch(module) as shortcuts:
            result = _stage(evidence, stage, lambda: module.backward(*upstream), seconds)
            stopped = stage in evidence.failures
            if not stopped:  # reading a gradient may run code, too, where its class is the student's
                _record(evidence, stage, record, module, names, result)
        evidence.shortcuts = tuple(dict.fromkeys((*evidence.shortcuts, *shortcuts)))
        if stopped:
            break
    pairs = [
        *zip(names, given, inputs, strict=True),
        *(("grad_output", u, g) for u, g in zip(upstream, grad_outputs, strict=True) if g is not None),
    ]
    evidence.changed = tuple(n for n, now, was in pairs if isinstance(now, Tensor) and not _same(now, was))
    evidence.trained = tuple(
        n for n, now in _values(module.named_state()).items() if not _same(now, before[n])
    )
    if new is not None and not evidence.failures:
        second = second_call(module, new, names, inputs, seconds)
        evidence.stale, evidence.infinite = second.stale, second.infinite
    return evidence


def _copied(module: Module) -> Module | None:
    """A copy; None of what cannot be copied."""
    try:
        return copy.deepcopy(module)
    except Exception:
        return None


def _values(named: Iterable[tuple[str, Parameter | Buffer]]) -> dict[str, Tensor]:
    """Copies of the values of parameters and buffers by name."""
    return {name: thing.value.detach().clone() for name, thing in named}


def _record(
    evidence: Evidence,
    stage: str,
    record: dict[str, np.ndarray | None],
    module: Module,
    names: Sequence[str],
    result: Any,
) -> None:
    """Note the gradients of one backward: those returned, by input names, and those of the parameters."""
    finding = _unfit(stage, names, result)
    if finding is None:
        for name, grad in zip(names, as_tuple(result), strict=True):
            record[name] = _to_array(grad, stage, evidence)
            if other := _other_kind(grad):
                evidence.odd[name] = other
    else:
        evidence.failures[stage] = finding
    for name, parameter in module.named_parameters():  # a slip in what is returned does not cost these
        record[name] = _to_array(parameter.grad, stage, evidence)


def _unfit(stage: str, names: Sequence[str], result: Any) -> Finding | None:
    """Why what backward returned is not one gradient for each input; None where it is."""
    count, returned = len(names), as_tuple(result)
    if result is None and count > 1:
        nothing = f"{stage} returned nothing: is there a `return` at its end, with all gradients?"
        return Finding(Problem.MISSING, nothing)
    if isinstance(result, tuple) and len(result) == count == 1:
        comma = f"{stage} returned a tuple where a tensor belongs: is there a comma behind it?"
        return Finding(Problem.WRONG_KIND, comma)
    if isinstance(result, list) and not all(grad is None or isinstance(grad, Tensor) for grad in result):
        numbers = (
            f"{stage} returned a list of numbers where a tensor belongs: make one with torch.tensor(...)"
        )
        return Finding(Problem.WRONG_KIND, numbers)
    if isinstance(result, list) and len(result) > count == 1:
        several = f"{stage} returned a list of tensors where one belongs: torch.stack makes one of them"
        return Finding(Problem.WRONG_KIND, several)
    if len(returned) != count:
        given = f"{len(returned)} gradient{'s' * (len(returned) != 1)}"
        inputs = f"{count} input{'s' * (count != 1)} ({', '.join(names)})"
        return Finding(Problem.WRONG_COUNT, f"{stage} returned {given} for {inputs}")
    return None


def _other_kind(grad: Any) -> str:
    """What a gradient is if it is not a tensor of float64; empty if it is."""
    if isinstance(grad, np.ndarray | np.generic):
        return "a numpy array"
    if isinstance(grad, Tensor) and grad.dtype != torch.float64:
        return f"a tensor of {str(grad.dtype).removeprefix('torch.')}"
    return ""


def to_float64(tensors: Sequence[Any]) -> tuple[Any, ...]:
    """Detached copies, floating-point ones in float64; what is no tensor stays (an omitted input, a switch).

    A tensor that is given twice, as in self-attention, is one tensor afterwards, too.
    """
    copies = {id(value): _to_float64(value) for value in tensors}
    return tuple(copies[id(value)] for value in tensors)


def _to_float64(value: Any) -> Any:
    if not isinstance(value, Tensor):
        return value
    return value.detach().clone().double() if value.is_floating_point() else value.detach().clone()


def _same(now: Tensor, before: Tensor) -> bool:
    return now.shape == before.shape and torch.allclose(now, before.to(now), rtol=0, atol=0, equal_nan=True)


def _stage(evidence: Evidence, stage: str, run: Callable[[], Any], seconds: float) -> Any:
    """Run one stage of a stranger's code; whatever goes wrong becomes a finding."""
    try:
        with deadline(seconds):
            return run()
    except DeadlineError as error:
        evidence.timed_out, problem = True, Problem.OUT_OF_TIME
        words = (
            f"{stage} did not finish within {seconds:g} s{line_of(error)}: is there a loop that never ends?"
        )
    except SystemExit as error:
        problem = Problem.EXITED
        words = f"{stage} left the program with exit(){line_of(error)}: raise or return instead"
    except Exception as error:
        if isinstance(error, NoBackwardError):
            evidence.shortcuts = (*evidence.shortcuts, DELEGATED)
        problem = Problem.NOT_WRITTEN if is_unwritten(error) else Problem.RAISED
        words = explain(stage, error)
    evidence.failures[stage] = Finding(problem, words)
    return None


def _demands_forward(module: Module, grad_outputs: Sequence[Tensor], seconds: float) -> bool:
    fresh = copy.deepcopy(module)
    fresh.forget_forward()
    try:
        with deadline(seconds):
            fresh.backward(*(g if g is None else g.clone() for g in grad_outputs))
    except SavedError:
        return True
    except (Exception, DeadlineError, SystemExit):
        return False
    return False


def _to_array(value: Any, stage: str, evidence: Evidence) -> np.ndarray | None:
    if value is None:
        return None
    if isinstance(value, Tensor | int | float | np.ndarray | np.generic):
        try:
            return torch.as_tensor(value).detach().cpu().double().numpy().copy()
        except (TypeError, ValueError, RuntimeError):
            pass
    words = f"{stage} returned a {type(value).__name__} where a tensor belongs"
    evidence.failures.setdefault(stage, Finding(Problem.WRONG_KIND, words))
    return None
