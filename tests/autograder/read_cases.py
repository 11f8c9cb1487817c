"""Notebooks to be read, in a few lines each: ways around, and honest ones."""

import json
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from autograder.running.judge import find_check
from autograder.running.reading import remarks
from autograder.running.remark import Remark

FOLDER = Path(__file__).parent / "read"
ASSIGNMENTS = Path(__file__).parents[2] / "assignments"
TO_DO = "# YOUR CODE HERE\n"


@dataclass(frozen=True)
class Stub:
    """An exercise as it is handed out: the answer's cell, and the instructor's cells up to its test."""

    name: str
    text: str
    given: tuple[str, ...]

    def answered(self, body: str) -> str:
        """The answer's cell with these lines where it says that code belongs."""
        before, _, after = self.text.rpartition(TO_DO)
        indent = before[len(before.rstrip(" ")) :]
        rest = "\n".join(after.split("\n")[1:])
        return before.rstrip(" ") + textwrap.indent(body, indent) + ("\n" + rest if rest.strip() else "")


@dataclass(frozen=True)
class ReadCase:
    """One notebook: what it is, which exercise it answers, and the student's cells."""

    title: str
    exercise: str
    cells: tuple[str, ...]

    def remarks(self) -> tuple[Remark, ...]:
        """What a person is told."""
        stub = stubs()[self.exercise]
        return remarks(self.exercise, stub.name, self.cells, given=stub.given)


@cache
def stubs() -> dict[str, Stub]:
    """Every exercise of the assignments by name."""
    handed_out: dict[str, Stub] = {}
    for path in sorted(ASSIGNMENTS.glob("*/*.ipynb")):
        given: list[str] = []
        texts: dict[str, str] = {}
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            about, text = cell["metadata"].get("nbgrader", {}), "".join(cell["source"])
            if cell["cell_type"] != "code":
                continue
            if not about.get("locked"):
                texts[about["grade_id"]] = text
            elif not about.get("grade"):
                given.append(text)
            elif check := find_check(text):
                handed_out[check.exercise] = Stub(check.name, texts[check.exercise], tuple(given))
    return handed_out


def read_cases(kind: str, folder: Path = FOLDER) -> Iterator[ReadCase]:
    """The cases of a folder.

    A case begins with `# %% exercise: title`. Its cells are parted by `# ---`; in one of them, what follows
    an `@` answers the exercise's stub.
    """
    for path in sorted((folder / kind).glob("*.txt")):
        for text in path.read_text(encoding="utf-8").split("# %% ")[1:]:
            head, _, body = text.partition("\n")
            exercise, _, title = head.partition(": ")
            cells = [_cell(exercise, cell) for cell in body.split("# ---\n")]
            yield ReadCase(title, exercise, tuple(cells))


def _cell(exercise: str, text: str) -> str:
    before, at, body = ("\n" + text).partition("\n@\n")
    if at:
        return (before.strip() + "\n\n\n" if before.strip() else "") + stubs()[exercise].answered(
            body.rstrip()
        )
    return text.strip("\n").replace("LONG", "1,\n" * 30_000)
