"""Writing a class's feedback: a page for each student, also for one whose notebook could not be graded."""

import glob
from collections.abc import Sequence

from nbgrader.converters import GenerateFeedback
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory

from autograder.errors import AutograderError
from autograder.gradebook.grades import read_grades
from autograder.gradebook.record import recover
from autograder.pages.page import render
from autograder.quiet import quiet
from autograder.running.engine import Outcome, Progress
from autograder.running.workers import in_workers
from autograder.settings import Settings


def feedback(
    settings: Settings, assignment: str, students: Sequence[str], progress: Progress = lambda student: None
) -> list[Outcome]:
    """Write a page for each of these students of the gradebook, also where nothing could be graded."""
    recover(settings, assignment)
    problems = {
        submission.student: submission.problem for submission in read_grades(settings, assignment).submissions
    }
    outcomes, jobs = [], []
    for student in students:
        if (settings.autograded / student / assignment).is_dir():
            jobs.append((student, (settings, assignment, student)))
        else:
            write_problem_page(settings, assignment, student, problems[student])
            progress(student)
    for finished in in_workers(settings.log, write_feedback, jobs):
        outcomes.append(Outcome(finished.name, finished.problem))
        progress(finished.name)
    return outcomes


def write_feedback(settings: Settings, assignment: str, student: str) -> None:
    """Write a student's page.

    Raises:
        AutograderError: nbgrader stopped.
    """
    config = settings.prepare().config()
    course = CourseDirectory(config=config, assignment_id=assignment, student_id=glob.escape(student))
    with quiet(settings.log) as errors:
        try:
            GenerateFeedback(coursedir=course, config=config, force=True).start()
        except NbGraderException as error:
            message = next((line for line in errors if "rror:" in line), str(error))
            raise AutograderError("no feedback", f"for '{student}': {message}") from error


def write_problem_page(settings: Settings, assignment: str, student: str, problem: str) -> None:
    """Write the page where the student's feedback would lie."""
    folder = settings.feedback / student / assignment
    folder.mkdir(parents=True, exist_ok=True)
    page = render("problem.html.j2", name=student, assignment=assignment, problem=problem)
    (folder / f"{assignment}.html").write_text(page, encoding="utf-8")
