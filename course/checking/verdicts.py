"""Verdicts: everything that a module must satisfy, decided from arrays alone.

The same code serves the library's tests, the lectures and the students' exercises. `course.checking.evidence`
gathers what a module does; the verdicts need nothing else of it, so that a grader may gather and judge in
different processes.
"""

import warnings
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch

from course.checking.diagnosis import VAGUE, Diagnosis, Mistake, Trial, diagnose
from course.checking.evidence import Evidence
from course.checking.finding import Finding, Problem, difference, gradient_name, output_difference
from course.checking.function import FunctionWithGradient
from course.checking.part import Kind, Part, folded
from course.checking.report import Report
from course.checking.second_call import OUTPUT
from course.checking.ties import Ties
from course.checking.truth import Truth

TOLERANCE = 1e-6
"""Largest accepted error, relative to the largest number in the array: central differences in float64 are
right to about 1e-9, and the classic mistakes are wrong by far more than 1e-4."""

DETOUR = (
    "torch.autograd agrees with backward, not with forward: does forward use .item(), .detach() or numpy?"
)
"""What is said of a module whose forward torch cannot follow."""

SECOND_LOOK = 1 / 32
"""Where a number differs, it is measured again with a step this much shorter: a sharp bend spoils a long
step, not a short."""


def judge(
    title: str,
    evidence: Evidence,
    truth: Truth,
    *,
    tolerance: float = TOLERANCE,
    thorough: bool = False,
    at_zero: bool = False,
) -> Report:
    """Decide from arrays alone; which mistakes are behind it, `named` says.

    Forward is compared with the true one, backward with finite differences of the true forward.

    Args:
        thorough: whether every number is measured, so that it can be drawn.
        at_zero: whether gradients must be finite at 0, too, where the true ones are.
    """
    parts = [_judge_output(evidence, truth, tolerance), _judge_shapes(evidence, truth)]
    differing, numeric = _compare(evidence, truth, tolerance, thorough)
    wrong = _second_call(evidence, truth, at_zero) | differing
    parts += [Part(Kind.GRADIENT, name, wrong.get(name)) for name in truth.tensors]
    for name in truth.names:
        if name not in truth.moving:
            fine = evidence.grads.get(name) is None and not evidence.failures.keys() & {"forward", "backward"}
            whole = Finding(Problem.WRONG_KIND, f"'{name}' holds whole numbers: its gradient is None")
            parts.append(Part(Kind.GRADIENT, name, None if fine else whole))
    if truth.parameters:
        parts.append(_judge_accumulation(evidence, list(truth.parameters), wrong, tolerance))
    parts.append(_judge_repeatable(evidence, list(truth.moving), wrong, tolerance))
    parts.append(_judge_untouched(evidence))
    parts.append(judge_by_hand(evidence.shortcuts))
    if not isinstance(truth.module, FunctionWithGradient):
        accepted = Finding(Problem.NOT_REFUSED, "backward before forward must be an error")
        parts.append(Part(Kind.FORWARD_FIRST, finding=None if evidence.demands_forward else accepted))
    trial = Trial(
        truth,
        evidence,
        {name: numeric[name] for name in differing if name in numeric},
        [name for name in truth.tensors if name not in wrong],
    )
    return Report(title, tuple(parts), evidence.grads, numeric, trial)


def named(reports: Sequence[Report]) -> list[Report]:
    """The same reports, with the mistakes behind wrong gradients: one mistake explains all of them.

    A diagnosis that fails costs no verdict; it is a warning.

    Args:
        reports: on one module, in one case or in several.
    """
    trials = [report.trial for report in reports if report.trial is not None]
    diagnoses: dict[int, dict[str, Diagnosis]] = {}
    if any(trial.wrong for trial in trials):
        try:
            diagnoses = dict(zip(map(id, trials), diagnose(trials), strict=True))
        except Exception as error:
            words = f"no diagnosis, since it failed itself: {type(error).__name__}: {error}"
            warnings.warn(words, stacklevel=2)
    return [_with_mistakes(report, diagnoses.get(id(report.trial), {})) for report in reports]


