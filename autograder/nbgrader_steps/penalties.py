"""A late submission's penalty, entered when it is graded."""

from pathlib import Path

from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Unicode

from autograder.gradebook.database import gradebook_at
from autograder.gradebook.due_dates import read_due_dates
from autograder.gradebook.late import enter_penalty
from autograder.gradebook.timestamps import read_timestamp


class AssignPenalties(NbGraderPreprocessor):
    """Stands for nbgrader's AssignLatePenalties, which caps a penalty at the points so far.

    A person may give more later, and the penalty would stay what it was. What a penalty is, is said in
    autograder/gradebook/late.py.
    """

    work = Unicode(help="The folder of class.toml.").tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict) -> tuple[NotebookNode, ResourcesDict]:
        """Enter one submission's penalty."""
        about = resources["nbgrader"]
        handed_in = read_timestamp(Path(resources.get("metadata", {}).get("path") or "."))
        with gradebook_at(about["db_url"]) as gradebook:
            submission = gradebook.find_submission(about["assignment"], about["student"])
            enter_penalty(submission, read_due_dates(Path(self.work)), handed_in)
            gradebook.db.commit()
        return nb, resources
