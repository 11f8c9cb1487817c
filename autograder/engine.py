"""Grading a class: submissions run in worker processes, and one process, this one, writes the gradebook."""

import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from autograder import kernel
from autograder.assignment import ensure_in_gradebook
from autograder.errors import AutograderError
from autograder.execute import execute, write_feedback
from autograder.points import read_points
from autograder.problem_page import write_problem_page
from autograder.record import record, record_problem
from autograder.settings import Settings
from autograder.submissions import find_problem
from autograder.workers import in_workers

Progress = Callable[[str], None]
"""Called with a student's name when that student is done."""


@dataclass(frozen=True)
class Outcome:
    """What became of one submission: graded, or the problem; `kept` when an earlier grade still stands."""

    student: str
    problem: str = ""
    kept: bool = False


def grade(
    settings: Settings, assignment: str, students: Sequence[str], progress: Progress = lambda student: None
) -> list[Outcome]:
    """Grade submissions; one that cannot be graded never stops the others, and its earlier grade stands.

    Raises:
        AutograderError: there is no such assignment, its source is broken, or there is no kernel to run submissions in.
    """
    if problem := kernel.kernel_problem():
        raise AutograderError(problem)
    ensure_in_gradebook(settings, assignment)
    outcomes: dict[str, Outcome] = {}

    def conclude(student: str, problem: str) -> None:
        kept = bool(problem) and not record_problem(settings, assignment, student, problem)
        outcomes[student] = Outcome(student, problem, kept)
        progress(student)

    sound = []
    for student in students:
        problem = find_problem(settings, assignment, student)
        if problem:
            conclude(student, problem)
        else:
            sound.append(student)
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(settings.gradebook, folder)  # nobody writes to it yet; the workers take their copies from this one
        tasks = {student: (settings, assignment, student, Path(folder)) for student in sound}
        for student, problem in in_workers(settings.log, execute, tasks):
            executed = settings.at(Path(folder) / student).autograded / student / assignment
            conclude(student, problem or record(settings, assignment, student, executed))
    return [outcomes[student] for student in students]


def feedback(
    settings: Settings, assignment: str, students: Sequence[str], progress: Progress = lambda student: None
) -> list[Outcome]:
    """Write a page for each of these students of the gradebook, also for those whose submission could not be graded."""
    problems = {row.student: row.problem for row in read_points(settings, assignment).rows}
    outcomes, tasks = [], {}
    for student in students:
        if (settings.autograded / student / assignment).is_dir():
            tasks[student] = (settings, assignment, student)
        else:
            write_problem_page(settings, assignment, student, problems[student])
            progress(student)
    for student, problem in in_workers(settings.log, write_feedback, tasks):
        outcomes.append(Outcome(student, problem))
        progress(student)
    return outcomes
