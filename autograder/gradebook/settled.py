"""Grades that a person gave stand when the same work is graded again.

nbgrader alone has the person look at each once more.
"""

import json
from pathlib import Path

from nbgrader.api import Gradebook, MissingEntry

from autograder.gradebook.notebooks import nbgrader_metadata, read_cells

Cell = tuple[str, str]
"""A notebook's name and a cell's."""

Earlier = dict[Cell, tuple[float | None, float]]
"""By cell, the points that the checks gave and the most there are."""


def settled_grades(gradebook: Gradebook, assignment: str, student: str) -> Earlier:
    """The grades that a person gave, and that nobody has to look at."""
    return {
        (str(notebook.name), str(grade.name)): (grade.auto_score, grade.max_score)
        for notebook in _notebooks(gradebook, assignment, student)
        for grade in notebook.grades
        if not grade.needs_manual_grade and (grade.manual_score, grade.extra_credit) != (None, None)
    }


def settle_again(
    gradebook: Gradebook, assignment: str, student: str, earlier: Earlier, before: Path, after: Path
) -> None:
    """Let them stand where neither the answer nor what the checks say of it has changed.

    Args:
        before: the folder of the notebooks as they were graded then.
        after: as they were graded now.
    """
    for notebook in _notebooks(gradebook, assignment, student):
        name = f"{notebook.name}.ipynb"
        then, now = _answers(before / name), _answers(after / name)
        for grade in notebook.grades:
            cell = str(grade.name)
            # a check may read any of the answers
            same = then.get(cell) == now[cell] if cell in now else then == now
            if same and earlier.get((str(notebook.name), cell)) == (grade.auto_score, grade.max_score):
                grade.needs_manual_grade = False
    gradebook.db.commit()


def _notebooks(gradebook: Gradebook, assignment: str, student: str) -> list:
    try:
        return list(gradebook.find_submission(assignment, student).notebooks)
    except MissingEntry:
        return []


def _answers(path: Path) -> dict[str, str]:
    """What a student wrote: by cell, and together what stands in cells of the student's own."""
    answers: dict[str, str] = {}
    for cell in read_cells(path):
        about = nbgrader_metadata(cell)
        if not about.get("locked"):
            name = str(about.get("grade_id", ""))
            answers[name] = answers.get(name, "") + json.dumps(
                [cell["cell_type"], cell["source"], cell.get("attachments")]
            )
    return answers
