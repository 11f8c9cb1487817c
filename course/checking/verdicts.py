"""Verdicts: everything that a module must satisfy, decided from arrays alone.

The same code serves the library's tests, the lectures and the students' exercises. `course.checking.evidence` gathers
what a module does; the verdicts need nothing else of it, so that a grader may gather and judge in different processes.
"""

import warnings
from typing import Any

import numpy as np
import torch

from course.checking.diagnosis import Diagnosis, diagnose
from course.checking.evidence import Evidence
from course.checking.function import FunctionWithGradient
from course.checking.report import Part, Report
from course.checking.ties import Ties
from course.checking.truth import Truth

TOLERANCE = 1e-6
"""Largest accepted error, relative to the largest number in the array: central differences in float64 are right to about
1e-9, and the classic mistakes are wrong by far more than 1e-4."""

SECOND_LOOK = 1 / 32
"""Where a number differs, it is measured again with a step this much shorter: a sharp bend spoils a long step, not a short."""


def judge(title: str, evidence: Evidence, truth: Truth, *, tolerance: float = TOLERANCE, thorough: bool = False) -> Report:
    """Decide from arrays alone: forward against the true one, backward against finite differences of the true forward."""
    parts = [_judge_output(evidence, truth, tolerance), _judge_shapes(evidence, truth)]
    names = list(truth.tensors)
    wrong, numeric = _compare(evidence, truth, tolerance, thorough)
    mistakes = _diagnose(truth, evidence, {name: numeric[name] for name in wrong if name in numeric}) if wrong else {}
    repeatable = _judge_repeatable(evidence, list(truth.moving), wrong, tolerance)
    for name in names:
        mistake = mistakes.get(name)
        if mistake is not None and mistake.name == "wrong in places" and not repeatable.passed and evidence.grads_again:
            mistake = Diagnosis("saved changed", "something saved is changed in place while backward still needs it", 0.7)
        message = ". ".join(filter(None, [wrong.get(name, ""), mistake.sentence if mistake else ""]))
        parts.append(Part(f"∂L/∂{name}", name not in wrong, message, mistake))
    for name in truth.names:
        if name not in truth.moving:
            fine = evidence.grads.get(name) is None and "backward" not in evidence.errors and "forward" not in evidence.errors
            parts.append(Part(f"∂L/∂{name}", fine, "" if fine else f"'{name}' holds whole numbers: its gradient is None"))
    if truth.parameters:
        parts.append(_judge_accumulation(evidence, list(truth.parameters), wrong, mistakes, tolerance))
    parts.append(repeatable)
    parts.append(_judge_untouched(evidence))
    parts.append(_judge_by_hand(evidence))
    if not isinstance(truth.module, FunctionWithGradient):
        refused = evidence.demands_forward
        parts.append(Part("needs forward first", refused, "" if refused else "backward before forward must be an error"))
    return Report(title, tuple(parts), evidence.grads, numeric)


def _diagnose(truth: Truth, evidence: Evidence, numeric: dict[str, np.ndarray]) -> dict[str, Diagnosis]:
    """The mistakes behind wrong gradients. A diagnosis that fails costs no verdict; it is a warning."""
    try:
        return diagnose(truth, evidence, numeric)
    except Exception as error:
        warnings.warn(f"no diagnosis, since it failed itself: {type(error).__name__}: {error}", stacklevel=2)
        return {}


