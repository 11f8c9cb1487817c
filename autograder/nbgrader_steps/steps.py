"""The steps that we add to nbgrader's autograde: nbgrader's way in to hardening, running and replaying."""

from pathlib import Path

import nbformat
from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Bool, Float, Integer, Unicode

from autograder.gradebook.database import gradebook_at
from autograder.running.calls import run_all
from autograder.running.harden import Blueprint, harden
from autograder.running.task import Task, read_files
from autograder.settings import Limits


class HardenNotebook(NbGraderPreprocessor):
    """Hardens a submission; OverwriteCells, after it, finds everything in its place."""

    source = Unicode(help="The folder of the instructor's notebooks.").tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict) -> tuple[NotebookNode, ResourcesDict]:
        """Read the assignment from the gradebook, and harden."""
        about = resources["nbgrader"]
        path = Path(self.source) / about["assignment"] / f"{about['notebook']}.ipynb"
        with gradebook_at(about["db_url"]) as gradebook:
            blueprint = Blueprint.of(gradebook, about["assignment"], about["notebook"], path)
        return harden(nb, blueprint), resources


class SandboxedExecute(NbGraderPreprocessor):
    """Runs a submission in the sandbox, in place of nbgrader's Execute.

    `nbgrader autograde` and the formgrader use it.
    """

    sandbox = Bool(
        True, help="False runs submissions with your own rights. They can then read and write what you can."
    ).tag(config=True)
    device = Unicode("cpu", help="cuda lets notebooks compute on the GPU.").tag(config=True)
    seed = Integer(0, help="Of the judge's inputs; settings.py takes one that nobody knows.").tag(config=True)
    seconds = Float(Limits.seconds, help="Time for a notebook.").tag(config=True)
    cell_seconds = Float(Limits.cell_seconds, help="Time for one cell.").tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict) -> tuple[NotebookNode, ResourcesDict]:
        """Run the notebook."""
        folder = Path(resources.get("metadata", {}).get("path") or ".")
        limits = Limits(seconds=self.seconds, cell_seconds=self.cell_seconds)
        task = Task(nbformat.writes(nb), read_files(folder), self.seed, limits, self.sandbox, self.device)
        return nbformat.reads(run_all({"": task})[""].notebook, as_version=4), resources


class Replay(NbGraderPreprocessor):
    """Takes a notebook that the engine has hardened and run already, in place of both steps."""

    executed = Unicode(help="The folder that holds the notebooks that were run.").tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict) -> tuple[NotebookNode, ResourcesDict]:
        """Read it."""
        path = Path(self.executed) / f"{resources['nbgrader']['notebook']}.ipynb"
        return nbformat.read(path, as_version=4), resources
