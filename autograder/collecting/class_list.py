"""The class list: a CSV file of the numbers and names by which Canvas, Moodle and others know a student."""

import csv
import difflib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from autograder.errors import AutograderError, Problem

FILE = "students.csv"
"""In the work folder: the list that holds when no other is named."""

TITLES = {
    "id": ("id", "student", "studentid", "username", "login", "sisloginid"),
    "canvas": ("canvasid", "canvas"),
    "sortname": ("sortname", "sortablename"),
    "moodle": ("moodleid", "moodle", "identifier", "participant"),
    "email": ("email", "emailaddress", "mail"),
    "name": ("name", "fullname"),
}
"""What a column holds, by its title without case, spaces and signs; the identifier is that of Moodle's
grading worksheet."""

MOST_LETTERS = 128
"""Of an id: the gradebook keeps no more."""

Clue = tuple[str, str]
"""A column, and what a source says in its place."""


class UnknownStudentError(AutograderError):
    """Whose something is cannot be said."""


@dataclass(frozen=True)
class ClassList:
    """Who is in the class; without a file, everybody may be."""

    file: str = ""
    ids: tuple[str, ...] = ()
    known: Mapping[Clue, tuple[str, ...]] = field(default_factory=dict)
    """By column and what stands there, simplified, the ids of the rows."""

    def find(self, clues: Iterable[Clue]) -> str:
        """The student's id.

        Args:
            clues: the surest first; a later one counts where those before fit nobody, or several. The kind
                "any" may be an id, an email or a name.

        Raises:
            UnknownStudentError: the clues fit nobody, or several.
        """
        clues = [(kind, _clean(value)) for kind, value in clues if _clean(value)]
        if not clues:
            raise UnknownStudentError("nothing", "says whose it is")
        if not self.file:
            if problem := bad_id(clues[0][1]):
                raise UnknownStudentError(*problem)
            return clues[0][1]
        several: set[str] = set()
        for kind, value in clues:
            for column in ("id", "email", "name", "sortname", "canvas") if kind == "any" else (kind,):
                ids = set(self.known.get((column, _simplified(column, value)), ()))
                ids = ids & several if several else ids
                if len(ids) == 1:
                    return ids.pop()
                several = ids or several
        if several:
            cause = f"fits {' and '.join(sorted(several))} in {self.file}"
            raise UnknownStudentError(f"'{clues[0][1]}'", cause, "tell them apart there")
        nearest = difflib.get_close_matches(clues[0][1], self.ids, n=1)
        cure = f"did you mean '{nearest[0]}'?" if nearest else "add the student there, or ask whose it is"
        raise UnknownStudentError(f"'{clues[0][1]}'", f"is not in {self.file}", cure)

    def listed(self, clue: Clue) -> str | None:
        """The id of the listed student whom a clue names; None for nobody, several, or without a list."""
        if not self.file:
            return None
        try:
            return self.find([clue])
        except UnknownStudentError:
            return None

    def knows(self, value: str) -> bool:
        """Whether this stands for one student of the list."""
        return self.listed(("any", value)) is not None


def read_class_list(path: Path) -> ClassList:
    """Read it.

    Raises:
        AutograderError: it cannot be read, has no column of ids, or has an id twice.
    """
    head, *rows = _rows(_text(path)) or [[]]
    columns = {}
    for position, title in enumerate(head):
        wanted = "".join(letter for letter in title.casefold() if letter.isalnum())
        kind = next((kind for kind, titles in TITLES.items() if wanted in titles), None)
        if kind is not None:
            columns.setdefault(kind, position)
    if "id" not in columns:
        cause = f"has no column 'id' in its first line ({', '.join(head) or 'it is empty'})"
        raise AutograderError(str(path), cause, "add one")
    students: dict[str, tuple[str, int]] = {}
    known: dict[Clue, tuple[str, ...]] = {}
    for line, row in enumerate(rows, start=2):
        cells = {kind: _clean(row[position]) for kind, position in columns.items() if position < len(row)}
        if not any(cells.values()):
            continue
        student = cells.get("id", "")
        if problem := bad_id(student):
            raise _in_line(path, line, problem)
        if twin := students.get(student.casefold()):
            raise _in_line(
                path, line, Problem(f"'{student}'", f"stands in line {twin[1]} already, as '{twin[0]}'")
            )
        students[student.casefold()] = (student, line)
        for kind, value in cells.items():
            if value:
                clue = (kind, _simplified(kind, value))
                known[clue] = (*known.get(clue, ()), student)
    return ClassList(path.name, tuple(sorted(student for student, _ in students.values())), known)