DOUBTFUL = 0.85
"""A name that is no surer gives way to what was seen: that something was changed in place."""


def _with_mistakes(report: Report, mistakes: Mapping[str, Diagnosis]) -> Report:
    """The report with the mistakes by the tensor's name."""
    changing = report.trial is not None and bool(report.trial.evidence.grads_again)
    changing = changing and any(p.kind is Kind.REPEATABLE and not p.passed for p in report.parts)
    saved = "something saved is changed in place while backward still needs it"
    changed = report.trial.evidence.changed if report.trial is not None else ()
    damaged = f"{' and '.join(changed)} is changed in place, and with it what is computed of it later"
    some_right = any(p.kind is Kind.GRADIENT and p.passed for p in report.parts)

    def fitting(part: Part) -> Diagnosis | None:
        mistake = mistakes.get(part.tensor)
        unknown = mistake is None or mistake.mistake in VAGUE or mistake.confidence <= DOUBTFUL
        if changed and some_right and unknown and part.kind is Kind.GRADIENT:
            return (
                Diagnosis(Mistake.SAVED_CHANGED, damaged, 0.7)
                if part.problem is Problem.DIFFERENT
                else part.mistake
            )
        if part.passed or mistake is None:
            return part.mistake
        if part.kind is Kind.GRADIENT:
            if changing and mistake.mistake is Mistake.WRONG_IN_PLACES:
                return Diagnosis(Mistake.SAVED_CHANGED, saved, 0.7)
            return mistake
        nothing_added = part.kind is Kind.ACCUMULATION and mistake.mistake is Mistake.ZERO_GRADIENT
        return mistake if nothing_added else part.mistake

    return replace(report, parts=folded([replace(part, mistake=fitting(part)) for part in report.parts]))


def _compare(
    evidence: Evidence, truth: Truth, tolerance: float, thorough: bool
) -> tuple[dict[str, Finding], dict[str, np.ndarray]]:
    """For each wrong gradient what is wrong, and the numeric gradients that were measured."""
    shapes = {name: tuple(tensor.shape) for name, tensor in truth.tensors.items()}
    given = {name: grad for name in shapes if (grad := evidence.grads.get(name)) is not None}
    failure = evidence.failures.get("forward") or evidence.failures.get("backward")
    wrong = {name: failure or _missing(name) for name in shapes if name not in given}
    fitting = [name for name in given if given[name].shape == shapes[name]]
    doubtful = (
        list(fitting)
        if thorough
        else [n for n in fitting if not _agrees_along(truth, n, given[n], tolerance)]
    )
    misfits = [name for name in given if name not in fitting]
    measured = list(shapes) if thorough else doubtful + misfits
    numeric = dict(zip(measured, truth.numeric(measured), strict=True))
    exact = truth.exact() if doubtful else None
    for name in doubtful:
        beyond = np.isinf(numeric[name])  # where forward could not follow a difference out of its domain
        compared = np.where(beyond, np.nan if exact is None else exact[name], numeric[name])
        finding = difference(given[name], compared, tolerance, "the numeric gradient")
        if finding is None:
            continue
        nowhere = finding.problem is Problem.NOT_COMPARED  # by rightly infinite outputs, or by kinks
        if nowhere and exact is not None and not output_difference(given[name], exact[name], tolerance):
            continue
        # a second witness: differences drown in round-off where outputs are large or slopes are small. It
        # cannot overrule them: where forward leaves torch on its way, it sees only a part of the truth
        if exact is not None:
            seen = np.where(np.isnan(numeric[name]), np.nan, exact[name])
            agrees = not difference(given[name], seen, tolerance, "the true gradient", truth.rounding)
            drowned = agrees and _explained(truth, name, given[name], compared)
            if agrees and not drowned:
                finding = replace(finding, words=f"{finding.words}; {DETOUR}")
        else:
            drowned = not difference(given[name], compared, tolerance, "", truth.noise) or _second_look(
                truth, name, given[name], compared, tolerance
            )
        if drowned:
            continue
        wrong[name] = finding
    for name in misfits:
        empty = ": is it a slice that ends at −0, which is empty?" if not given[name].size else ""
        both = f"has shape {given[name].shape}, but {name} has shape {shapes[name]}{empty}"
        wrong[name] = Finding(Problem.WRONG_SHAPE, both)
    known = {name: np.where(np.isinf(values), np.nan, values) for name, values in numeric.items()}
    return {name: wrong[name] for name in shapes if name in wrong}, known


