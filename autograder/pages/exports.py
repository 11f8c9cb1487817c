"""Grades for Canvas and Moodle, as CSV files that their gradebooks import.

nbgrader export --exporter=autograder.pages.exports.CanvasExportPlugin --to=canvas.csv
nbgrader export --exporter=autograder.pages.exports.MoodleExportPlugin --to=moodle.csv
"""

import csv
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from nbgrader.api import Gradebook, MissingEntry
from nbgrader.plugins import ExportPlugin
from traitlets import Dict, Unicode

from autograder.errors import AutograderError
from autograder.gradebook.database import open_gradebook
from autograder.gradebook.grades import Submission, read_submissions
from autograder.pages.page import points
from autograder.quiet import quiet
from autograder.settings import Settings

FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
"""With what a cell begins that a spreadsheet computes instead of showing it."""

POINTS_POSSIBLE = "Points Possible"
"""How Canvas knows the row of the maximum points: wherever its first cell holds these words."""


class LmsExportPlugin(ExportPlugin):
    """A row for each student who has final points, a column for each assignment.

    Points are final when no person has to look at them anymore. Whoever has none is left out: both systems
    take an empty cell for "no grade", and would clear what stands there.
    """

    columns = Dict(
        value_trait=Unicode(),
        key_trait=Unicode(),
        help="By assignment, the column's title, where it is not the assignment's name.",
    ).tag(config=True)

    filename = "grades.csv"
    written: int
    left_out: dict[str, str]
    """After an export: how many students have a row, and by student why the others have none."""

    def export(self, gradebook: Gradebook) -> None:
        """Write the file."""
        names = [str(name) for name in self.assignment] or [
            str(assignment.name) for assignment in gradebook.assignments
        ]
        most = [float(gradebook.find_assignment(name).max_score or 0.0) for name in names]
        wanted = {str(student) for student in self.student}
        grades: dict[str, list[float | None]] = {}
        people: dict[str, Submission] = {}
        self.left_out = {}
        for position, name in enumerate(names):
            for submission in read_submissions(gradebook, name):
                if not wanted or submission.student in wanted:
                    people[submission.student] = submission
                    reason = _unfinished(submission)
                    grades.setdefault(submission.student, [None] * len(names))[position] = (
                        submission.total if reason is None else None
                    )
                    if reason is not None:
                        self.left_out[submission.student] = reason
        rows = {student: row for student, row in grades.items() if any(grade is not None for grade in row)}
        self.written = len(rows)
        self.left_out = {student: reason for student, reason in self.left_out.items() if student not in rows}
        if any(None in row for row in rows.values()):
            self.log.warning(
                "Empty cells clear grades where the file is imported: export one assignment at a time"
            )
        titles = [self.columns.get(name, name) for name in names]
        with Path(self.to or self.filename).open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerows(self.head(titles, most))
            writer.writerows(
                [
                    *map(plain, self.person(people[student])),
                    *("" if grade is None else points(grade) for grade in row),
                ]
                for student, row in rows.items()
            )

    def head(self, titles: Sequence[str], most: Sequence[float]) -> list[list[str]]:
        """The rows above the students."""
        raise NotImplementedError

    def person(self, student: Submission) -> list[str]:
        """The cells that say who it is."""
        raise NotImplementedError


class CanvasExportPlugin(LmsExportPlugin):
    """Canvas's gradebook: Grades, Import. It finds students by ID, else by SIS Login ID, else by name.

    An assignment is found by its number in Canvas, "Graphs (4711)", or by its title; one that is not found is
    made. Source: instructure/canvas-lms, lib/gradebook_importer.rb.
    """

    filename = "canvas.csv"

    def head(self, titles: Sequence[str], most: Sequence[float]) -> list[list[str]]:
        """Column titles, and the row of the maximum points."""
        return [
            ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", *titles],
            [f"    {POINTS_POSSIBLE}", "", "", "", "", *map(points, most)],
        ]

    def person(self, student: Submission) -> list[str]:
        """The gradebook's student id is the login.

        Canvas's own number is there if the gradebook has it as lms_user_id.
        """
        name = ", ".join(filter(None, (student.last_name, student.first_name))) or student.student
        return [name.replace(POINTS_POSSIBLE, ""), student.lms_id, "", student.student, ""]


class MoodleExportPlugin(LmsExportPlugin):
    """Moodle's gradebook: Grades, Import, CSV file.

    There one chooses by which of the first columns students are found.

    Source: docs.moodle.org, Grade import; moodle/moodle, grade/import/csv/classes/load_data.php.
    """

    filename = "moodle.csv"

    def head(self, titles: Sequence[str], most: Sequence[float]) -> list[list[str]]:
        """Column titles. The maximum points are the grade item's in Moodle."""
        return [["Username", "ID number", "Email address", "First name", "Last name", *titles]]

    def person(self, student: Submission) -> list[str]:
        """The gradebook's student id is the user name, its lms_user_id the ID number."""
        return [student.student, student.lms_id, student.email, student.first_name, student.last_name]


PLUGINS: dict[str, type[LmsExportPlugin]] = {"canvas": CanvasExportPlugin, "moodle": MoodleExportPlugin}


def write_export(settings: Settings, assignment: str, lms: str, path: Path, column: str) -> dict[str, str]:
    """Write one assignment's final grades for an LMS.

    Returns:
        who is left out, and why.

    Raises:
        AutograderError: nobody has final points yet.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    plugin = PLUGINS[lms](to=str(path), assignment=[assignment], columns={assignment: column})
    with quiet(settings.log), open_gradebook(settings) as gradebook:
        try:
            plugin.export(gradebook)
        except MissingEntry:
            raise AutograderError(
                f"nothing of '{assignment}'", "is graded yet", f"autograder grade {assignment}"
            ) from None
    if not plugin.written:
        path.unlink()
        reasons = Counter(plugin.left_out.values()).most_common()
        why = ", ".join(f"{reason}: {count}" for reason, count in reasons) or "nobody handed in anything"
        cause = f"has final points in '{assignment}' yet ({why})"
        raise AutograderError("nobody", cause, "grade by hand in the formgrader first")
    return plugin.left_out


def plain(text: str) -> str:
    """Text for one cell, which no spreadsheet takes for a formula."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return f"'{line}" if line.startswith(FORMULA) else line


def _unfinished(submission: Submission) -> str | None:
    """Why a submission has no final points; None when it has."""
    if not submission.handed_in:
        return "handed in nothing"
    if submission.problem:
        return "could not be graded"
    return "waits for a person" if submission.waits else None