def read_times(path: Path, class_list: ClassList) -> dict[str, datetime]:
    """When students handed in: a CSV file with the columns id and time, each time with its zone.

    Raises:
        AutograderError: it cannot be read, somebody is not on the class list, or a time has no zone.
    """
    head, *rows = _rows(_text(path)) or [[]]
    titles = [title.strip().casefold() for title in head]
    if not {"id", "time"} <= set(titles):
        cause = "has no columns 'id' and 'time' in its first line"
        raise AutograderError(str(path), cause, "name them so")
    times = {}
    for line, row in enumerate(rows, start=2):
        cells = dict(zip(titles, map(str.strip, row), strict=False))
        try:
            student = class_list.find([("any", cells["id"]), ("canvas", cells["id"])])
            times[student] = _time(cells.get("time"))
        except AutograderError as error:
            raise _in_line(path, line, error.problem) from error
    return times


def _time(text: str | None) -> datetime:
    try:
        time = datetime.fromisoformat(text or "")
    except ValueError:
        raise AutograderError(repr(text), "is no time like 2026-10-01T23:59:00+02:00") from None
    if time.tzinfo is None:
        raise AutograderError(str(text), "has no time zone", "add +02:00, say, or Z")
    return time


def _in_line(path: Path, line: int, problem: Problem) -> AutograderError:
    """A problem, and the line of the file that has it."""
    return AutograderError(f"{path}, line {line}: {problem.what}", problem.cause, problem.cure)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise AutograderError(str(path), "is not UTF-8", "save it as 'CSV UTF-8'") from None
    except OSError as error:
        raise AutograderError(str(path), f"cannot be read ({error.strerror})", "name another file") from error


def _rows(text: str) -> list[list[str]]:
    """A CSV file's rows; commas, semicolons or tabs part its cells: what the first line has most of."""
    first = text.partition("\n")[0]
    return [row for row in csv.reader(text.splitlines(), delimiter=max(",;\t", key=first.count)) if row]


def bad_id(student: str) -> Problem | None:
    """Why nobody can have this id; None for a good one.

    It becomes a folder's name, a key of the gradebook, and a part of nbgrader's patterns.
    """
    if not student:
        return Problem("the id", "is empty")
    if student != _clean(student) or len(student) > MOST_LETTERS:
        return Problem(
            repr(student[:40]), "cannot be an id", f"at most {MOST_LETTERS} letters that can be printed"
        )
    if set(student) & set('/\\*?[]:"<>|') or student[0] in ".-~" or student[-1] == ".":
        cure = 'folders have its name, without / \\ * ? [ ] : " < > | and no dot, - or ~ first'
        return Problem(f"'{student}'", "cannot be an id", cure)
    return None


def _clean(value: str) -> str:
    """In one form of Unicode, without space around it and what cannot be printed."""
    return "".join(letter for letter in unicodedata.normalize("NFC", value) if letter.isprintable()).strip()


def _simplified(column: str, value: str) -> str:
    """In which way spellings are the same: Canvas and Moodle leave out what file names cannot hold."""
    value = unicodedata.normalize("NFKC", value).casefold()
    if column == "moodle":
        return re.sub(r"\D", "", value)  # "Participant 12345" in the grading worksheet
    if column in ("sortname", "name"):
        return "".join(letter for letter in value if letter.isalnum())
    return " ".join(value.split())
