"""The demo, run once for all tests, and a tiny course without torch, in which grading takes a second."""

import functools
import linecache
import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook

from autograder.handing_out.edition import make_edition
from autograder.sandbox.bwrap import sandbox_problem
from autograder.sandbox.host import Sandbox
from autograder.settings import Limits, Settings

AUTOGRADER = [sys.executable, "-m", "autograder"]


@dataclass(frozen=True)
class Demo:
    settings: Settings
    output: str
    code: int


@pytest.fixture(scope="session")
def demos(tmp_path_factory, root) -> Callable[[str], Demo]:
    """`autograder demo` for one assignment, in a folder of its own, once."""

    @functools.cache
    def run(name: str) -> Demo:
        needs_sandbox()
        work = tmp_path_factory.mktemp("demo")
        command = [*AUTOGRADER, "demo", name, "--work", work]
        done = subprocess.run(
            command, cwd=root, capture_output=True, text=True, timeout=300, env=_wide_terminal()
        )
        settings = Settings(root, work / "demo", work / "demo" / "assignments")
        return Demo(settings, done.stdout + done.stderr, done.returncode)

    return run


@pytest.fixture(scope="session")
def demo(demos) -> Demo:
    """The first assignment's."""
    return demos("01_graphs")


def _wide_terminal() -> dict[str, str]:
    return {**os.environ, "COLUMNS": "160"}


def graded_cell(name: str, source: str, points: float) -> NotebookNode:
    return _cell(new_code_cell(textwrap.dedent(source).strip()), name, locked=True, points=points)


def answer_cell(name: str, source: str) -> NotebookNode:
    return _cell(new_code_cell(textwrap.dedent(source).strip()), name, solution=True)


def locked_cell(name: str, source: str) -> NotebookNode:
    return _cell(new_code_cell(textwrap.dedent(source).strip()), name, locked=True)


def _cell(
    cell: NotebookNode, name: str, *, locked=False, solution=False, points: float | None = None
) -> NotebookNode:
    cell.id = name.replace("_", "-")
    about = {
        "grade": points is not None,
        "grade_id": name,
        "locked": locked,
        "schema_version": 3,
        "solution": solution,
        "task": False,
    }
    cell.metadata["nbgrader"] = about if points is None else {**about, "points": points}
    return cell


TINY = [
    answer_cell("first", "### BEGIN SOLUTION\nfirst = 42\n### END SOLUTION"),
    locked_cell("first_picture", "raise ValueError('pictures are not drawn when grading')"),
    graded_cell(
        "first_test",
        """
        points = 4.0 if first == 42 else 1.0
        ### BEGIN HIDDEN TESTS
        assert first < 1000, "too large"
        ### END HIDDEN TESTS
        points
        """,
        4,
    ),
    answer_cell("second", "### BEGIN SOLUTION\nsecond = 'b'\n### END SOLUTION"),
    graded_cell("second_test", "float(second == 'b')", 1),
]


class TinyCourse:
    """A course whose one assignment, 'tiny', is graded in a moment; 4 points for `first`, 1 for `second`."""

    def __init__(self, root: Path, config: Path) -> None:
        self.settings = Settings(root).prepare()
        shutil.copy(config, root)
        notebook = new_notebook(cells=[cell.copy() for cell in TINY])
        notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
        (root / "solutions" / "tiny").mkdir(parents=True)
        nbformat.write(notebook, root / "solutions" / "tiny" / "tiny.ipynb")

    def path(self, student: str) -> Path:
        folder = self.settings.submitted / student / "tiny"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / "tiny.ipynb"

    def hand_in(self, student: str, first: str = "first = 42", second: str = "second = 'b'") -> Path:
        notebook = nbformat.read(self.settings.source / "tiny" / "tiny.ipynb", as_version=4)
        cells = {cell.metadata.nbgrader.grade_id: cell for cell in notebook.cells}
        cells["first"].source, cells["second"].source = first, second
        nbformat.write(notebook, self.path(student))
        return self.path(student)


def needs_sandbox() -> None:
    """Skip where there can be no sandbox, and say why."""
    if problem := sandbox_problem():
        pytest.skip(str(problem))


def in_notebook(source: str) -> CodeType:
    """The code of a cell, with its lines where a traceback can read them, as in a notebook."""
    name = f"<cell {len(linecache.cache)}>"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    return compile(source, name, "exec")


@pytest.fixture(scope="session")
def edition(tmp_path_factory) -> Path:
    """The students' edition of the course, as it is where submissions are graded."""
    return make_edition(tmp_path_factory.mktemp("edition"), judged=True)


@pytest.fixture(scope="session")
def sandbox(edition) -> Iterator[Sandbox]:
    """A sandbox for many tests."""
    needs_sandbox()
    with Sandbox(edition) as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def impatient(edition) -> Iterator[Sandbox]:
    """One that gives a cell a second, and little of everything else."""
    needs_sandbox()
    limits = Limits(seconds=8, cell_seconds=1, memory=2**28, disk=2**22, file=2**21, files=64, processes=16)
    with Sandbox(edition, limits) as sandbox:
        yield sandbox


@pytest.fixture
def tiny(tmp_path, root, monkeypatch) -> TinyCourse:
    """A tiny course, in which we stand."""
    needs_sandbox()
    course = TinyCourse(tmp_path, root / "nbgrader_config.py")
    monkeypatch.chdir(tmp_path)
    return course
