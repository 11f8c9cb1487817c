"""The sample class: thirty students, who hand in what stands in bank/ beside this file.

A file bank/<assignment>/<name>.py says in comments what it shows and what it deserves, then gives answers in
the percent format, each under the name of its cell: `# %% multiply`. Other answers are taken from
right-plain.py. In the head:

    # answers: handed out              leave the other cells as students receive them
    # delete: multiply_test            remove a cell (names, separated by commas)
    # kernel: julia-1.10               save it with another kernel
    # nbformat: 3                      save it in an older format
    # corrupt: cut off                 save the first half of the file only
    # points: multiply 7               what an exercise deserves, where that is not all of its points;
                                       `all 0` for each of them;
                                       `review` for a number where a person has to look first
    # mistake: multiply: sign          what the feedback must name in an exercise
"""

import csv
import re
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from autograder.errors import AutograderError
from autograder.gradebook.notebooks import nbgrader_metadata
from autograder.settings import Settings

BANK = Path(__file__).parent / "bank"
BASE = "right-plain"
STUDENTS = 30
TREATMENTS = {"answers", "delete", "kernel", "nbformat", "corrupt"}


@dataclass(frozen=True)
class Sample:
    """One submission: answers by the name of their cell, special treatment, and what it deserves."""

    name: str
    answers: dict[str, str]
    treatment: dict[str, str] = field(default_factory=dict)
    points: dict[str, float | None] = field(default_factory=dict)
    """By exercise, where they are not all; None where a person has to look first; "all" for every
    exercise."""
    mistakes: tuple[tuple[str, str], ...] = ()
    """(exercise, the name of a mistake in it)."""

    def deserves(self, most: dict[str, float]) -> dict[str, float | None]:
        """The points for each exercise."""
        handed_out = "answers" in self.treatment or "all" in self.points
        return {name: self.points.get(name, 0.0 if handed_out else full) for name, full in most.items()}


def banks() -> list[str]:
    """The assignments that have a bank of submissions."""
    return sorted(path.name for path in BANK.iterdir() if any(path.glob("*.py")))


def read_bank(assignment: str) -> dict[str, Sample]:
    """Every sample submission for an assignment, by name.

    Raises:
        AutograderError: there are none, or one says something that cannot be read.
    """
    files = sorted((BANK / assignment).glob("*.py"))
    if not files:
        cure = f"put answers into {BANK / assignment / BASE}.py"
        raise AutograderError("no sample submissions", f"for '{assignment}'", cure)
    return {path.stem: _parse(path) for path in files}


def _parse(path: Path) -> Sample:
    head, *rest = re.split(r"^# %% (\w+)\n", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    answers = {name: answer.strip() for name, answer in zip(rest[::2], rest[1::2], strict=True)}
    entries = re.findall(r"^# (\w+): (.+)$", head, flags=re.MULTILINE)
    try:
        points = dict(_points(value) for key, value in entries if key == "points")
        mistakes = tuple(tuple(value.split(": ", 1)) for key, value in entries if key == "mistake")
        assert all(len(pair) == 2 for pair in mistakes)
    except (ValueError, AssertionError) as error:
        cause = "are what its head may say"
        raise AutograderError(
            f"{path.name}: '# points: NAME N' and '# mistake: NAME: MISTAKE'", cause
        ) from error
    return Sample(
        path.stem, answers, {key: value for key, value in entries if key in TREATMENTS}, points, mistakes
    )


def _points(value: str) -> tuple[str, float | None]:
    name, number = value.split()[:2]
    return name, None if number == "review" else float(number)


def sample_class(assignment: str) -> dict[str, Sample | None]:
    """Who hands in what: every sample of the bank once, one student nothing, the others all answers right.

    Each assignment begins at another student, so that nobody is always right.
    """
    bank = read_bank(assignment)
    everything = [*bank.values(), None]
    everything += [bank[BASE]] * (STUDENTS - len(everything))
    shift = 11 * banks().index(assignment)
    turned = [everything[(number + shift) % len(everything)] for number in range(len(everything))]
    return {f"s{number:02}": sample for number, sample in enumerate(turned, start=1)}


def hand_in(settings: Settings, assignment: str) -> dict[str, Sample]:
    """Write the sample class's notebooks where submissions are expected, and who handed in what to class.csv.

    Returns:
        the sample that each student handed in.

    Raises:
        AutograderError: there is no bank, or an answer is for a cell that the assignment does not have.
    """
    released = settings.released / assignment / f"{assignment}.ipynb"
    base = read_bank(assignment)[BASE]
    handed_in = {
        student: sample for student, sample in sample_class(assignment).items() if sample is not None
    }
    for student, sample in handed_in.items():
        folder = settings.submitted / student / assignment
        folder.mkdir(parents=True, exist_ok=True)
        (folder / released.name).write_text(submission(released, sample, base), encoding="utf-8")
    with (settings.folder / "class.csv").open("a", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(
            (assignment, student, sample.name) for student, sample in handed_in.items()
        )
    return handed_in


def submission(released: Path, sample: Sample, base: Sample) -> str:
    """The text of a submitted notebook: the released one with a sample's answers.

    Answers that the sample does not give are `base`'s.

    Raises:
        AutograderError: an answer is for a cell that the assignment does not have.
    """
    notebook = nbformat.read(released, as_version=4)
    others = {} if "answers" in sample.treatment else base.answers
    fill_in(notebook, {**others, **sample.answers}, sample.name)
    return _treated(notebook, sample.treatment)


def fill_in(notebook: NotebookNode, answers: dict[str, str], sample: str) -> None:
    """Put answers into their cells.

    Raises:
        AutograderError: there is no such cell.
    """
    cells = {nbgrader_metadata(cell).get("grade_id"): cell for cell in notebook.cells}
    for name, answer in answers.items():
        if name not in cells:
            cause = f"answers '{name}', a cell that the assignment does not have"
            raise AutograderError(f"submission '{sample}'", cause)
        cells[name].source = answer


def _treated(notebook: NotebookNode, treatment: dict[str, str]) -> str:
    """The file's text, after special treatment."""
    gone = {name.strip() for name in treatment.get("delete", "").split(",")}
    notebook.cells = [cell for cell in notebook.cells if nbgrader_metadata(cell).get("grade_id") not in gone]
    if "kernel" in treatment:
        name = treatment["kernel"]
        notebook.metadata.kernelspec = {
            "name": name,
            "display_name": name,
            "language": name.partition("-")[0],
        }
    text = nbformat.writes(nbformat.convert(notebook, int(treatment.get("nbformat", 4))))
    return text[: len(text) // 2] if "corrupt" in treatment else text
