"""Who has how many points: the gradebook as a table of students and exercises."""

from dataclasses import dataclass

from nbgrader.api import Gradebook, MissingEntry
from rich import box
from rich.table import Table

from autograder.gradebook.database import open_gradebook
from autograder.gradebook.record import NOT_GRADED
from autograder.quiet import quiet
from autograder.running.harden import Blueprint
from autograder.settings import Settings


@dataclass(frozen=True)
class Row:
    """One student: points by exercise (None where a person has to grade), or nothing handed in, or a problem."""

    student: str
    points: dict[str, float | None]
    handed_in: bool = True
    problem: str = ""
    penalty: float = 0.0
    """Points taken for being late."""

    @property
    def total(self) -> float:
        """All points so far; lateness never costs more than there are."""
        return max(0.0, sum(points or 0.0 for points in self.points.values()) - self.penalty)


@dataclass(frozen=True)
class Points:
    """All rows, and the most that each exercise gives, in the notebook's order."""

    most: dict[str, float]
    rows: list[Row]

    def __getitem__(self, student: str) -> Row:
        return {row.student: row for row in self.rows}[student]


def read_points(settings: Settings, assignment: str) -> Points:
    """Everyone in the gradebook."""
    with quiet(settings.log), open_gradebook(settings) as gradebook:
        most: dict[str, float] = {}
        for name in sorted(str(notebook.name) for notebook in gradebook.find_assignment(assignment).notebooks):
            blueprint = Blueprint.of(gradebook, assignment, name, settings.source / assignment / f"{name}.ipynb")
            most |= {exercise_of(cell.name): cell.points for cell in blueprint.cells if cell.points is not None}
        rows = [_row(gradebook, assignment, str(student.id), most) for student in gradebook.students]
    return Points(most, sorted(rows, key=lambda row: row.student))


def _row(gradebook: Gradebook, assignment: str, student: str, most: dict[str, float]) -> Row:
    try:
        submission = gradebook.find_submission(assignment, student)
    except MissingEntry:
        return Row(student, {}, handed_in=False)
    points: dict[str, float | None] = dict.fromkeys(most, 0.0)
    problem, penalty = "", 0.0
    for notebook in submission.notebooks:
        penalty += notebook.late_submission_penalty or 0.0
        points |= {exercise_of(grade.name): None if grade.needs_manual_grade else grade.score for grade in notebook.grades}
        for comment in notebook.comments:
            if (comment.auto_comment or "").startswith(NOT_GRADED):
                problem = comment.auto_comment.removeprefix(NOT_GRADED)
    return Row(student, points, problem=problem, penalty=penalty)


def exercise_of(cell: str) -> str:
    """The exercise that a graded cell belongs to: 'max_test' grades 'max'."""
    return cell.removesuffix("_test")


def points_table(points: Points, title: str) -> Table:
    """The table as it is printed."""
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=0, show_edge=False)
    table.add_column("student", no_wrap=True)
    late = any(row.penalty for row in points.rows)
    for name, most in points.most.items():
        table.add_column(f"{name.replace('_', chr(10))}\nof {most:g}", justify="right", vertical="bottom")
    if late:
        table.add_column("late", justify="right", vertical="bottom")
    table.add_column(f"total\nof {sum(points.most.values()):g}", justify="right", vertical="bottom")
    for row in points.rows:
        total = f"{row.total:g}" if row.handed_in else "—"
        penalty = [f"−{row.penalty:g}" if row.penalty else ""] if late else []
        shown = [*(_shown(row, name) for name in points.most), *penalty, total]
        table.add_row(row.student, *shown, style="red" if row.problem else "")
    return table


def _shown(row: Row, name: str) -> str:
    if not row.handed_in:
        return "—"
    points = row.points[name]
    return "✎" if points is None else f"{points:g}"
