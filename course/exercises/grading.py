"""The judge: asks a respondent for arrays on fresh inputs, and gives each part of an exercise its verdict."""

import functools
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Generator, Tensor

from course.checking.evidence import Evidence
from course.checking.finding import Finding, Problem
from course.checking.part import Kind, Part, folded
from course.checking.report import Report
from course.checking.scatter import note_scatter
from course.checking.trace import Line, follow
from course.checking.truth import Truth
from course.checking.verdicts import judge, judge_by_hand, named
from course.device import device
from course.exercises.exercise import Call, Case, Exercise
from course.exercises.paper import OnPaper, on_paper
from course.exercises.respondent import Local, Respondent, kinds_in, to_arrays
from course.exercises.score import Score
from course.module import Module, Parameter, as_tuple

REVIEW = "the source {what}: a person looks at this before the points count"


def grade(exercise: Exercise, answer: Any, *, seed: int = 0) -> Score:
    """Give each part of the exercise its verdict, for a class or function in this process.

    Args:
        answer: the student's class or function.
        seed: of the random inputs and upstream gradients.
    """
    return grade_respondent(exercise, Local(exercise.name, answer), seed=seed)


def grade_respondent(exercise: Exercise, respondent: Respondent, *, seed: int = 0) -> Score:
    """Give each part of the exercise its verdict, from what a respondent answers.

    Args:
        respondent: has the student's class or function, in another process perhaps.
        seed: of the random inputs and upstream gradients.
    """
    about = respondent.about(_situations(exercise, seed)[0][0])
    reports = examine(exercise, respondent, seed=seed, about=about)
    review = tuple(REVIEW.format(what=what) for what in about["shortcuts"])
    verdicts = {name: _verdict(name, reports) for name in exercise.points}
    verdicts = verdicts | _unpaid(exercise, verdicts, reports)
    shown = {
        name: report for name, (part, report) in verdicts.items() if report is not None and not part.passed
    }
    parts = folded([replace(part, follows="") for part, _ in verdicts.values()])
    return Score(exercise, parts, review, reports=shown, paper=_paper(exercise, respondent, reports, seed))


def _paper(
    exercise: Exercise, respondent: Respondent, reports: Mapping[str, Report], seed: int
) -> OnPaper | None:
    """The first gradient with wrong numbers, in the smallest case that shows it, with short numbers."""
    wrong = [
        (label, part.tensor)
        for label, report in reports.items()
        for part in report.parts
        if part.kind is Kind.GRADIENT and part.problem is Problem.DIFFERENT and report.trial is not None
    ]
    if not wrong or any(report.trial and report.trial.evidence.timed_out for report in reports.values()):
        return None
    tensor = wrong[0][1]
    labels = [label for label, name in wrong if name == tensor]
    cases = [
        case for case, _, _ in _situations(exercise, seed) if isinstance(case, Case) and case.label in labels
    ]
    try:
        return on_paper(exercise, respondent, cases, tensor, Generator(device()).manual_seed(seed))
    except (ArithmeticError, ValueError, RuntimeError, IndexError):  # short numbers may be out of the domain
        return None


