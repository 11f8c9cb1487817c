"""check(): probe a student's answer, judge what was seen, show the table, return the points."""

import inspect
from typing import TYPE_CHECKING, Any

import torch
from IPython.display import display
from torch import Generator

from course.checks import judge
from course.device import device
from course.evidence import Evidence, probe
from course.exercises.exercise import Case, Exercise, find_exercise
from course.exercises.score import Score
from course.module import Module
from course.report import Part, Report
from course.truth import Truth

if TYPE_CHECKING:
    from course.figures import Figure

SECONDS = 5.0
"""Time for one forward or backward of a student's object; the right ones take milliseconds."""


def check(name: str, answer: Any, *, seed: int = 0, show: bool = True) -> float:
    """Check a student's class or function, show the table of parts, points and hints, and return the points.

    Args:
        name: of the exercise.
        answer: the class or function that the exercise asks for.
        seed: of the random inputs and upstream gradients.
        show: whether the table is displayed; a hidden test's is not, as it would stand below the same table once more.
    """
    score = grade(find_exercise(name), answer, seed=seed)
    if show:
        display(score)
    return score.points


def picture(name: str, answer: Any, *, seed: int = 0) -> "Figure":
    """Draw the gradients of a student's answer over the numeric ones, in the exercise's last case."""
    from course.figures import gradient_comparison  # matplotlib takes a while to import, and grading draws nothing

    report = list(examine(find_exercise(name), answer, seed=seed, thorough=True).values())[-1]
    return gradient_comparison(report.analytic, report.numeric, title=f"{name}: your gradient and the numeric one")


def grade(exercise: Exercise, answer: Any, *, seed: int = 0) -> Score:
    """Give each part of the exercise its verdict."""
    reports = examine(exercise, answer, seed=seed)
    return Score(exercise, tuple(_verdict(name, reports) for name in exercise.points))


def examine(exercise: Exercise, answer: Any, *, seed: int = 0, thorough: bool = False) -> dict[str, Report]:
    """Probe the answer on every case of the exercise and judge what was seen: a report by case label."""
    rng = Generator(device()).manual_seed(seed)
    reports: dict[str, Report] = {}
    evidence = Evidence()
    for case in exercise.cases(rng):
        truth = Truth(case.build(exercise.truth), case.inputs, rng)
        if not evidence.timed_out:  # what never ends in one case is not tried in the next
            evidence = _probe_answer(case, answer, truth)
        reports[case.label] = judge(case.label, evidence, truth, thorough=thorough)
    return reports


def _probe_answer(case: Case, answer: Any, truth: Truth) -> Evidence:
    if isinstance(answer, type) and not _wrote_backward(answer):
        return Evidence(errors={"backward": f"{answer.__name__} has no backward of its own: write one in the class"})
    try:
        module = case.build(answer).to(dtype=torch.float64)
        module.load_state_dict(truth.module.state_dict())
    except Exception as error:
        return Evidence(errors={"forward": f"making it raised {type(error).__name__}: {error}"})
    return probe(module, truth.names, truth.inputs, truth.grad_outputs, seconds=SECONDS)


def _wrote_backward(answer: type) -> bool:
    """Whether the class's backward comes from outside the course's library, which would hand it the answer."""
    backward = inspect.unwrap(getattr(answer, "backward", Module.backward))
    return not str(getattr(backward, "__module__", "")).startswith("course.")


def _verdict(name: str, reports: dict[str, Report]) -> Part:
    """One verdict for a part over all cases, or for a case over all parts: the first failure speaks."""
    if name in reports:
        failed = [part for part in reports[name].parts if not part.passed]
        return Part(name, not failed, f"{failed[0].name} {failed[0].message}" if failed else "")
    failed = [(label, report[name]) for label, report in reports.items() if not report[name].passed]
    if not failed:
        return Part(name, True)
    label, part = failed[0]
    return Part(name, False, part.message + (f" (case: {label})" if len(reports) > 1 and label else ""))
