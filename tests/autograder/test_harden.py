"""What is left of a submission before it runs."""

from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from autograder.gradebook.notebooks import nbgrader_metadata
from autograder.running.harden import Blueprint, SourceCell, answers, harden


def _source(
    name: str,
    kind: str = "code",
    *,
    locked: bool = False,
    solution: bool = False,
    points: float | None = None,
):
    return SourceCell(
        name, kind, f"# {name} as it was handed out", locked, solution, False, points, f"checksum of {name}"
    )


BLUEPRINT = Blueprint(
    (
        _source("task", "markdown", locked=True),
        _source("imports", locked=True),
        _source("answer", solution=True),
        _source("answer_test", locked=True, points=8.0),
        _source("written", "markdown", solution=True, points=5.0),
    )
)


def _cell(name: str, source: str, kind: str = "code", **about: Any) -> NotebookNode:
    make = new_code_cell if kind == "code" else new_markdown_cell
    return make(source, metadata={"nbgrader": {"grade_id": name, "schema_version": 3, **about}})


def _whole() -> list[NotebookNode]:
    return [
        _cell("task", "the task", "markdown"),
        _cell("imports", "import torch"),
        _cell("answer", "x = 3"),
        _cell("answer_test", "x == 3"),
        _cell("written", "because", "markdown"),
    ]


def _hardened(cells: list[NotebookNode], **metadata: Any) -> NotebookNode:
    notebook = harden(new_notebook(cells=cells, metadata=metadata), BLUEPRINT)
    nbformat.validate(notebook)
    return notebook


def _names(notebook: NotebookNode) -> list[str]:
    return [cell.metadata.get("nbgrader", {}).get("grade_id", cell.source) for cell in notebook.cells]


ALL = ["task", "imports", "answer", "answer_test", "written"]


def test_locked_cells_are_the_instructors_and_answers_the_students():
    notebook = _hardened(_whole())
    assert _names(notebook) == ALL
    assert [cell.source for cell in notebook.cells] == [
        "# task as it was handed out",
        "# imports as it was handed out",
        "x = 3",
        "# answer_test as it was handed out",
        "because",
    ]


@pytest.mark.parametrize("gone", range(5))
def test_what_is_deleted_comes_back_but_for_an_answer_without_points(gone):
    cells = _whole()
    del cells[gone]
    assert _names(_hardened(cells)) == [name for name in ALL if name != "answer" or gone != 2]


def test_order_is_the_instructors():
    assert _names(_hardened(_whole()[::-1])) == ALL


def test_added_cells_follow_the_cell_that_they_followed():
    cells = _whole()
    cells.insert(3, new_code_cell("mine"))
    cells.insert(0, new_markdown_cell("first"))
    assert _names(_hardened(cells)) == [
        "first",
        "task",
        "imports",
        "answer",
        "mine",
        "answer_test",
        "written",
    ]


def test_metadata_is_made_anew():
    cells = _whole()
    cells[3].metadata = {
        "nbgrader": {"grade_id": "answer_test", "points": 1000, "grade": False},
        "tags": ["skip-execution"],
    }
    test = _hardened(cells).cells[3]
    assert set(test.metadata) == {"nbgrader"}
    assert (test.metadata.nbgrader.points, test.metadata.nbgrader.grade, test.metadata.nbgrader.locked) == (
        8.0,
        True,
        True,
    )


@pytest.mark.parametrize("about", [[], "x", {"grade_id": {}}, {"grade_id": None}, {"grade_id": "unknown"}, 3])
def test_odd_metadata_makes_a_plain_cell(about):
    cells = _whole()
    cells.append(new_code_cell("odd", metadata={"nbgrader": about}))
    assert _names(_hardened(cells)) == [*ALL, "odd"]


@pytest.mark.parametrize("metadata", [None, [], {}, {"nbgrader": None}, {"nbgrader": "locked"}])
def test_odd_metadata_says_nothing_of_a_cell(metadata):
    assert nbgrader_metadata({"metadata": metadata}) == nbgrader_metadata({}) == {}


def test_the_last_of_two_answers_counts_and_the_other_runs():
    cells = _whole()
    cells.insert(2, _cell("answer", "x = 2"))
    notebook = _hardened(cells)
    assert _names(notebook) == ["task", "imports", "x = 2", "answer", "answer_test", "written"]
    assert answers(notebook, notebook.cells[4]) == ["x = 2", "x = 3"]


def test_kinds_of_cells_are_the_instructors():
    cells = _whole()
    cells[2], cells[4] = _cell("answer", "x = 3", "markdown"), _cell("written", "because")
    assert [cell.cell_type for cell in _hardened(cells).cells] == [
        "markdown",
        "code",
        "code",
        "code",
        "markdown",
    ]


def test_outputs_and_the_notebooks_metadata_are_dropped():
    cells = _whole()
    cells[3].outputs = [nbformat.v4.new_output("execute_result", data={"text/plain": "8.0"})]
    notebook = _hardened(cells, widgets={"state": {}}, kernelspec={"name": "julia", "display_name": "Julia"})
    assert not any(cell.outputs for cell in notebook.cells if cell.cell_type == "code")
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert notebook.metadata.kernelspec.name == "python3"


def test_pictures_in_written_answers_stay_and_nothing_else_does():
    cells = _whole()
    cells[4]["attachments"] = {"a.png": {"image/png": "aGk="}, "b.html": {"text/html": "<script>"}}
    assert _hardened(cells).cells[4].attachments == {"a.png": {"image/png": "aGk="}}
