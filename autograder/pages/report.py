"""The class report: one HTML file on how the class did, per exercise, per mistake, and in what time."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from markupsafe import Markup

from autograder.gradebook.grades import Submission, exercise_of
from autograder.pages.class_figures import distribution, mistakes_made, shares_right, times
from autograder.pages.class_results import UNNAMED, UNWRITTEN, ClassResults, read_class
from autograder.pages.page import points, render
from autograder.settings import Settings
from course.checking.diagnosis import MISTAKES
from course.figure import Figure

MOST_MISTAKES = 12
"""Bars in the picture of mistakes; the table has all of them."""

EXAMPLES = 5
"""Students named beside a mistake."""


@dataclass(frozen=True)
class MistakeRow:
    """One mistake in one exercise."""

    mistake: str
    share: float
    exercises: tuple[tuple[str, int, float], ...]
    """Exercise, how many made it there, and their share."""
    students: tuple[str, ...]


@dataclass(frozen=True)
class ExerciseRow:
    """One exercise."""

    name: str
    most: float
    share: float | None
    waiting: int
    flawless: int
    seconds: float | None


def write_report(settings: Settings, assignment: str) -> Path:
    """Write the report on a class.

    Raises:
        AutograderError: nobody is graded yet.
    """
    path = settings.folder / "reports" / f"{assignment}.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(report_page(read_class(settings, assignment)), encoding="utf-8")
    return path


def report_page(results: ClassResults) -> str:
    """The report as a page."""
    graded = sorted(results.graded, key=lambda submission: (-submission.total, submission.student))
    totals = [submission.total for submission in graded]
    mistakes = _mistakes(results)
    return render(
        "report.html.j2",
        assignment=results.assignment,
        graded=len(graded),
        judged=len(results.verdicts),
        most=results.most,
        median=median(totals) if totals else 0.0,
        flawless=sum(total >= results.most for total in totals),
        figures=_figures(results, totals, mistakes),
        exercises=[_exercise(results, name) for name in results.exercises],
        mistakes=mistakes,
        examples=EXAMPLES,
        named=[row for row in mistakes if row.mistake not in (UNNAMED, UNWRITTEN)],
        waiting=_waiting(results),
        wait=sum(bool(submission.waits) for submission in graded),
        problems=[submission for submission in results.submissions if submission.problem],
        absent=[submission for submission in results.submissions if not submission.handed_in],
        names=list(results.exercises),
        table=[
            (submission, [_cell(submission, results, name) for name in results.exercises])
            for submission in graded
        ],
        slowest=_slowest(results),
    )


def _figures(results: ClassResults, totals: list[float], mistakes: list[MistakeRow]) -> Mapping[str, Markup]:
    drawn: dict[str, Figure] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a letter that the font does not have is drawn as a box
        if totals:
            drawn["distribution"] = distribution(totals, results.most)
        parts = {
            exercise: shares for exercise in results.exercises if (shares := results.parts_right(exercise))
        }
        if parts:
            drawn["parts"] = shares_right(parts)
        if mistakes:
            shares = {row.mistake: row.share for row in mistakes[:MOST_MISTAKES]}
            drawn["mistakes"] = mistakes_made(shares, (UNNAMED, UNWRITTEN))
        if seconds := results.seconds():
            drawn["times"] = times(seconds)
        return {name: Markup(figure._repr_html_()) for name, figure in drawn.items()}


def _mistakes(results: ClassResults) -> list[MistakeRow]:
    rows = []
    for mistake, made in results.mistakes().items():
        exercises = tuple((name, len(made[name]), len(made[name]) / len(results.of(name))) for name in made)
        students = tuple(dict.fromkeys(student for names in made.values() for student in names))
        rows.append(
            MistakeRow(MISTAKES.get(mistake, mistake), results.share_of_class(made), exercises, students)
        )
    return rows


def _exercise(results: ClassResults, name: str) -> ExerciseRow:
    place = results.exercises[name]
    grades = [submission.grades[place] for submission in results.graded if place in submission.grades]
    taken = results.seconds().get(name)
    return ExerciseRow(
        name,
        results.worth(name),
        results.share_of_points(name),
        sum(grade.waits for grade in grades),
        sum(not grade.waits and grade.points >= grade.most for grade in grades),
        median(taken) if taken else None,
    )


def _waiting(results: ClassResults) -> dict[str, list[tuple[str, str]]]:
    """By exercise, who waits for a person, and why where the judge asked for one."""
    waiting: dict[str, list[tuple[str, str]]] = {}
    for submission in results.graded:
        for _, cell in submission.waits:
            verdict = results.verdicts.get(submission.student, {}).get(exercise_of(cell))
            waiting.setdefault(exercise_of(cell), []).append(
                (submission.student, "; ".join(verdict.review) if verdict else "")
            )
    return {name: waiting[name] for name in results.exercises if name in waiting}


def _cell(submission: Submission, results: ClassResults, exercise: str) -> str:
    grade = submission.grades.get(results.exercises[exercise])
    if grade is None:
        return ""
    if grade.waits:  # what the checks gave does not count yet
        return f"({points(grade.points)}) ✎" if grade.points else "✎"
    return points(grade.points)


def _slowest(results: ClassResults) -> list[tuple[str, float]]:
    """The submissions that took longest."""
    total = {
        student: sum(verdict.seconds for verdict in verdicts.values())
        for student, verdicts in results.verdicts.items()
    }
    return sorted(total.items(), key=lambda pair: -pair[1])[:EXAMPLES]