def examine(
    exercise: Exercise,
    respondent: Respondent,
    *,
    seed: int = 0,
    thorough: bool = False,
    about: Mapping[str, Any] | None = None,
) -> dict[str, Report]:
    """Ask about every case of the exercise and judge what comes back: a report by case label.

    Args:
        about: what the respondent has said about the object; it is asked when left out.
    """
    reports: dict[str, Report] = {}
    situations = _situations(exercise, seed)
    # or what never ends in one case: it is not tried in the next
    refusal = _finding(about or respondent.about(situations[0][0]))
    for case, truth, rng in situations:
        if isinstance(case, Call):
            reports[case.label] = _judge_call(case, respondent, refusal)
            result = reports[case.label]["result"]
            refusal = refusal or (result.finding if result.problem in ENDLESS else None)
            continue
        parts = kinds_in(truth.module) if truth else None
        truth = truth or _own_truth(case, respondent, refusal, rng)
        if isinstance(truth, Finding):
            reports[case.label] = Report(
                case.label, tuple(Part.called(name, truth) for name in exercise.points)
            )
            continue
        if refusal:
            evidence = Evidence(failures={"backward": refusal})
        else:
            ask = functools.partial(_ask, respondent, case, truth, parts)
            evidence = note_scatter(ask(truth.inputs), truth, ask)
            refusal = next(iter(evidence.failures.values()), None) if evidence.timed_out else None
        report = judge(
            case.label,
            evidence,
            truth,
            tolerance=exercise.tolerance,
            thorough=thorough,
            at_zero=exercise.at_zero,
        )
        seen = truth.module._seen if isinstance(truth.module, _StandIn) else []
        by_hand = judge_by_hand((*evidence.shortcuts, *seen))
        reports[case.label] = report if by_hand.passed else _without_gradients(report, by_hand)
    for trial in [report.trial for report in reports.values() if report.trial is not None]:
        if trial.wrong and isinstance(trial.truth.module, _StandIn):
            trial.truth.module.learn(trial.truth)
    return dict(zip(reports, named(list(reports.values())), strict=True))


def _ask(
    respondent: Respondent,
    case: Case,
    truth: Truth,
    parts: Sequence[type[Module]] | None,
    inputs: Sequence[Any],
) -> Evidence:
    """What the student's module does on these inputs, with the truth's parameters and upstream gradients."""
    state = {name: value.cpu().numpy() for name, value in truth.module.state_dict().items()}
    return respondent.probe(case, state, truth.names, to_arrays(inputs), to_arrays(truth.grad_outputs), parts)


KEPT = 64
"""How many exercises' situations are kept: grading a class asks for the same ones again and again."""


def _situations(exercise: Exercise, seed: int) -> list[tuple[Case | Call, Truth | None, Generator]]:
    """Each case with the truth about it, where the exercise has one.

    With it come the random numbers that judging the case draws.
    """
    key = (id(exercise), seed, str(device()))
    if key not in _kept:
        rng = Generator(device()).manual_seed(seed)
        prepared = []
        for case in exercise.cases(rng):
            truth = (
                Truth(case.module(exercise.truth), case.inputs, rng)
                if exercise.truth and isinstance(case, Case)
                else None
            )
            prepared.append((case, truth, rng.clone_state()))
        while len(_kept) >= KEPT:
            _kept.pop(next(iter(_kept)))
        _kept[key] = (exercise, prepared)  # the exercise, too, so that no other takes over its id
    situations = []
    for case, truth, rng in _kept[key][1]:
        fresh = rng.clone_state()
        if truth is not None:
            truth.rng = fresh
        situations.append((case, truth, fresh))
    return situations


_kept: dict[tuple[int, int, str], tuple[Exercise, list[tuple[Case | Call, Truth | None, Generator]]]] = {}

ENDLESS = (Problem.OUT_OF_TIME, Problem.NO_ANSWER)
"""Problems of one case that the next would meet again."""


def _finding(told: Mapping[str, Any]) -> Finding | None:
    """What a respondent's answer says is wrong, if something is."""
    return Finding(Problem(told["kind"]), str(told["problem"])) if told["problem"] else None


