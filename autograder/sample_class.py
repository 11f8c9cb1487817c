"""The sample class: submissions built from the released notebook and answers that stand in text files, one a student.

A file sample_class/<assignment>/<student>.py says in comments what it shows, then gives answers in the percent format, each
under the name of its cell: `# %% multiply`. Other answers are taken from right-plain.py. Special treatment stands in the head:

    # answers: handed out     leave the other cells as students receive them
    # delete: multiply_test   remove a cell (names, separated by commas)
    # kernel: julia-1.10      save it with another kernel
    # nbformat: 3             save it in an older format
    # corrupt: cut off        save the first half of the file only
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from autograder.errors import AutograderError
from autograder.settings import Settings

FOLDER = Path(__file__).parent / "sample_class"
BASE = "right-plain"
TREATMENTS = {"answers", "delete", "kernel", "nbformat", "corrupt"}


@dataclass(frozen=True)
class Sample:
    """One submission: answers by the name of their cell, and special treatment."""

    student: str
    answers: dict[str, str]
    treatment: dict[str, str] = field(default_factory=dict)


def read_class(assignment: str) -> list[Sample]:
    """Every sample submission for an assignment.

    Raises:
        AutograderError: there are none.
    """
    files = sorted((FOLDER / assignment).glob("*.py"))
    if not files:
        raise AutograderError(f"no sample class for '{assignment}': put answers into {FOLDER.name}/{assignment}/{BASE}.py")
    return [_parse(path) for path in files]


def _parse(path: Path) -> Sample:
    head, *rest = re.split(r"^# %% (\w+)\n", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    answers = {name: answer.strip() for name, answer in zip(rest[::2], rest[1::2], strict=True)}
    found = re.findall(r"^# (\w+): (.+)$", head, flags=re.MULTILINE)
    return Sample(path.stem, answers, {key: value for key, value in found if key in TREATMENTS})


def hand_in(settings: Settings, assignment: str) -> list[str]:
    """Write the sample class's notebooks to where submissions are expected; returns the students.

    Raises:
        AutograderError: there is no sample class, or an answer is for a cell that the assignment does not have.
    """
    samples = {sample.student: sample for sample in read_class(assignment)}
    released = settings.released / assignment / f"{assignment}.ipynb"
    for sample in samples.values():
        others = {} if "answers" in sample.treatment else samples[BASE].answers
        notebook = nbformat.read(released, as_version=4)
        fill_in(notebook, {**others, **sample.answers}, sample.student)
        folder = settings.submitted / sample.student / assignment
        folder.mkdir(parents=True, exist_ok=True)
        (folder / released.name).write_text(_treated(notebook, sample.treatment), encoding="utf-8")
    return list(samples)


def fill_in(notebook: NotebookNode, answers: dict[str, str], student: str) -> None:
    """Put answers into their cells.

    Raises:
        AutograderError: there is no such cell.
    """
    cells = {cell.metadata.get("nbgrader", {}).get("grade_id"): cell for cell in notebook.cells}
    for name, answer in answers.items():
        if name not in cells:
            raise AutograderError(f"sample class: '{student}' answers '{name}', a cell that the assignment does not have")
        cells[name].source = answer


def _treated(notebook: NotebookNode, treatment: dict[str, str]) -> str:
    """The file's text, after special treatment."""
    gone = {name.strip() for name in treatment.get("delete", "").split(",")}
    notebook.cells = [cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade_id") not in gone]
    if "kernel" in treatment:
        name = treatment["kernel"]
        notebook.metadata.kernelspec = {"name": name, "display_name": name, "language": name.partition("-")[0]}
    text = nbformat.writes(nbformat.convert(notebook, int(treatment.get("nbformat", 4))))
    return text[: len(text) // 2] if "corrupt" in treatment else text
