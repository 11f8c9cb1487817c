"""The course's notebooks, read and run; each lecture is run once by each worker that needs it."""

import functools
import os
import tempfile
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode

from tests.conftest import ROOT

LECTURES = sorted((ROOT / "lectures").glob("[0-9][0-9]_*.ipynb"))
SECONDS = 60
"""What a lecture may take on two cores."""


@dataclass(frozen=True)
class Run:
    """An executed notebook and how long it took."""

    notebook: NotebookNode
    seconds: float


def read(path: Path) -> NotebookNode:
    return nbformat.read(path, as_version=4)


def run(path: Path, folder: Path) -> Run:
    """Run a notebook from top to bottom, standing in `folder`."""
    notebook = read(path)
    start = time.perf_counter()
    client = NotebookClient(notebook, timeout=SECONDS, resources={"metadata": {"path": str(folder)}})
    # each of the workers that share the cores computes on one
    client.execute(env={**os.environ, "OMP_NUM_THREADS": "1"})
    return Run(notebook, time.perf_counter() - start)


@functools.cache
def lecture(path: Path) -> Run:
    """A lecture, run once in an empty folder."""
    with tempfile.TemporaryDirectory() as folder:
        return run(path, Path(folder))


def each_lecture(name: str, quick: Collection[str] | None = None):
    """One test for each lecture; all tests of one lecture in the worker that ran it.

    Args:
        name: of the test's argument.
        quick: the numbers of the lectures that are tested every time; the others are slow tests. All when
            left out.
    """
    marked = []
    for path in LECTURES:
        marks = [pytest.mark.xdist_group(path.stem)]
        marks += [pytest.mark.slow] if quick is not None and path.stem[:2] not in quick else []
        marked.append(pytest.param(path, id=path.stem, marks=marks))
    return pytest.mark.parametrize(name, marked)
