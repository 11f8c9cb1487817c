"""nbgrader's own commands, from the root of a course, with nothing to set but nbgrader_config.py."""

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from autograder.points import read_points
from autograder.settings import Settings

pytestmark = pytest.mark.xdist_group("demo")

STUDENTS = ("right-noisy-loops", "deleted-test-cell")


def _nbgrader(*arguments: str, course: Path) -> str:
    """nbgrader, started without the environment being activated: what it calls in turn is not on PATH."""
    path = os.pathsep.join(part for part in os.environ["PATH"].split(os.pathsep) if not (Path(part) / "alembic").exists())
    command = [sys.executable, "-m", "nbgrader", *arguments]
    done = subprocess.run(command, cwd=course, env={**os.environ, "PATH": path}, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def course(tmp_path_factory, root, demo) -> Path:
    """A copy of the course, taken through nbgrader's three steps with some of the demo's submissions."""
    folder = tmp_path_factory.mktemp("plain")
    shutil.copy(root / "nbgrader_config.py", folder)
    shutil.copytree(root / "solutions" / "01_graphs", folder / "solutions" / "01_graphs")
    _nbgrader("generate_assignment", "01_graphs", course=folder)
    for student in STUDENTS:
        shutil.copytree(demo.settings.submitted / student, folder / "autograder" / "work" / "submitted" / student)
    _nbgrader("autograde", "01_graphs", course=folder)
    _nbgrader("generate_feedback", "01_graphs", course=folder)
    return folder


def test_generates_what_autograder_generates(course, demo):
    made = course / "assignments" / "01_graphs" / "01_graphs.ipynb"
    assert made.read_bytes() == (demo.settings.released / "01_graphs" / "01_graphs.ipynb").read_bytes()


def test_gives_the_same_points(course, demo):
    ours, theirs = read_points(demo.settings, "01_graphs"), read_points(Settings(course), "01_graphs")
    assert {student: theirs[student] for student in STUDENTS} == {student: ours[student] for student in STUDENTS}


def test_makes_the_same_gradebook(course, demo):
    def version(settings: Settings) -> list:
        with closing(sqlite3.connect(settings.gradebook)) as gradebook:
            return gradebook.execute("SELECT version_num FROM alembic_version").fetchall()

    assert version(Settings(course)) == version(demo.settings)


def test_feedback_shows_no_hidden_tests(course):
    for student in STUDENTS:
        page = (course / "autograder" / "work" / "feedback" / student / "01_graphs" / "01_graphs.html").read_text()
        assert "HIDDEN TESTS" not in page


def test_validate_lists_what_is_missing(course):
    said = _nbgrader("validate", "assignments/01_graphs/01_graphs.ipynb", course=course)
    assert "VALIDATION FAILED ON 8 CELL(S)" in said
