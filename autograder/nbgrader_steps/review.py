"""Marks what a person has to look at: answers whose check asked for it."""

from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor

from autograder.gradebook.database import gradebook_at
from autograder.gradebook.grades import exercise_of
from autograder.gradebook.remarks import for_review
from autograder.gradebook.verdicts import read_verdict


class MarkForReview(NbGraderPreprocessor):
    """After SaveAutoGrades: a test cell whose check asked waits for a person, the reason beside the answer.

    Only the judge's verdict asks: a submission may show any text, also in a test cell that its process ran.
    """

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict) -> tuple[NotebookNode, ResourcesDict]:
        """Mark them in the gradebook."""
        read = ((cell, read_verdict(cell)) for cell in nb.cells)
        reasons = {
            cell.metadata.nbgrader.grade_id: for_review(verdict.review)
            for cell, verdict in read
            if verdict is not None and verdict.review
        }
        if not reasons:
            return nb, resources
        about = resources["nbgrader"]
        with gradebook_at(about["db_url"]) as gradebook:
            submission = gradebook.find_submission_notebook(
                about["notebook"], about["assignment"], about["student"]
            )
            for grade in submission.grades:
                if grade.name in reasons:
                    grade.needs_manual_grade = True
            for comment in submission.comments:
                for cell, reason in reasons.items():
                    if comment.name == exercise_of(cell):
                        comment.auto_comment = reason
            gradebook.db.commit()
        return nb, resources