def _compare(
    evidence: Evidence, truth: Truth, tolerance: float, thorough: bool
) -> tuple[dict[str, str], dict[str, np.ndarray]]:
    """For each wrong gradient a line on what is wrong, and the numeric gradients that were measured."""
    shapes = {name: tuple(tensor.shape) for name, tensor in truth.tensors.items()}
    given = {name: grad for name in shapes if (grad := evidence.grads.get(name)) is not None}
    error = evidence.errors.get("forward") or evidence.errors.get("backward") or ""
    wrong = {name: error or f"∂L/∂{name} is missing: backward gave None" for name in shapes if name not in given}
    fitting = [name for name in given if given[name].shape == shapes[name]]
    doubtful = list(fitting) if thorough else [n for n in fitting if not _agrees_along(truth, n, given[n], tolerance)]
    misfits = [name for name in given if name not in fitting]
    measured = list(shapes) if thorough else doubtful + misfits
    numeric = dict(zip(measured, truth.numeric(measured), strict=True))
    exact = truth.exact() if doubtful else None
    for name in doubtful:
        beyond = np.isinf(numeric[name])  # where forward could not follow a difference out of its domain
        compared = np.where(beyond, np.nan if exact is None else exact[name], numeric[name])
        message = _difference(given[name], compared, tolerance, "the numeric gradient")
        if not message:
            continue
        if exact is not None:  # a second witness: differences drown in round-off where outputs are large or slopes are small
            seen = np.where(np.isnan(numeric[name]), np.nan, exact[name])
            if not _difference(given[name], seen, tolerance, "the true gradient", truth.rounding):
                continue
        elif not _difference(given[name], compared, tolerance, "", truth.noise) or _second_look(
            truth, name, given[name], compared, tolerance
        ):
            continue
        wrong[name] = message
    for name in misfits:
        wrong[name] = f"has shape {given[name].shape}, but {name} has shape {shapes[name]}"
    known = {name: np.where(np.isinf(values), np.nan, values) for name, values in numeric.items()}
    return {name: wrong[name] for name in shapes if name in wrong}, known


def _agrees_along(truth: Truth, name: str, grad: np.ndarray, tolerance: float) -> bool:
    """Whether a gradient agrees with the truth along two random directions, to half the tolerance."""
    if not np.isfinite(grad).all():
        return False
    allowed = 0.5 * tolerance * np.abs(grad).max(initial=0.0)
    try:
        return all(abs(float((grad * d).sum()) - slope) <= allowed for _ in range(2) for d, slope in truth.slopes([name]))
    except (ValueError, RuntimeError, ArithmeticError):  # a step leads out of the domain: number by number it is shorter
        return False


def _second_look(truth: Truth, name: str, grad: np.ndarray, numeric: np.ndarray, tolerance: float) -> bool:
    """Measure the numbers that differ again, closer by: whether they agree then. `numeric` gets the better values."""
    allowed = tolerance * np.nanmax(np.abs(numeric), initial=0.0) + truth.noise
    differ = np.flatnonzero(~(np.abs(grad - numeric) <= allowed) & np.isfinite(numeric))
    if not np.isfinite(grad).all() or not 0 < len(differ) <= 256:
        return False
    at = torch.from_numpy(differ).to(truth.tensors[name].device)
    (closer,) = truth.numeric([name], at=[at], scale=SECOND_LOOK)
    better = closer.reshape(-1)[differ]
    fine = np.isnan(better) | (np.abs(grad.reshape(-1)[differ] - better) <= allowed + truth.noise / SECOND_LOOK)
    if fine.all():
        numeric.reshape(-1)[differ] = better
    return bool(fine.all())


def _judge_output(evidence: Evidence, truth: Truth, tolerance: float) -> Part:
    if not evidence.outputs:
        return Part("output", False, _first_error(evidence) or "forward returned nothing")
    if len(evidence.outputs) != len(truth.expected):
        return Part("output", False, f"forward returned {len(evidence.outputs)} values where {len(truth.expected)} belong")
    for got, want in zip(evidence.outputs, truth.expected, strict=True):
        if want is None:
            if got is not None:
                return Part("output", False, "forward returned something where None belongs")
            continue
        message = _difference(got, want.detach().cpu().double().numpy(), tolerance, "the expected output")
        if message:
            return Part("output", False, evidence.errors.get("forward", message))
    return Part("output", True)


def _judge_shapes(evidence: Evidence, truth: Truth) -> Part:
    for name, tensor in truth.tensors.items():
        got = evidence.grads.get(name)
        if got is None:
            return Part("shapes", False, _first_error(evidence) or f"∂L/∂{name} is missing: backward gave None")
        if got.shape != tensor.shape:
            return Part("shapes", False, f"∂L/∂{name} has shape {got.shape}, but {name} has shape {tuple(tensor.shape)}")
    return Part("shapes", True)


def _first_error(evidence: Evidence) -> str:
    return next(iter(evidence.errors.values()), "")