def _judge_call(case: Call, respondent: Respondent, refusal: Finding | None) -> Report:
    """The verdict on a plain function in one case."""
    answer = {} if refusal else respondent.call(case, to_arrays(case.inputs))
    finding = refusal or _finding(answer)
    if finding:
        return Report(case.label, (Part(Kind.RESULT, finding=finding),))
    results = [np.asarray(result, dtype=float) for result in answer["results"]]
    try:
        wrong = case.accept(case.inputs, results)
        finding = Finding(Problem.DIFFERENT, wrong) if wrong else None
    except (IndexError, TypeError, ValueError):
        # a process that lies may send any number of arrays of any shape
        other = "gave results of another number or shape than was asked for"
        finding = Finding(Problem.WRONG_COUNT, other)
    if answer["shortcuts"]:
        by_itself = f"your function {' and '.join(answer['shortcuts'])}: here, that is yours to compute"
        finding = Finding(Problem.NOT_BY_HAND, by_itself)
    changed = [int(position) for position in answer["changed"]]
    what = f"argument {changed[0] + 1} was changed in place: compute a new tensor instead" if changed else ""
    untouched = Part(Kind.UNTOUCHED, finding=Finding(Problem.CHANGED, what) if changed else None)
    return Report(case.label, (Part(Kind.RESULT, finding=finding), untouched))


class _StandIn(Module):
    """A module of the student's own, seen from the judge.

    It has parameters by name, and a forward that the respondent computes.
    """

    def __init__(self, case: Case, respondent: Respondent, state: dict[str, np.ndarray]) -> None:
        self._case, self._respondent = case, respondent
        self._seen: list[str] = []
        self._steps: list[Line] = []
        for name, value in state.items():
            vars(self)[name] = Parameter(torch.from_numpy(np.asarray(value, dtype=float)).to(device()))

    def forward(self, *inputs: Tensor) -> Any:
        self.save()
        if self._steps:
            outputs = follow(self._steps, [*inputs, *(p.value for p in self.parameters())])
            return outputs[0] if len(outputs) == 1 else outputs
        answer = self._respondent.forward(self._case, self._state(), to_arrays(inputs))
        self._seen += answer["shortcuts"]
        finding = _finding(answer)
        if finding:
            raise _NoForwardError(finding)
        outputs = tuple(
            torch.from_numpy(np.asarray(output, dtype=float)).to(device()) for output in answer["outputs"]
        )
        return outputs[0] if len(outputs) == 1 else outputs

    def learn(self, truth: Truth) -> None:
        """The steps of forward, for what names mistakes, if they say what forward and its slopes are."""
        with suppress(Exception):  # what a process sends may be anything
            measured = list(truth.slopes(list(truth.tensors)))
            steps = self._respondent.steps(self._case, self._state(), to_arrays(truth.inputs))["steps"]
            follow(steps, [t.to("meta") for t in (*truth.inputs, *(p.value for p in self.parameters()))])
            self._steps = steps
            outputs, exact = as_tuple(truth.function(*truth.tensors.values())), truth.exact() or {}
            ways = zip(exact.values(), measured, strict=True)
            slopes = [((gradient * way).sum(), slope) for gradient, (way, slope) in ways]
            same = all(map(torch.allclose, outputs, truth.expected))
            if same and np.allclose(*zip(*slopes, strict=True), rtol=1e-5, atol=truth.unseen):
                return
        self._steps = []

    def _state(self) -> dict[str, np.ndarray]:
        return {name: parameter.value.cpu().numpy() for name, parameter in self.named_parameters()}


class _NoForwardError(ArithmeticError):
    """The student's forward gave no output."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.words)
        self.finding = finding


def _own_truth(
    case: Case, respondent: Respondent, refusal: Finding | None, rng: Generator
) -> Truth | Finding:
    """The truth about a module of the student's own is its own forward; or why there is none."""
    own = {} if refusal else respondent.own(case)
    refusal = refusal or _finding(own)
    if refusal:
        return refusal
    taken = [
        name
        for name in own["state"]
        if name.startswith("_") or hasattr(Module, name) or name in vars(Module())
    ]
    if taken:
        what = f"a parameter may not be called '{taken[0]}': every module has something of that name"
        return Finding(Problem.REFUSED, what)
    module = _StandIn(case, respondent, own["state"])
    for parameter in module.parameters():
        parameter.value = parameter.value + 0.25 * torch.randn(
            parameter.value.shape, dtype=torch.float64, device=rng.device, generator=rng
        )
    try:
        truth = Truth(module, case.inputs, rng)
    except _NoForwardError as error:
        return error.finding
    names = tuple(map(str, own["names"]))
    truth.names = names if len(names) == len(case.inputs) else module.input_names(len(case.inputs))
    return truth