def _second_call(evidence: Evidence, truth: Truth, at_zero: bool) -> dict[str, Finding]:
    """For each gradient that is wrong in a second call, or whose parameter was changed, what is wrong."""
    wrong = {}
    if at_zero and evidence.infinite:
        exact = truth.second_call()
        for name in evidence.infinite:
            if exact and name in exact and np.isfinite(exact[name]).all():
                words = "is not finite where an input, a parameter or grad_output is 0: what is divided by?"
                wrong[name] = Finding(Problem.NOT_FINITE, words)
    for name in evidence.stale:
        kept = "something is kept from its first call"
        words = f"when called again, with other inputs, is not that of a new object: {kept}"
        wrong.setdefault(name, Finding(Problem.DIFFERENT, words))
    for name, other in evidence.odd.items():
        words = f"{gradient_name(name)} is {other}, but {name} is a tensor of float64: keep its dtype"
        wrong.setdefault(name, Finding(Problem.WRONG_KIND, words))
    for name in evidence.trained:
        wrong.setdefault(name, Finding(Problem.CHANGED, _trained(name)))
    return {name: wrong[name] for name in truth.tensors if name in wrong}


def _trained(name: str) -> str:
    return f"{name}.value was changed: backward adds to {name}.grad, and the optimizer changes values"


def _agrees_along(truth: Truth, name: str, grad: np.ndarray, tolerance: float) -> bool:
    """Whether a gradient agrees with the truth along two random directions, to half the tolerance."""
    if not np.isfinite(grad).all() or not bool(truth.tensors[name].isfinite().all()):
        return False
    allowed = 0.5 * tolerance * np.abs(grad).max(initial=0.0)
    try:
        return all(
            abs(float((grad * d).sum()) - slope) <= allowed
            for _ in range(2)
            for d, slope in truth.slopes([name])
        )
    except (ValueError, RuntimeError, ArithmeticError):
        # a step leads out of the domain: number by number it is shorter
        return False


def _second_look(truth: Truth, name: str, grad: np.ndarray, numeric: np.ndarray, tolerance: float) -> bool:
    """Measure again, closer by, the numbers that differ: whether they agree then.

    `numeric` gets the better values.
    """
    allowed = tolerance * np.nanmax(np.abs(numeric), initial=0.0) + truth.noise
    differ = np.flatnonzero(~(np.abs(grad - numeric) <= allowed) & np.isfinite(numeric))
    if not np.isfinite(grad).all() or not 0 < len(differ) <= 256:
        return False
    at = torch.from_numpy(differ).to(truth.tensors[name].device)
    (closer,) = truth.numeric([name], at=[at], scale=SECOND_LOOK)
    better = closer.reshape(-1)[differ]
    fine = np.isnan(better) | (
        np.abs(grad.reshape(-1)[differ] - better) <= allowed + truth.noise / SECOND_LOOK
    )
    if fine.all():
        numeric.reshape(-1)[differ] = better
    return bool(fine.all())


