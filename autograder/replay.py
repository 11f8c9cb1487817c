"""Outputs that a worker computed, in place of running a notebook again."""

from pathlib import Path

import nbformat
from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Unicode


class Replay(NbGraderPreprocessor):
    """Copies outputs from the same notebook, run elsewhere.

    Raises:
        ValueError: the other notebook's code differs.
    """

    executed = Unicode(help="The folder that holds the notebooks that were run.").tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict) -> tuple[NotebookNode, ResourcesDict]:
        """Take over the outputs, cell by cell."""
        path = Path(self.executed) / f"{resources['nbgrader']['notebook']}.ipynb"
        run = nbformat.read(path, as_version=4)
        if [cell.source for cell in run.cells] != [cell.source for cell in nb.cells]:
            raise ValueError(f"{path.name} was changed between running and grading: grade it again")
        for cell, ran in zip(nb.cells, run.cells, strict=True):
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = ran.outputs, ran.execution_count
        return nb, resources
