"""nbgrader's own commands, from the root of a course, with nothing to set but nbgrader_config.py."""

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from autograder.demo.sample_class import sample_class
from autograder.gradebook.grades import read_grades
from autograder.settings import Settings

ASSIGNMENTS = sorted(path.parent.name for path in Path(__file__).parents[2].glob("solutions/*/*.ipynb"))
pytestmark = pytest.mark.xdist_group("demo")

NAMES = {student: sample.name for student, sample in sample_class("01_graphs").items() if sample is not None}
STUDENTS = [
    student for student, name in NAMES.items() if [*NAMES.values()].index(name) == [*NAMES].index(student)
]
"""Each submission once."""
HONEST = [student for student in STUDENTS if not NAMES[student].startswith("forges-")]
"""Without those that forge what the check in their own kernel says: nbgrader alone believes them."""
UNREADABLE = next(student for student in STUDENTS if NAMES[student] == "not-json")
"""The one submission that nbgrader cannot open: it goes on with the others, and says so with its exit
code."""
SOME = sorted({*HONEST[::4], UNREADABLE})
"""Those that are graded every time; nbgrader takes seconds for each."""


@dataclass(frozen=True)
class Plain:
    """A course that nbgrader graded, and whose submissions."""

    root: Path
    students: list[str]


def _nbgrader(*arguments: str, course: Path, fine: bool = True) -> str:
    """nbgrader, started without the environment being activated: what it calls in turn is not on PATH."""
    path = os.pathsep.join(
        part for part in os.environ["PATH"].split(os.pathsep) if not (Path(part) / "alembic").exists()
    )
    command = [sys.executable, "-m", "nbgrader", *arguments]
    done = subprocess.run(
        command, cwd=course, env={**os.environ, "PATH": path}, capture_output=True, text=True, timeout=180
    )
    assert (done.returncode == 0) is fine, done.stderr[-3000:]
    return done.stdout + done.stderr


@pytest.fixture(
    scope="module", params=[SOME, pytest.param(HONEST, marks=pytest.mark.slow)], ids=["some", "all"]
)
def course(tmp_path_factory, root, demo, request) -> Plain:
    """A copy of the course, taken through nbgrader's three steps with the demo's submissions."""
    folder = tmp_path_factory.mktemp("plain")
    shutil.copy(root / "nbgrader_config.py", folder)
    shutil.copytree(root / "solutions" / "01_graphs", folder / "solutions" / "01_graphs")
    _nbgrader("generate_assignment", "01_graphs", course=folder)
    for student in request.param:
        shutil.copytree(
            demo.settings.submitted / student, folder / "autograder" / "work" / "submitted" / student
        )
    _nbgrader("autograde", "01_graphs", course=folder, fine=False)
    _nbgrader("generate_feedback", "01_graphs", course=folder)
    return Plain(folder, request.param)


def test_generates_what_autograder_generates(course, demo):
    made = course.root / "assignments" / "01_graphs" / "01_graphs.ipynb"
    assert made.read_bytes() == (demo.settings.released / "01_graphs" / "01_graphs.ipynb").read_bytes()


def test_gives_the_same_points(course, demo):
    ours, theirs = read_grades(demo.settings, "01_graphs"), read_grades(Settings(course.root), "01_graphs")
    assert len(HONEST) >= 17
    assert len(course.students) >= 5
    for row in (ours[student] for student in course.students):
        assert theirs[row.student].total == row.total, row.student
        if row.student != UNREADABLE:
            assert theirs[row.student] == row


def test_gives_the_same_scores_byte_for_byte(course, demo):
    def scores(settings: Settings) -> bytes:
        query = """
            SELECT submitted_assignment.student_id, base_cell.name, grade.auto_score, grade.manual_score, grade.extra_credit,
                   grade.needs_manual_grade
            FROM grade JOIN submitted_notebook ON grade.notebook_id = submitted_notebook.id
            JOIN submitted_assignment ON submitted_notebook.assignment_id = submitted_assignment.id
            JOIN base_cell ON grade.cell_id = base_cell.id
            ORDER BY 1, 2
        """
        with closing(sqlite3.connect(settings.gradebook)) as gradebook:
            rows = gradebook.execute(query).fetchall()
        return repr([row for row in rows if row[0] in course.students and row[0] != UNREADABLE]).encode()

    assert len(scores(demo.settings)) > 50 * len(course.students)
    assert scores(Settings(course.root)) == scores(demo.settings)


def test_makes_the_same_gradebook(course, demo):
    def version(settings: Settings) -> list:
        with closing(sqlite3.connect(settings.gradebook)) as gradebook:
            return gradebook.execute("SELECT version_num FROM alembic_version").fetchall()

    assert version(Settings(course.root)) == version(demo.settings)


def test_feedback_shows_no_hidden_tests(course):
    pages = list((course.root / "autograder" / "work" / "feedback").glob("*/01_graphs/01_graphs.html"))
    assert len(pages) == len(course.students) - 1, "all but the one that cannot be opened"
    for page in pages:
        assert "HIDDEN TESTS" not in page.read_text()


def test_validate_lists_what_is_missing(course):
    said = _nbgrader("validate", "assignments/01_graphs/01_graphs.ipynb", course=course.root)
    assert "VALIDATION FAILED ON 8 CELL(S)" in said


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[] if name == "03_losses" else pytest.mark.slow) for name in ASSIGNMENTS],
)
def test_a_solution_earns_everything_but_the_written_answer(name, root, tmp_path):
    shutil.copy(root / "nbgrader_config.py", tmp_path)
    shutil.copytree(root / "solutions" / name, tmp_path / "solutions" / name)
    shutil.copytree(
        root / "solutions" / name, tmp_path / "autograder" / "work" / "submitted" / "solution" / name
    )
    _nbgrader("generate_assignment", name, course=tmp_path)
    _nbgrader("autograde", name, course=tmp_path)
    points = read_grades(Settings(tmp_path), name)
    assert points["solution"].points == {**points.most, "written": None}