def _explained(truth: Truth, name: str, grad: np.ndarray, numeric: np.ndarray) -> bool:
    """Whether round-off, or a bend within the step, explains how a gradient and the differences differ.

    Round-off is of the size of the numbers on the way, and a bend's error is less with a shorter step. What
    forward does beside torch differs as much with any step.
    """
    error = np.where(np.isfinite(numeric), np.abs(grad - numeric), 0.0).reshape(-1)
    if error.max(initial=0.0) <= truth.unseen:
        return True
    places = np.sort(np.argsort(error)[-256:])
    at = torch.from_numpy(places).to(truth.tensors[name].device)
    (closer,) = truth.numeric([name], at=[at], scale=SECOND_LOOK)
    left = np.abs(grad.reshape(-1)[places] - closer.reshape(-1)[places])
    return bool((~np.isfinite(left) | (left <= error[places] / 4 + truth.unseen / SECOND_LOOK)).all())


def _missing(name: str) -> Finding:
    return Finding(Problem.MISSING, f"{gradient_name(name)} is missing: backward gave None")


def _judge_output(evidence: Evidence, truth: Truth, tolerance: float) -> Part:
    return Part(Kind.OUTPUT, finding=_wrong_output(evidence, truth, tolerance))


def _wrong_output(evidence: Evidence, truth: Truth, tolerance: float) -> Finding | None:
    if not evidence.outputs:
        return _first_failure(evidence) or Finding(Problem.MISSING, "forward returned nothing")
    if len(evidence.outputs) != len(truth.expected):
        both = f"forward returned {len(evidence.outputs)} values where {len(truth.expected)} belong"
        return Finding(Problem.WRONG_COUNT, both)
    for got, want in zip(evidence.outputs, truth.expected, strict=True):
        if want is None:
            if got is not None:
                return Finding(Problem.WRONG_KIND, "forward returned something where None belongs")
            continue
        finding = output_difference(got, want.detach().cpu().double().numpy(), tolerance)
        if finding:
            return evidence.failures.get("forward", finding)
    if OUTPUT in evidence.stale:
        kept = "is something kept from its first call?"
        words = f"called again, with other inputs, the object gives another output than a new one: {kept}"
        return Finding(Problem.DIFFERENT, words)
    return None


def _judge_shapes(evidence: Evidence, truth: Truth) -> Part:
    for name, tensor in truth.tensors.items():
        got = evidence.grads.get(name)
        if got is None:
            return Part(Kind.SHAPES, name, _first_failure(evidence) or _missing(name))
        if got.shape != tensor.shape:
            both = f"{gradient_name(name)} has shape {got.shape}, but {name} has shape {tuple(tensor.shape)}"
            return Part(Kind.SHAPES, name, Finding(Problem.WRONG_SHAPE, both))
    return Part(Kind.SHAPES)


def _first_failure(evidence: Evidence) -> Finding | None:
    return next(iter(evidence.failures.values()), None)


def _no_gradient(evidence: Evidence) -> Finding:
    return _first_failure(evidence) or Finding(Problem.MISSING, "no gradient")


def _judge_accumulation(
    evidence: Evidence,
    names: list[str],
    wrong: Collection[str],
    tolerance: float,
) -> Part:
    for name in names:
        once, twice = evidence.grads.get(name), evidence.grads_again.get(name)
        if once is None or twice is None:
            return Part(Kind.ACCUMULATION, name, _no_gradient(evidence))
        if name in wrong and not np.any(once):
            nothing = Finding(Problem.NOT_ADDED, f"{name}.grad is all zeros: nothing was added")
            return Part(Kind.ACCUMULATION, name, nothing)
        doubled = once.shape == twice.shape and np.array_equal(twice, 2 * once, equal_nan=True)
        if not doubled and (once.shape != twice.shape or difference(twice, 2 * once, tolerance, "")):
            return Part(Kind.ACCUMULATION, name, *_not_added(evidence, name, once, twice, tolerance))
    return Part(Kind.ACCUMULATION)