def _without_gradients(report: Report, by_hand: Part) -> Report:
    """Gradients from torch or numerical differences are no answer: their parts fail, with the reason."""

    def unearned(part: Part) -> Part:
        if part.kind is Kind.GRADIENT:
            return Part(part.kind, part.tensor, by_hand.finding)
        return by_hand if part.kind is Kind.BY_HAND else part

    return replace(report, parts=tuple(map(unearned, report.parts)), trial=None)


def _verdict(name: str, reports: dict[str, Report]) -> tuple[Part, Report | None]:
    """One verdict for a part over all cases, or a case over all parts: the most telling failure speaks.

    Returns:
        the verdict, and the report on the case that it is about, if it is about one.
    """
    if name in reports:
        return _whole(name, reports[name]), reports[name]
    parts = [(label, part) for label, report in reports.items() for part in report.parts if part.name == name]
    failed = [(label, part) for label, part in parts if not part.passed]
    if not parts:
        missing = f"there is no {name}: is it a parameter or an input of your module?"
        if name == Kind.ACCUMULATION.value:
            missing = "your module has no parameter, and so no gradient that adds up"
        return Part.called(name, Finding(Problem.MISSING, missing)), None
    if not failed:
        return Part.called(name), None
    label, part = min(failed, key=lambda pair: _telling(pair[1], reports[pair[0]]))
    return replace(part, case=label) if len(reports) > 1 and part.kind is not Kind.CASE else part, reports[
        label
    ]


ALWAYS = (Kind.OUTPUT, Kind.SHAPES, Kind.ACCUMULATION, Kind.REPEATABLE, Kind.UNTOUCHED)
"""What every answer must get right, whether the exercise gives points for it or not."""


def _unpaid(
    exercise: Exercise, verdicts: Mapping[str, tuple[Part, Report | None]], reports: Mapping[str, Report]
) -> dict[str, tuple[Part, Report | None]]:
    """What no points are given for, and failed: it costs the first gradient that would have passed."""
    failed = [
        (label, part)
        for label, report in reports.items()
        for part in report.parts
        if part.kind in ALWAYS and not part.passed and label not in exercise.points
    ]
    unpaid = next(((label, part) for label, part in failed if part.name not in exercise.points), None)
    names = [name for name, (part, _) in verdicts.items() if part.kind is Kind.GRADIENT and part.passed]
    all_fine = all(part.passed for part, _ in verdicts.values())
    if unpaid is None or not names or not all_fine:
        return {}
    label, part = unpaid
    told = Part(Kind.GRADIENT, verdicts[names[0]][0].tensor, part.statement, part.mistake, label)
    return {names[0]: (told, reports[label])}


FEW = 3
"""With so many different numbers a case shows what is wrong; with fewer it may be chance."""


def _telling(part: Part, report: Report) -> tuple[bool, bool, int]:
    """What the most telling failure is least in: it has a name, enough numbers, and no more than needed."""
    given = report.analytic.get(part.tensor)
    different = 0 if given is None else len(np.unique(given))
    return part.mistake is None, different < FEW, 0 if given is None else given.size


def _whole(label: str, report: Report) -> Part:
    """One verdict for all parts of a case: the first that failed speaks."""
    failed = [part for part in report.parts if not part.passed]
    if not failed:
        return Part(Kind.CASE, case=label)
    mistake = next((part.mistake for part in failed if part.mistake is not None), None)
    return Part(Kind.CASE, failed[0].tensor, failed[0].statement, mistake, label, failed[0])
