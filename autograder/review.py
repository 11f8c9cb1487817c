"""Marks what a person has to look at: answers whose check asked for it."""

import re
from collections.abc import Iterator
from pathlib import Path

import nbformat

from autograder.gradebook import open_gradebook
from autograder.quiet import quiet
from autograder.settings import Settings

ASKED = re.compile(r"^\s*(For review: .+)$", re.MULTILINE)
"""How a score's text asks for a person's look (see `course.exercises.Score`)."""


def mark_for_review(settings: Settings, assignment: str, student: str) -> None:
    """Let every test cell whose check asked for a look wait for a person, the reason beside the answer in the gradebook."""
    for path in sorted((settings.autograded / student / assignment).glob("*.ipynb")):
        reasons = dict(_asked(path))
        if not reasons:
            continue
        with quiet(settings.log), open_gradebook(settings) as gradebook:
            submission = gradebook.find_submission_notebook(path.stem, assignment, student)
            for grade in submission.grades:
                if grade.name in reasons:
                    grade.needs_manual_grade = True
            for comment in submission.comments:
                for cell, reason in reasons.items():
                    if comment.name == cell.removesuffix("_test"):
                        comment.auto_comment = reason
            gradebook.db.commit()


def _asked(path: Path) -> Iterator[tuple[str, str]]:
    """The cells that asked, and what they said."""
    for cell in nbformat.read(path, as_version=4).cells:
        about = cell.metadata.get("nbgrader", {})
        if cell.cell_type != "code" or not about.get("grade"):
            continue
        said = "\n".join(str(output.get("data", {}).get("text/plain", "")) for output in cell.outputs)
        if found := ASKED.findall(said):
            yield about["grade_id"], "; ".join(dict.fromkeys(found))
