"""The one reader of the gradebook: a class's grades for an assignment, with a handful of queries for all."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self, TypeVar

from nbgrader.api import (
    Assignment,
    Comment,
    Grade,
    Gradebook,
    Notebook,
    Student,
    SubmittedAssignment,
    SubmittedNotebook,
)

from autograder.gradebook.database import open_gradebook
from autograder.gradebook.notebooks import nbgrader_metadata, read_cells
from autograder.gradebook.remarks import Remark, read_remark
from autograder.quiet import quiet
from autograder.settings import Settings

Place = tuple[str, str]
"""A cell: its notebook's name and its own."""

T = TypeVar("T")


def exercise_of(cell: str) -> str:
    """The exercise that a graded cell belongs to: 'max_test' grades 'max'."""
    return cell.removesuffix("_test")


@dataclass(frozen=True)
class CellGrade:
    """The points for one cell: a person's where a person gave some, else the checks'."""

    points: float
    most: float
    waits: bool = False
    """Whether a person has to look at it before its points count."""
    by_hand: bool = False
    """Whether a person gave the points."""

    def agrees_with(self, points: float, most: float) -> bool:
        """Whether a verdict is about these points; a person may have given others since."""
        return abs(most - self.most) < 1e-6 and (self.by_hand or abs(points - self.points) < 1e-6)


@dataclass(frozen=True)
class Submission:
    """What the gradebook holds of one student for one assignment; nothing, unless `handed_in`."""

    student: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    lms_id: str = ""
    handed_in: bool = False
    penalties: dict[str, float] = field(default_factory=dict)
    """By notebook, the points taken for being late."""
    grades: dict[Place, CellGrade] = field(default_factory=dict)
    remarks: dict[Place, Remark] = field(default_factory=dict)

    @property
    def total(self) -> float:
        """The points so far: what is earned, less the penalty, and never less than nothing."""
        return max(0.0, self.earned - self.penalty)

    @property
    def earned(self) -> float:
        """The points that count so far, before the penalty.

        What waits for a person does not count before: that is what its student is told. In nbgrader's own
        sum, which the formgrader shows, it does. The two agree as soon as nothing waits, and only then is a
        total exported.
        """
        return sum(grade.points for grade in self.grades.values() if not grade.waits)

    @property
    def most(self) -> float:
        """The points for flawless work."""
        return sum(grade.most for grade in self.grades.values())

    @property
    def penalty(self) -> float:
        """The points taken for being late."""
        return sum(self.penalties.values())

    @property
    def points(self) -> dict[str, float | None]:
        """The points by exercise; None where a person has to look first."""
        return {
            exercise_of(cell): None if grade.waits else grade.points
            for (_, cell), grade in self.grades.items()
        }

    @property
    def problem(self) -> str:
        """Why the submission could not be graded; empty when it was."""
        return next((remark.problem for remark in self.remarks.values() if remark.problem), "")

    @property
    def waits(self) -> list[Place]:
        """The cells that a person has to look at."""
        return [place for place, grade in self.grades.items() if grade.waits]

    @property
    def name(self) -> str:
        """The student's name as people write it; the id where the gradebook knows no name."""
        return f"{self.first_name} {self.last_name}".strip() or self.student

    def of(self, notebook: str) -> Self:
        """The part of the submission that one notebook holds."""
        return replace(
            self,
            penalties={name: penalty for name, penalty in self.penalties.items() if name == notebook},
            grades={place: grade for place, grade in self.grades.items() if place[0] == notebook},
            remarks={place: remark for place, remark in self.remarks.items() if place[0] == notebook},
        )


