"""Which of the files that a student handed in is the assignment's notebook: by its cells, not its name."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import nbformat

from autograder.collecting.archives import File, RefusedError
from autograder.collecting.layouts import base
from autograder.collecting.submissions import shown, unreadable
from autograder.errors import AutograderError
from autograder.gradebook.notebooks import nbgrader_metadata
from autograder.settings import Settings


@dataclass(frozen=True)
class Fitting:
    """A notebook of the assignment, handed in."""

    file: File
    rank: int
    """Among a student's versions, where the source numbers them; 0 elsewhere."""
    data: bytes
    answers: str
    """A number that changes with the text of the cells."""


@dataclass
class Choice:
    """What counts of a student's files."""

    chosen: dict[str, Fitting] = field(default_factory=dict)
    """By notebook."""
    older: list[dict[str, Fitting]] = field(default_factory=list)
    """Versions that came before."""
    notes: list[str] = field(default_factory=list)
    """What else there is to say."""


class Shelf:
    """All assignments' notebooks, by the cells that nbgrader knows in them.

    Raises:
        AutograderError: an instructor's notebook cannot be read.
    """

    def __init__(self, settings: Settings) -> None:
        self.cells: dict[tuple[str, str], frozenset[str]] = {}
        for path in sorted(settings.source.glob("*/*.ipynb")):
            try:
                self.cells[path.parent.name, path.stem] = frozenset(_cells(path.read_bytes())[0])
            except Exception as error:  # nbformat raises whatever the damage leads to
                cause = f"cannot be read ({type(error).__name__}: {error})"
                raise AutograderError(str(path), cause, "mend it first") from error

    @property
    def assignments(self) -> set[str]:
        """Their names."""
        return {assignment for assignment, _ in self.cells}

    def choose(
        self,
        assignment: str,
        files: Sequence[tuple[File, int]],
        reasons: Sequence[str] = (),
        *,
        bare: bool = False,
    ) -> Choice:
        """The notebooks that fit.

        Args:
            files: each with its rank.
            reasons: why others are not among them.
            bare: file names speak of students, not of assignments.

        Raises:
            RefusedError: there is none, or nobody can say which.
        """
        fitting: dict[str, list[Fitting]] = defaultdict(list)
        reasons, others, choice = list(reasons), [], Choice()
        for file, rank in files:
            if ".ipynb" not in file.name.casefold():  # browsers save notebooks as .ipynb.txt or .ipynb.json
                others.append(shown(file.path))
                continue
            try:
                name, notebook = self._fit(assignment, file, rank)
            except RefusedError as error:
                reasons.append(str(error))
            else:
                fitting[name].append(notebook)
        if lacking := [
            f"{name}.ipynb" for place, name in self.cells if place == assignment and name not in fitting
        ]:
            why = "; ".join(reasons) or (f"only {_some(others)}" if others else "nothing was handed in")
            raise RefusedError(f"{', '.join(lacking)} is missing ({why}): ask for it")
        choice.notes += [f"left out: {reason}" for reason in reasons]
        if others:
            choice.notes.append(f"left out, no notebook: {_some(others)}")
        for name, notebooks in fitting.items():
            *before, choice.chosen[name] = _versions(name, notebooks)
            choice.older += [{name: version} for version in before]
            file = choice.chosen[name].file
            if not bare and (base(file.name) != name or not file.name.endswith(".ipynb")):
                choice.notes.append(f"{shown(file.path)} has the cells of {name}.ipynb: taken as that")
        return choice

    def _fit(self, assignment: str, file: File, rank: int) -> tuple[str, Fitting]:
        """Which of the assignment's notebooks this one is.

        It is the one with which it shares the largest part of all their cells.
        """
        path = shown(file.path)
        try:
            data = file.read()
        except RefusedError as error:
            raise RefusedError(f"{path} {error}") from error
        if problem := unreadable(path, data):
            raise RefusedError(str(problem))
        there, answers = _cells(data)
        alike = {
            key: (len(known & there) / len(known | there), key[0] == assignment, key[1] == base(file.name))
            for key, known in self.cells.items()
            if known & there
        }
        if not alike:
            raise RefusedError(
                f"{path} has none of the cells of '{assignment}': ask for the file that was given out"
            )
        owner, name = max(alike, key=lambda key: alike[key])
        if owner != assignment:
            raise RefusedError(f"{path} is a notebook of '{owner}'")
        return name, Fitting(file, rank, data, answers)


def digest_of(notebooks: Mapping[str, bytes]) -> str:
    """A short number that changes with any of these notebooks."""
    digest = hashlib.sha256()
    for name, data in sorted(notebooks.items()):
        digest.update(hashlib.sha256(data).digest() + name.encode())
    return digest.hexdigest()[:12]


def _versions(name: str, notebooks: Sequence[Fitting]) -> list[Fitting]:
    """A student's versions of one notebook, the one that counts last.

    Two that differ are refused: a wrong guess would cost the student more than the question costs the
    instructor, and a file's time says when it was copied. Canvas numbers files as they come: there, the same
    name once more is a resubmission.
    """
    ordered = sorted(notebooks, key=lambda notebook: (notebook.rank, notebook.file.name == f"{name}.ipynb"))
    if len({notebook.answers for notebook in notebooks}) == 1:
        return ordered[-1:]
    ranks = {notebook.rank for notebook in notebooks}
    names = {base(notebook.file.name) for notebook in notebooks}
    if 0 in ranks or len(ranks) < len(notebooks) or len(names) > 1:
        paths = ", ".join(shown(notebook.file.path) for notebook in ordered)
        raise RefusedError(
            f"{len(ordered)} notebooks fit {name}.ipynb and differ ({paths}): leave one, and collect again"
        )
    return ordered


def _cells(data: bytes) -> tuple[set[str], str]:
    """The names of the cells that nbgrader knows, and a number that changes with the text of any cell."""
    cells = nbformat.reads(data.decode("utf-8"), as_version=4).cells
    names = (nbgrader_metadata(cell).get("grade_id") for cell in cells)
    named = {str(name) for name in names if name}
    return named, hashlib.sha256(json.dumps([cell.source for cell in cells]).encode()).hexdigest()


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (" and more" if len(names) > 5 else "")
