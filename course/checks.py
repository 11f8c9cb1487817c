"""Everything that a module must satisfy, in two halves: a probe that runs the module, and a judge that sees only arrays.

The same code serves the library's tests, the lectures and the students' exercises. The two halves meet in `Evidence`, plain
arrays and messages, so that a grader may run them in different processes.
"""

import copy
import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from course.deadline import DeadlineError, deadline
from course.device import device
from course.gradients import numerical_gradients
from course.module import Module, Parameter, argument_names, as_tuple

TOLERANCE = 1e-6
"""Largest accepted error, relative to the largest number in the array: central differences in float64 are right to about
1e-9, and the classic mistakes are wrong by far more than 1e-4."""


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
    demands_forward: bool = False
    """Whether backward before forward was refused."""
    timed_out: bool = False
    """Whether a stage was stopped at its deadline."""
    errors: dict[str, str] = field(default_factory=dict)
    """By stage (forward, backward): what it raised."""


@dataclass(frozen=True)
class Part:
    """One independent verdict: its name, whether it passed, and if not, one line that says what and where."""

    name: str
    passed: bool
    message: str = ""


@dataclass(frozen=True)
class Report:
    """The verdicts on one module; prints as a table."""

    title: str
    parts: tuple[Part, ...]
    analytic: dict[str, np.ndarray | None] = field(default_factory=dict)
    """The gradients that backward gave, by name of the input or parameter."""
    numeric: dict[str, np.ndarray] = field(default_factory=dict)
    """The true ones, from central differences."""

    @property
    def passed(self) -> bool:
        """Whether every part passed (and there was at least one)."""
        return bool(self.parts) and all(part.passed for part in self.parts)

    def __getitem__(self, name: str) -> Part:
        return {part.name: part for part in self.parts}[name]

    def __str__(self) -> str:
        width = max(len(part.name) for part in self.parts)
        lines = [f"{'pass' if part.passed else 'FAIL'}  {part.name:<{width}}  {part.message}".rstrip() for part in self.parts]
        return "\n".join([self.title, *lines])

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{'✓ pass' if part.passed else '✗ not yet'}</td><td>{html.escape(part.name)}</td>"
            f"<td style='text-align:left'>{html.escape(part.message)}</td></tr>"
            for part in self.parts
        )
        return f"<table><caption>{html.escape(self.title)}</caption>{rows}</table>"


def check_module(
    module: Module,
    inputs: Sequence[Tensor],
    *,
    reference: Callable[..., Any] | None = None,
    seed: int = 0,
    tolerance: float = TOLERANCE,
) -> Report:
    """Check forward and backward of a module on given inputs, every coordinate, in float64.

    The module is copied; its parameters are moved away from their initial values, which may hide mistakes (zeros and ones do);
    the upstream gradient is random, since all-ones hides them too (softmax).

    Args:
        module: any Module, a Graph or a Chain too.
        inputs: what its forward takes; integer tensors are passed on and get no gradient.
        reference: computes the true output as reference(module, *inputs); without it, the module's own forward counts as true
            and only the gradients are judged.
        seed: of the random upstream gradient and of the parameters' move.
        tolerance: the largest accepted error relative to the largest number of the array.
    """
    module = copy.deepcopy(module).to(dtype=torch.float64)
    inputs = to_float64(inputs)
    rng = torch.Generator(device()).manual_seed(seed + 7919)  # not the numbers that a caller drew its inputs from
    for parameter in module.parameters():
        parameter.value += 0.25 * torch.randn(parameter.value.shape, dtype=torch.float64, device=rng.device, generator=rng)
    names = input_names(module, len(inputs))
    truth = copy.deepcopy(module)
    expected = as_tuple(reference(truth, *inputs) if reference else truth(*inputs))
    grad_outputs = random_like(expected, rng)
    evidence = probe(module, names, inputs, grad_outputs)
    return judge(type(module).__name__, evidence, truth, names, inputs, grad_outputs, reference=reference, tolerance=tolerance)


def to_float64(tensors: Sequence[Any]) -> tuple[Any, ...]:
    """Detached copies, floating-point ones in float64."""
    return tuple(_to_float64(t) for t in tensors)


def _to_float64(value: Any) -> Any:
    if not isinstance(value, Tensor):
        return value  # an optional input that was left out, or a switch
    return value.detach().clone().double() if value.is_floating_point() else value.detach().clone()


def random_like(outputs: Sequence[Tensor], rng: torch.Generator) -> tuple[Tensor, ...]:
    """A random upstream gradient for each output."""
    return tuple(torch.randn(o.shape, dtype=torch.float64, device=rng.device, generator=rng) for o in outputs)


def input_names(module: Module, count: int) -> tuple[str, ...]:
    """The names of a module's inputs: forward's arguments, a graph's input names, or else x0, x1 and so on."""
    known = getattr(module, "inputs", None) or argument_names(module)
    optional = len(known) > count >= module._forward_signature.required  # the last ones were left out
    return tuple(known[:count]) if len(known) == count or optional else tuple(f"x{i}" for i in range(count))