@dataclass(frozen=True)
class ClassGrades:
    """A class's grades for one assignment."""

    assignment: str
    cells: dict[Place, float]
    """Every graded cell and the most points for it, in the order of the instructor's notebooks."""
    submissions: list[Submission]
    """Everybody in the gradebook, by id."""

    @property
    def most(self) -> dict[str, float]:
        """The most points for each exercise."""
        return {exercise_of(cell): most for (_, cell), most in self.cells.items()}

    @property
    def graded(self) -> list[Submission]:
        """Who handed in something that could be graded."""
        return [
            submission for submission in self.submissions if submission.handed_in and not submission.problem
        ]

    def __getitem__(self, student: str) -> Submission:
        return {submission.student: submission for submission in self.submissions}[student]


def read_grades(settings: Settings, assignment: str) -> ClassGrades:
    """Read everybody's grades, each with its cells in the order of the instructor's notebooks.

    Raises:
        MissingEntry: there is no such assignment in the gradebook.
    """
    with quiet(settings.log), open_gradebook(settings) as gradebook:
        submissions = read_submissions(gradebook, assignment)
        known = {
            (str(notebook.name), str(cell.name)): float(cell.max_score or 0.0)
            for notebook in gradebook.find_assignment(assignment).notebooks
            for cell in (*notebook.grade_cells, *notebook.task_cells)
        }
    order = {place: position for position, place in enumerate(_order(settings.source / assignment))}

    def sort(cells: dict[Place, T]) -> dict[Place, T]:
        return {
            place: cells[place]
            for place in sorted(cells, key=lambda place: (order.get(place, len(order)), place))
        }

    return ClassGrades(
        assignment,
        sort(known),
        [replace(submission, grades=sort(submission.grades)) for submission in submissions],
    )


def _order(source: Path) -> Iterator[Place]:
    """The cells of the instructor's notebooks: a database does not keep their order."""
    for path in sorted(source.glob("*.ipynb")):
        for cell in read_cells(path):
            yield path.stem, nbgrader_metadata(cell).get("grade_id", "")


def read_submissions(gradebook: Gradebook, assignment: str, student: str | None = None) -> list[Submission]:
    """Every student of the gradebook, by id, or the one who is asked for.

    Raises:
        MissingEntry: there is no such assignment.
    """
    known = gradebook.find_assignment(assignment)
    people = gradebook.db.query(
        Student.id, Student.first_name, Student.last_name, Student.email, Student.lms_user_id
    )
    if student is not None:
        people = people.filter(Student.id == student)
    submissions = {
        owner: Submission(owner, first or "", last or "", email or "", lms_id or "")
        for owner, first, last, email, lms_id in people.order_by(Student.id)
    }
    for owner, notebook, penalty in _of(
        gradebook, known, student, Notebook.name, SubmittedNotebook.late_submission_penalty
    ):
        submissions[owner] = replace(submissions[owner], handed_in=True)
        submissions[owner].penalties[notebook] = float(penalty or 0.0)
    cells = {
        cell.id: cell
        for notebook in known.notebooks
        for cell in (*notebook.grade_cells, *notebook.task_cells)
    }
    columns = (
        Notebook.name,
        Grade.cell_id,
        Grade.score,
        Grade.needs_manual_grade,
        Grade.manual_score,
        Grade.extra_credit,
    )
    for owner, notebook, cell, score, waits, manual, extra in _of(
        gradebook, known, student, *columns, joined=Grade
    ):
        grade = CellGrade(
            float(score or 0.0),
            float(cells[cell].max_score or 0.0),
            bool(waits),
            (manual, extra) != (None, None),
        )
        submissions[owner].grades[notebook, cells[cell].name] = grade
    answers = {
        cell.id: cell.name
        for notebook in known.notebooks
        for cell in (*notebook.solution_cells, *notebook.task_cells)
    }
    columns = (Notebook.name, Comment.cell_id, Comment.manual_comment, Comment.auto_comment)
    for owner, notebook, cell, manual, automatic in _of(gradebook, known, student, *columns, joined=Comment):
        submissions[owner].remarks[notebook, answers[cell]] = read_remark(manual, automatic)
    return list(submissions.values())


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
