"""What the gradebook holds for one assignment, read for the whole class with a handful of queries."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from nbgrader.api import Assignment, Comment, Grade, Gradebook, Notebook, Student, SubmittedAssignment, SubmittedNotebook

from autograder.gradebook.record import NOT_GRADED

Place = tuple[str, str]
"""A cell: its notebook's name and its own."""


@dataclass(frozen=True)
class CellGrade:
    """The points for one cell."""

    points: float
    most: float
    waits: bool = False
    """Whether a person has to look at it first."""
    by_hand: bool = False
    """Whether a person gave the points."""

    def agrees_with(self, points: float, most: float) -> bool:
        """Whether a verdict is about these points; a person may have given others since."""
        return abs(most - self.most) < 1e-6 and (self.by_hand or abs(points - self.points) < 1e-6)


@dataclass(frozen=True)
class Remark:
    """What was written about a cell."""

    by_hand: str = ""
    automatic: str = ""


@dataclass
class Submission:
    """One student's row."""

    student: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    lms_id: str = ""
    handed_in: bool = False
    penalty: float = 0.0
    """Points taken for being late."""
    grades: dict[Place, CellGrade] = field(default_factory=dict)
    remarks: dict[Place, Remark] = field(default_factory=dict)

    @property
    def points(self) -> float:
        """All points so far; lateness never costs more than there are."""
        return max(0.0, sum(grade.points for grade in self.grades.values()) - self.penalty)

    @property
    def problem(self) -> str:
        """Why the submission could not be graded; empty when it was."""
        said = (remark.automatic for remark in self.remarks.values() if remark.automatic.startswith(NOT_GRADED))
        return next(said, "").removeprefix(NOT_GRADED)

    @property
    def waits(self) -> list[Place]:
        """The cells that a person has to look at."""
        return [place for place, grade in self.grades.items() if grade.waits]

    @property
    def name(self) -> str:
        """As people write it; the id where the gradebook knows no name."""
        return f"{self.first_name} {self.last_name}".strip() or self.student


def read_submissions(gradebook: Gradebook, assignment: str, student: str | None = None) -> list[Submission]:
    """Every student of the gradebook, by id, or the one who is asked for.

    Raises:
        MissingEntry: there is no such assignment.
    """
    known = gradebook.find_assignment(assignment)
    people = gradebook.db.query(Student.id, Student.first_name, Student.last_name, Student.email, Student.lms_user_id)
    if student is not None:
        people = people.filter(Student.id == student)
    found = {
        owner: Submission(owner, first or "", last or "", email or "", lms_id or "")
        for owner, first, last, email, lms_id in people.order_by(Student.id)
    }
    for owner, penalty in _of(gradebook, known, student, SubmittedNotebook.late_submission_penalty):
        found[owner].handed_in = True
        found[owner].penalty += float(penalty or 0.0)
    cells = {cell.id: cell for notebook in known.notebooks for cell in (*notebook.grade_cells, *notebook.task_cells)}
    columns = (Notebook.name, Grade.cell_id, Grade.score, Grade.needs_manual_grade, Grade.manual_score, Grade.extra_credit)
    for owner, notebook, cell, score, waits, manual, extra in _of(gradebook, known, student, *columns, joined=Grade):
        grade = CellGrade(
            float(score or 0.0), float(cells[cell].max_score or 0.0), bool(waits), (manual, extra) != (None, None)
        )
        found[owner].grades[notebook, cells[cell].name] = grade
    answers = {cell.id: cell.name for notebook in known.notebooks for cell in (*notebook.solution_cells, *notebook.task_cells)}
    columns = (Notebook.name, Comment.cell_id, Comment.manual_comment, Comment.auto_comment)
    for owner, notebook, cell, manual, automatic in _of(gradebook, known, student, *columns, joined=Comment):
        found[owner].remarks[notebook, answers[cell]] = Remark(manual or "", automatic or "")
    return list(found.values())


def _of(
    gradebook: Gradebook, assignment: Assignment, student: str | None, *columns: Any, joined: Any = None
) -> Iterator[tuple[Any, ...]]:
    """Columns of what was handed in for an assignment, the student before them."""
    query = gradebook.db.query(SubmittedAssignment.student_id, *columns).select_from(SubmittedAssignment)
    query = query.join(SubmittedNotebook, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
    query = query.join(Notebook, Notebook.id == SubmittedNotebook.notebook_id)
    if joined is not None:
        query = query.join(joined, joined.notebook_id == SubmittedNotebook.id)
    query = query.filter(SubmittedAssignment.assignment_id == assignment.id)
    return iter(query.filter(SubmittedAssignment.student_id == student) if student is not None else query)