def probe(
    module: Module, names: Sequence[str], inputs: Sequence[Tensor], grad_outputs: Sequence[Tensor], *, seconds: float = 10.0
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
    outputs = _stage(evidence, "forward", lambda: as_tuple(module.forward(*given)), seconds)
    if outputs is None:
        return evidence
    evidence.outputs = tuple(_to_array(o, "forward", evidence) for o in outputs)
    for record in (evidence.grads, evidence.grads_again):
        found = _stage(evidence, "backward", lambda: as_tuple(module.backward(*upstream)), seconds)
        if found is None:
            return evidence
        if len(found) != len(names):
            evidence.errors["backward"] = (
                f"backward returned {len(found)} gradients for {len(names)} inputs ({', '.join(names)})"
            )
            return evidence
        record.update({name: _to_array(grad, "backward", evidence) for name, grad in zip(names, found, strict=True)})
        for name, parameter in module.named_parameters():
            record[name] = _to_array(parameter.grad, "backward", evidence)
    pairs = [
        *zip(names, given, inputs, strict=True),
        *(("grad_output", u, g) for u, g in zip(upstream, grad_outputs, strict=True)),
    ]
    evidence.changed = tuple(n for n, now, before in pairs if isinstance(now, Tensor) and not torch.equal(now, before.to(now)))
    return evidence


def judge(
    title: str,
    evidence: Evidence,
    truth: Module,
    names: Sequence[str],
    inputs: Sequence[Tensor],
    grad_outputs: Sequence[Tensor],
    *,
    reference: Callable[..., Any] | None = None,
    tolerance: float = TOLERANCE,
) -> Report:
    """Decide from arrays alone: forward against the reference's, backward against finite differences of the true forward.

    Args:
        truth: a module with the right forward and the same parameter values; its backward is never called.
        reference: computes the output in place of truth.forward.
    """
    compute = reference or (lambda module, *tensors: module.forward(*tensors))
    inputs = to_float64(inputs)
    parts = [_judge_output(evidence, as_tuple(compute(truth, *inputs)), tolerance)]
    parameters = dict(truth.named_parameters())
    moving = {n: t for n, t in zip(names, inputs, strict=True) if isinstance(t, Tensor) and t.is_floating_point()}
    numeric = _numeric(compute, truth, names, inputs, moving, parameters, grad_outputs)
    parts.append(_judge_shapes(evidence, numeric))
    for name in numeric:
        parts.append(_judge_gradient(f"∂L/∂{name}", evidence, name, numeric[name], tolerance))
    for name in set(names) - set(moving):
        fine = evidence.grads.get(name) is None and not evidence.errors
        parts.append(Part(f"∂L/∂{name}", fine, "" if fine else f"'{name}' holds whole numbers: its gradient is None"))
    if parameters:
        parts.append(_judge_accumulation(evidence, {name: numeric[name] for name in parameters}, tolerance))
    parts.append(_judge_repeatable(evidence, [name for name in names if name in moving], tolerance))
    parts.append(_judge_untouched(evidence))
    if not isinstance(truth, FunctionWithGradient):
        refused = evidence.demands_forward
        parts.append(Part("needs forward first", refused, "" if refused else "backward before forward must be an error"))
    return Report(title, tuple(parts), evidence.grads, numeric)


class FunctionWithGradient(Module):
    """A plain function that returns its value and all its gradients, as a module: ``function(*x) -> (f, (∂f/∂x, …))``."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def forward(self, *inputs: Tensor) -> Tensor:
        value, gradients = self.function(*inputs)
        self.save(gradients=as_tuple(gradients))
        return value

    def backward(self, grad_output: Tensor) -> tuple[Tensor, ...]:
        return tuple(grad_output * gradient for gradient in self.saved["gradients"])


def _stage(evidence: Evidence, stage: str, run: Callable[[], Any], seconds: float) -> Any:
    """Run one stage of a stranger's code; whatever goes wrong becomes a message."""
    try:
        with deadline(seconds):
            return run()
    except NotImplementedError:
        evidence.errors[stage] = f"{stage} is not written yet"
    except DeadlineError:
        evidence.timed_out = True
        evidence.errors[stage] = f"{stage} did not finish within {seconds:g} s: is there a loop that never ends?"
    except Exception as error:
        first_line = (str(error).strip().splitlines() or [""])[0]
        evidence.errors[stage] = f"{stage} raised {type(error).__name__}: {first_line}".removesuffix(": ")
    return None


def _demands_forward(module: Module, grad_outputs: Sequence[Tensor], seconds: float) -> bool:
    fresh = copy.deepcopy(module)
    fresh._forget()
    try:
        with deadline(seconds):
            fresh.backward(*(g.clone() for g in grad_outputs))
    except RuntimeError as error:
        return "forward before backward" in str(error)
    except (Exception, DeadlineError):
        return False
    return False


def _to_array(value: Any, stage: str, evidence: Evidence) -> np.ndarray | None:
    if value is None:
        return None
    try:
        return torch.as_tensor(value).detach().cpu().double().numpy().copy()
    except (TypeError, ValueError, RuntimeError):
        evidence.errors.setdefault(stage, f"{stage} returned a {type(value).__name__} where a tensor belongs")
        return None


def _numeric(
    compute: Callable[..., Any],
    truth: Module,
    names: Sequence[str],
    inputs: Sequence[Tensor],
    moving: dict[str, Tensor],
    parameters: dict[str, Parameter],
    grad_outputs: Sequence[Tensor],
) -> dict[str, np.ndarray]:
    """Central differences of the true forward, for every floating-point input and every parameter."""
    tensors = [*moving.values(), *(parameter.value for parameter in parameters.values())]

    def function(*moved: Tensor) -> Any:
        now = dict(zip(moving, moved, strict=False))
        for parameter, value in zip(parameters.values(), moved[len(moving) :], strict=True):
            parameter.value = value
        return compute(truth, *(now.get(name, tensor) for name, tensor in zip(names, inputs, strict=True)))

    try:
        gradients = numerical_gradients(function, tensors, to_float64(grad_outputs))
    finally:
        for parameter, value in zip(parameters.values(), tensors[len(moving) :], strict=True):
            parameter.value = value
        truth._forget()  # what it saved of many moved copies at once is of no use to anyone
    return {name: gradient.cpu().numpy() for name, gradient in zip([*moving, *parameters], gradients, strict=True)}


def _judge_output(evidence: Evidence, expected: Sequence[Tensor], tolerance: float) -> Part:
    if not evidence.outputs:
        return Part("output", False, _first_error(evidence) or "forward returned nothing")
    if len(evidence.outputs) != len(expected):
        return Part("output", False, f"forward returned {len(evidence.outputs)} values where {len(expected)} belong")
    for got, want in zip(evidence.outputs, expected, strict=True):
        message = _difference(got, want.detach().cpu().double().numpy(), tolerance, "the expected output")
        if message:
            return Part("output", False, message)
    return Part("output", True)


def _judge_shapes(evidence: Evidence, numeric: dict[str, np.ndarray]) -> Part:
    for name, true in numeric.items():
        got = evidence.grads.get(name)
        if got is None:
            return Part("shapes", False, _first_error(evidence) or f"∂L/∂{name} is missing: backward gave None")
        if got.shape != true.shape:
            return Part("shapes", False, f"∂L/∂{name} has shape {got.shape}, but {name} has shape {true.shape}")
    return Part("shapes", True)


def _first_error(evidence: Evidence) -> str:
    return next(iter(evidence.errors.values()), "")


def _judge_gradient(part: str, evidence: Evidence, name: str, numeric: np.ndarray, tolerance: float) -> Part:
    if evidence.grads.get(name) is None:
        return Part(part, False, _first_error(evidence) or f"{part} is missing: backward gave None")
    message = _difference(evidence.grads[name], numeric, tolerance, "the numeric gradient")
    return Part(part, not message, message)


def _judge_accumulation(evidence: Evidence, numeric: dict[str, np.ndarray], tolerance: float) -> Part:
    for name, true in numeric.items():
        once, twice = evidence.grads.get(name), evidence.grads_again.get(name)
        if once is None or twice is None:
            return Part("accumulation", False, _first_error(evidence) or "no gradient")
        if np.any(true) and not np.any(once):
            return Part("accumulation", False, f"{name}.grad is all zeros: nothing was added")
        if once.shape != twice.shape or _difference(twice, 2 * once, tolerance, "") != "":
            return Part("accumulation", False, f"a second backward must add to {name}.grad, not replace it")
    return Part("accumulation", True)


def _judge_repeatable(evidence: Evidence, names: Sequence[str], tolerance: float) -> Part:
    for name in names:
        once, again = evidence.grads.get(name), evidence.grads_again.get(name)
        if once is None or again is None:
            return Part("repeatable", False, _first_error(evidence) or "no gradient")
        if _difference(again, once, tolerance, ""):
            return Part("repeatable", False, f"a second backward gives another ∂L/∂{name}: something saved was changed")
    return Part("repeatable", True)


def _judge_untouched(evidence: Evidence) -> Part:
    if not evidence.grads_again:
        return Part("leaves inputs alone", False, _first_error(evidence) or "no gradient")
    if evidence.changed:
        changed = " and ".join(evidence.changed)
        return Part("leaves inputs alone", False, f"{changed} was changed in place: compute a new tensor instead")
    return Part("leaves inputs alone", True)


def _difference(got: np.ndarray | None, want: np.ndarray, tolerance: float, what: str) -> str:
    """One line on how two arrays differ, empty when they agree."""
    if got is None:
        return "nothing was returned"
    if got.shape != want.shape:
        return f"has shape {got.shape}, but {what} has shape {want.shape}"
    if got.size == 0:
        return ""
    scale = max(np.abs(want).max(), 1e-12)
    error = np.where(np.isfinite(got), np.abs(got - want), np.inf)
    if error.max() <= tolerance * scale:
        return ""
    index = tuple(int(i) for i in np.unravel_index(np.argmax(error), error.shape))
    where = f" at {list(index)}" if index else ""
    count = int((error > tolerance * scale).sum())
    return f"is {got[index]:.6g}{where}, but {what} is {want[index]:.6g} ({count} of {got.size} differ)"
