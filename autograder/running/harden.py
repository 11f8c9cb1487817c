"""A submission as it will be run, and no more.

The instructor's cells are as the instructor wrote them; the student's come as text.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import nbformat
from nbformat import NotebookNode, from_dict

from autograder.gradebook.notebooks import nbgrader_metadata
from autograder.settings import KERNEL

if TYPE_CHECKING:
    from nbgrader.api import Gradebook


PICTURES = ("image/png", "image/jpeg", "image/gif")
MOST_PICTURE = 2**22
"""Characters of one picture in a written answer."""


@dataclass(frozen=True)
class SourceCell:
    """A cell of the assignment as the gradebook knows it."""

    name: str
    kind: str
    source: str
    locked: bool
    solution: bool
    task: bool
    points: float | None
    """None where nothing is graded."""
    checksum: str
    """By which nbgrader tells an answer from the stub."""

    @property
    def about(self) -> dict[str, Any]:
        """The cell's metadata for nbgrader."""
        graded = self.points is not None
        about = {
            "grade": graded and not self.task,
            "grade_id": self.name,
            "locked": self.locked,
            "schema_version": 3,
            "solution": self.solution,
            "task": self.task,
        }
        return {
            **about,
            "cell_type": self.kind,
            "checksum": self.checksum,
            **({"points": self.points} if graded else {}),
        }


@dataclass(frozen=True)
class Blueprint:
    """The cells of one notebook of an assignment, in the order in which the instructor put them."""

    cells: tuple[SourceCell, ...]

    @classmethod
    def of(cls, gradebook: "Gradebook", assignment: str, notebook: str, source: Path) -> Self:
        """Read it from the gradebook; `source`, the instructor's notebook, says the order.

        A database does not keep the order.
        """
        known = gradebook.find_notebook(notebook, assignment)
        graded = {cell.name: float(cell.max_score) for cell in (*known.grade_cells, *known.task_cells)}
        solutions, tasks = (
            {cell.name for cell in known.solution_cells},
            {cell.name for cell in known.task_cells},
        )
        order = [
            nbgrader_metadata(cell).get("grade_id") for cell in nbformat.read(source, as_version=4).cells
        ]
        places = {name: place for place, name in enumerate(order)}
        cells = [
            SourceCell(
                cell.name,
                cell.cell_type,
                cell.source,
                bool(cell.locked),
                cell.name in solutions,
                cell.name in tasks,
                graded.get(cell.name),
                cell.checksum,
            )
            for cell in known.source_cells
        ]
        return cls(tuple(sorted(cells, key=lambda cell: places.get(cell.name, len(places)))))


def harden(submitted: NotebookNode, blueprint: Blueprint) -> NotebookNode:
    """The notebook that will be run and graded.

    Every cell of the assignment stands in its place, with nbgrader's own metadata and nothing else: locked
    cells with the instructor's text, also those that were deleted, moved, edited or turned into markdown;
    answers with the student's. Where an answer's cell was pasted twice, the last one counts, as in nbgrader,
    and the other runs as a plain cell. Cells that the student added stay behind the cell that they followed.
    Outputs, tags and all else that a cell can carry is dropped, but for pictures in text.
    """
    known = {cell.name: cell for cell in blueprint.cells}
    last = {_name(cell): position for position, cell in enumerate(submitted.cells)}
    answers: dict[str, NotebookNode] = {}
    added: dict[str, list[dict[str, Any]]] = {}
    before = ""
    for position, cell in enumerate(submitted.cells):
        name = _name(cell)
        if name in known and last[name] == position:
            answers[name], before = cell, name
        elif name not in known or not known[name].locked:
            added.setdefault(before, []).append(_plain(cell.cell_type, cell.source, {}, cell))
    cells = added.get("", [])
    for cell in blueprint.cells:
        if cell.locked or cell.name in answers or cell.points is not None:
            answer = None if cell.locked else answers.get(cell.name)
            text = cell.source if answer is None else answer.source
            cells.append(_plain(cell.kind, text, {"nbgrader": cell.about}, answer))
        cells += added.get(cell.name, [])
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    kernel = {"name": KERNEL, "display_name": "Python 3", "language": "python"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return NotebookNode(from_dict({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}))


def _name(cell: NotebookNode) -> str:
    return str(nbgrader_metadata(cell).get("grade_id", ""))


def _plain(kind: str, source: str, metadata: dict[str, Any], written: NotebookNode | None) -> dict[str, Any]:
    source = source.encode(errors="replace").decode()  # JSON may hold halves of letters, which no file can
    if kind == "code":
        return {
            "cell_type": kind,
            "source": source,
            "metadata": metadata,
            "outputs": [],
            "execution_count": None,
        }
    cell = {"cell_type": "raw" if kind == "raw" else "markdown", "source": source, "metadata": metadata}
    pictures = _pictures(written.get("attachments")) if written is not None and kind == "markdown" else {}
    return {**cell, "attachments": pictures} if pictures else cell


def _pictures(attachments: Any) -> dict[str, dict[str, str]]:
    """The pictures that were pasted into a written answer: a person reads them."""
    pictures = {}
    for name, data in attachments.items() if isinstance(attachments, dict) else ():
        kept = (
            {kind: text for kind, text in data.items() if kind in PICTURES and isinstance(text, str)}
            if data
            else {}
        )
        if kept and sum(map(len, kept.values())) <= MOST_PICTURE:
            pictures[str(name)] = kept
    return pictures


def answers(notebook: NotebookNode, until: NotebookNode | None = None) -> Sequence[str]:
    """The text of the student's own code cells, up to a cell."""
    return [cell.source for cell in _code(notebook, until) if not nbgrader_metadata(cell).get("locked")]


def given(notebook: NotebookNode, until: NotebookNode | None = None) -> Sequence[str]:
    """The text of the instructor's code cells that test nothing, up to a cell."""
    abouts = [(cell.source, nbgrader_metadata(cell)) for cell in _code(notebook, until)]
    return [source for source, about in abouts if about.get("locked") and not about.get("grade")]


def _code(notebook: NotebookNode, until: NotebookNode | None) -> Iterator[NotebookNode]:
    for cell in notebook.cells:
        if cell is until:
            break
        if cell.cell_type == "code":
            yield cell
