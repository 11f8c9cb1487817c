"""Feedback for a student whose notebook could not be graded."""

from autograder.pages.page import render
from autograder.settings import Settings


def write_problem_page(settings: Settings, assignment: str, student: str, problem: str) -> None:
    """Write the page where the student's feedback would lie."""
    folder = settings.feedback / student / assignment
    folder.mkdir(parents=True, exist_ok=True)
    page = render("problem.html.j2", name=student, assignment=assignment, problem=problem)
    (folder / f"{assignment}.html").write_text(page, encoding="utf-8")
