"""Marks what a person has to look at: answers whose check asked for it."""

import re
from collections.abc import Iterator

from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbgrader.api import Gradebook
from nbgrader.preprocessors import NbGraderPreprocessor

ASKED = re.compile(r"^\s*(For review: .+)$", re.MULTILINE)
"""How a score's text asks for a person's look (see `course.exercises.Score`)."""


class MarkForReview(NbGraderPreprocessor):
    """After SaveAutoGrades: test cells whose check asked for a look wait for a person, the reason beside the answer."""

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict) -> tuple[NotebookNode, ResourcesDict]:
        """Mark them in the gradebook."""
        reasons, about = dict(_asked(nb)), resources["nbgrader"]
        if not reasons:
            return nb, resources
        with Gradebook(about["db_url"]) as gradebook:
            submission = gradebook.find_submission_notebook(about["notebook"], about["assignment"], about["student"])
            for grade in submission.grades:
                if grade.name in reasons:
                    grade.needs_manual_grade = True
            for comment in submission.comments:
                for cell, reason in reasons.items():
                    if comment.name == cell.removesuffix("_test"):
                        comment.auto_comment = reason
            gradebook.db.commit()
        return nb, resources


def _asked(notebook: NotebookNode) -> Iterator[tuple[str, str]]:
    """The cells that asked, and what they said."""
    for cell in notebook.cells:
        about = cell.metadata.get("nbgrader", {})
        if cell.cell_type != "code" or not about.get("grade"):
            continue
        said = "\n".join(str(output.get("data", {}).get("text/plain", "")) for output in cell.outputs)
        if found := ASKED.findall(said):
            yield about["grade_id"], "; ".join(dict.fromkeys(found))