def _not_added(
    evidence: Evidence, name: str, once: np.ndarray, twice: np.ndarray, tolerance: float
) -> tuple[Finding, Diagnosis | None]:
    """What a second backward did to a parameter's gradient, where it did not add the same once more."""
    if once.shape == twice.shape and not difference(twice, once, tolerance, ""):
        replaced = f"a second backward must add to {name}.grad, not replace it"
        overwritten = Diagnosis(Mistake.OVERWRITTEN, f"{name}.grad is assigned where += belongs", 0.95)
        return Finding(Problem.NOT_ADDED, replaced), overwritten
    because = f": {_changed(evidence)}" if evidence.changed else ""
    return Finding(Problem.NOT_ADDED, f"a second backward adds something else to {name}.grad{because}"), None


def _judge_repeatable(evidence: Evidence, names: list[str], wrong: Collection[str], tolerance: float) -> Part:
    for name in names:
        once, again = evidence.grads.get(name), evidence.grads_again.get(name)
        if once is None or again is None:
            return Part(Kind.REPEATABLE, name, _no_gradient(evidence))
        if not np.array_equal(again, once, equal_nan=True) and difference(again, once, tolerance, ""):
            changed = _changed(evidence) or "something saved was changed in place"
            why = changed if evidence.changed else f"{changed}, or numbers are drawn at random"
            other = Finding(
                Problem.DIFFERENT, f"a second backward gives another {gradient_name(name)}: {why}"
            )
            changed = Diagnosis(Mistake.SAVED_CHANGED, changed, 0.9)
            return Part(Kind.REPEATABLE, name, other, None if name in wrong else changed)
    return Part(Kind.REPEATABLE)


def _changed(evidence: Evidence) -> str:
    """What of the inputs and grad_output was changed in place, in words; empty where nothing was."""
    verb = "were" if len(evidence.changed) > 1 else "was"
    return f"{' and '.join(evidence.changed)} {verb} changed in place" if evidence.changed else ""


def _judge_untouched(evidence: Evidence) -> Part:
    if not evidence.grads_again:
        return Part(Kind.UNTOUCHED, finding=_no_gradient(evidence))
    if evidence.trained:
        return Part(Kind.UNTOUCHED, finding=Finding(Problem.CHANGED, _trained(evidence.trained[0])))
    if evidence.changed:
        what = f"{_changed(evidence)}: compute a new tensor instead"
        mistake = Diagnosis(Mistake.SAVED_CHANGED, what, 0.99)
        return Part(Kind.UNTOUCHED, finding=Finding(Problem.CHANGED, what), mistake=mistake)
    return Part(Kind.UNTOUCHED)


def judge_ties(evidence: Evidence, question: Ties) -> Part:
    """Whether a module hands the gradient on exactly once where several numbers are equal."""
    grads = {name: evidence.grads.get(name) for name in question.direction}
    if any(grad is None or grad.shape != question.direction[name].shape for name, grad in grads.items()):
        missing = Finding(Problem.MISSING, "a gradient is missing, or has the wrong shape")
        return Part(Kind.TIES, finding=_first_failure(evidence) or missing)
    slope = sum(
        float((grad * question.direction[name]).sum()) for name, grad in grads.items() if grad is not None
    )
    if abs(slope - question.slope) <= 1e-6 * question.scale:
        return Part(Kind.TIES)
    what = "of several equal numbers, one gets the gradient, or each a share: together exactly the whole"
    finding = Finding(Problem.DIFFERENT, f"where numbers are equal, the gradients are wrong: {what}")
    return Part(Kind.TIES, finding=finding, mistake=Diagnosis(Mistake.TIES_ROUTED_TWICE, what, 0.8))


def judge_by_hand(shortcuts: Sequence[str]) -> Part:
    """Whether the derivative was written by hand, by the ways around that were seen."""
    if not shortcuts:
        return Part(Kind.BY_HAND)
    words = f"this backward {' and '.join(dict.fromkeys(shortcuts))}: here, the chain rule is yours to apply"
    return Part(Kind.BY_HAND, finding=Finding(Problem.NOT_BY_HAND, words))