def _judge_accumulation(
    evidence: Evidence, names: list[str], wrong: dict[str, str], mistakes: dict[str, Any], tolerance: float
) -> Part:
    for name in names:
        once, twice = evidence.grads.get(name), evidence.grads_again.get(name)
        if once is None or twice is None:
            return Part("accumulation", False, _first_error(evidence) or "no gradient")
        if name in wrong and not np.any(once):
            return Part("accumulation", False, f"{name}.grad is all zeros: nothing was added", mistakes.get(name))
        doubled = once.shape == twice.shape and np.array_equal(twice, 2 * once, equal_nan=True)
        if not doubled and (once.shape != twice.shape or _difference(twice, 2 * once, tolerance, "")):
            same = once.shape == twice.shape and not _difference(twice, once, tolerance, "")
            mistake = Diagnosis("overwritten", f"{name}.grad is assigned where += belongs", 0.95) if same else None
            return Part("accumulation", False, f"a second backward must add to {name}.grad, not replace it", mistake)
    return Part("accumulation", True)


def _judge_repeatable(evidence: Evidence, names: list[str], wrong: dict[str, str], tolerance: float) -> Part:
    for name in names:
        once, again = evidence.grads.get(name), evidence.grads_again.get(name)
        if once is None or again is None:
            return Part("repeatable", False, _first_error(evidence) or "no gradient")
        if not np.array_equal(again, once, equal_nan=True) and _difference(again, once, tolerance, ""):
            what = "something saved was changed in place, or numbers are drawn at random"
            mistake = None if name in wrong else Diagnosis("saved changed", "something saved was changed in place", 0.9)
            return Part("repeatable", False, f"a second backward gives another ∂L/∂{name}: {what}", mistake)
    return Part("repeatable", True)


def _judge_untouched(evidence: Evidence) -> Part:
    if not evidence.grads_again:
        return Part("leaves inputs alone", False, _first_error(evidence) or "no gradient")
    if evidence.changed:
        changed = " and ".join(evidence.changed)
        what = f"{changed} was changed in place: compute a new tensor instead"
        return Part("leaves inputs alone", False, what, Diagnosis("saved changed", what, 0.99))
    return Part("leaves inputs alone", True)


def judge_ties(evidence: Evidence, question: Ties) -> Part:
    """Whether a module hands the gradient on exactly once where several numbers are equal."""
    grads = {name: evidence.grads.get(name) for name in question.direction}
    if any(grad is None or grad.shape != question.direction[name].shape for name, grad in grads.items()):
        return Part("ties", False, _first_error(evidence) or "a gradient is missing, or has the wrong shape")
    slope = sum(float((grad * question.direction[name]).sum()) for name, grad in grads.items() if grad is not None)
    if abs(slope - question.slope) <= 1e-6 * question.scale:
        return Part("ties", True)
    what = "of several equal numbers, one gets the gradient, or each a share: together exactly the whole"
    return Part(
        "ties", False, f"where numbers are equal, the gradients are wrong: {what}", Diagnosis("ties routed twice", what, 0.8)
    )


def _judge_by_hand(evidence: Evidence) -> Part:
    if not evidence.shortcuts:
        return Part("by hand", True)
    return Part("by hand", False, f"this backward {' and '.join(evidence.shortcuts)}: here, the chain rule is yours to apply")


def _difference(got: np.ndarray | None, want: np.ndarray, tolerance: float, what: str, noise: float = 0.0) -> str:
    """One line on how two arrays differ, empty when they agree; numbers that are nan in `want` are not compared."""
    if got is None:
        return "nothing was returned"
    if got.shape != want.shape:
        return f"has shape {got.shape}, but {what} has shape {want.shape}"
    compared = ~np.isnan(want)
    if not compared.any():
        return "" if got.size == 0 else f"could not be compared: {what} has a kink at every number"
    strange = ~np.isfinite(got) & compared
    if strange.any():
        index = tuple(int(i) for i in np.argwhere(strange)[0])
        count = f"{int(strange.sum())} of {got.size} {'is' if strange.sum() == 1 else 'are'}"
        return f"is {got[index]:g}{_at(index)}, but {what} is {want[index]:.6g} ({count} no finite number)"
    scale = max(np.abs(want[compared]).max(), 1e-12)
    error = np.where(compared, np.abs(got - np.where(compared, want, 0.0)), 0.0)
    allowed = tolerance * scale + noise
    if error.max() <= allowed:
        return ""
    index = tuple(int(i) for i in np.unravel_index(np.argmax(error), error.shape))
    count = int((error > allowed).sum())
    return f"is {got[index]:.6g}{_at(index)}, but {what} is {want[index]:.6g} ({count} of {int(compared.sum())} differ)"


def _at(index: tuple[int, ...]) -> str:
    return f" at {list(index)}" if index else ""
