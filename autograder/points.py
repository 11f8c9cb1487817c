"""Who has how many points: the gradebook as a table of students and exercises."""

from dataclasses import dataclass

from nbgrader.api import Gradebook, MissingEntry
from rich.table import Table

from autograder.quiet import quiet
from autograder.record import NOT_GRADED
from autograder.settings import COURSE_ID, Settings


@dataclass(frozen=True)
class Row:
    """One student: points by exercise (None where a person has to grade), or nothing handed in, or a problem."""

    student: str
    points: dict[str, float | None]
    handed_in: bool = True
    problem: str = ""

    @property
    def total(self) -> float:
        """All points so far."""
        return sum(points or 0.0 for points in self.points.values())


@dataclass(frozen=True)
class Points:
    """All rows, and the most that each exercise gives, in the notebook's order."""

    most: dict[str, float]
    rows: list[Row]

    def __getitem__(self, student: str) -> Row:
        return {row.student: row for row in self.rows}[student]


def read_points(settings: Settings, assignment: str) -> Points:
    """Everyone in the gradebook."""
    with quiet(settings.log), Gradebook(f"sqlite:///{settings.gradebook}", COURSE_ID) as gradebook:
        (notebook,) = gradebook.find_assignment(assignment).notebooks
        order = [cell.name for cell in notebook.source_cells]
        cells = sorted(notebook.grade_cells, key=lambda cell: order.index(cell.name))
        most = {exercise_of(cell.name): float(cell.max_score) for cell in cells}
        rows = []
        for student in gradebook.students:
            try:
                submitted = gradebook.find_submission_notebook(notebook.name, assignment, student.id)
            except MissingEntry:
                rows.append(Row(student.id, {}, handed_in=False))
                continue
            grades = {exercise_of(grade.name): None if grade.needs_manual_grade else grade.score for grade in submitted.grades}
            comments = (comment.auto_comment or "" for comment in submitted.comments)
            problem = next((text.removeprefix(NOT_GRADED) for text in comments if text.startswith(NOT_GRADED)), "")
            rows.append(Row(student.id, {name: grades[name] for name in most}, problem=problem))
    return Points(most, sorted(rows, key=lambda row: row.student))


def exercise_of(cell: str) -> str:
    """The exercise that a graded cell belongs to: 'max_test' grades 'max'."""
    return cell.removesuffix("_test")


def points_table(points: Points, title: str, notes: dict[str, str]) -> Table:
    """The table as it is printed; `notes` adds remarks by student."""
    table = Table(title=title, title_justify="left", caption="✎ to be graded by hand · — not handed in", caption_justify="left")
    table.add_column("student", no_wrap=True)
    for name, most in points.most.items():
        table.add_column(f"{name.replace('_', ' ')}\n{most:g}", justify="right", overflow="fold")
    table.add_column(f"total\n{sum(points.most.values()):g}", justify="right", style="bold")
    for row in points.rows:
        cells = [_shown(row, name) for name in points.most]
        table.add_row(row.student, *cells, f"{row.total:g}" if row.handed_in else "—", style="red" if row.problem else "")
    for row in points.rows:
        remark = notes.get(row.student) or row.problem
        if remark:
            table.caption = f"{table.caption}\n{row.student}: {remark}"
    return table


def _shown(row: Row, name: str) -> str:
    if not row.handed_in:
        return "—"
    points = row.points[name]
    return "✎" if points is None else f"{points:g}"
