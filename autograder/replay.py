"""Outputs that a worker computed, in place of running a notebook again."""

from pathlib import Path

import nbformat
from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Unicode

from autograder.execute import take_outputs


class Replay(NbGraderPreprocessor):
    """Copies outputs from the same notebook, run elsewhere.

    Raises:
        ValueError: the other notebook's code differs.
    """

    executed = Unicode(help="The folder that holds the notebooks that were run.").tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict) -> tuple[NotebookNode, ResourcesDict]:
        """Take over the outputs, cell by cell."""
        path = Path(self.executed) / f"{resources['nbgrader']['notebook']}.ipynb"
        take_outputs(nb, nbformat.read(path, as_version=4))
        return nb, resources
