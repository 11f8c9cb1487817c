"""Feedback for a student whose notebook could not be graded."""

import html

from autograder.settings import Settings

PAGE = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>{assignment}</title></head>
<body><h1>{assignment}: not graded yet</h1><p>{problem}</p></body>
</html>
"""


def write_problem_page(settings: Settings, assignment: str, student: str, problem: str) -> None:
    """Write the page where the student's feedback would lie."""
    folder = settings.feedback / student / assignment
    folder.mkdir(parents=True, exist_ok=True)
    text = PAGE.format(assignment=html.escape(assignment), problem=html.escape(problem))
    (folder / f"{assignment}.html").write_text(text, encoding="utf-8")
