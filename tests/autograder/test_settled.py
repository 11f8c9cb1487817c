"""Grades that a person gave, when work is graded again.

That is after a resubmission, or after a mistake in the tests was mended.
"""

from datetime import UTC, datetime

import nbformat
import pytest
from nbformat.v4 import new_markdown_cell

from autograder.gradebook.database import open_gradebook
from autograder.gradebook.grades import read_grades
from autograder.gradebook.record import due
from autograder.gradebook.timestamps import write_timestamp
from autograder.handing_out.assignment import generate
from autograder.quiet import quiet
from autograder.running.engine import grade


@pytest.fixture
def course(tiny):
    """The tiny course with a written answer of 2 points; s01 to s04 are graded, that answer by a person."""
    path = tiny.settings.source / "tiny" / "tiny.ipynb"
    notebook = nbformat.read(path, as_version=4)
    about = {
        "grade": True,
        "grade_id": "why",
        "locked": False,
        "points": 2,
        "schema_version": 3,
        "solution": True,
        "task": False,
    }
    notebook.cells.append(new_markdown_cell("Because.", metadata={"nbgrader": about}, id="why"))
    nbformat.write(notebook, path)
    generate(tiny.settings, "tiny")
    for student in STUDENTS:
        hand_in(tiny, student)
    assert not any(outcome.problem for outcome in grade(tiny.settings, "tiny", STUDENTS))
    for student in STUDENTS:
        give(tiny, student, "why", 1.5)
        give(tiny, student, "first_test", 2.5)
    return tiny


STUDENTS = ["s01", "s02", "s03", "s04"]


def hand_in(course, student, first="first = 41", why="It is so."):
    path = course.hand_in(student, first=first)
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[-1].source = why
    nbformat.write(notebook, path)


def give(course, student, cell, points):
    with quiet(course.settings.log), open_gradebook(course.settings) as gradebook:
        grade = gradebook.find_grade(cell, "tiny", "tiny", student)
        grade.manual_score, grade.needs_manual_grade = points, False
        gradebook.db.commit()


def state(course, student):
    """Of both cells that a person graded: the person's points, and whether somebody has to look again."""
    with quiet(course.settings.log), open_gradebook(course.settings) as gradebook:
        grades = [gradebook.find_grade(cell, "tiny", "tiny", student) for cell in ("first_test", "why")]
        return [(grade.manual_score, grade.needs_manual_grade) for grade in grades]


STANDS, LOOK_AGAIN = False, True


def test_grades_by_hand_stand_unless_the_answer_changed(course):
    hand_in(course, "s02", why="It is otherwise.")
    hand_in(course, "s03", first="first = 42")
    # nothing changed but when it came
    write_timestamp(course.path("s04").parent, datetime(2026, 10, 1, tzinfo=UTC))
    assert due(course.settings, "tiny", STUDENTS) == ["s02", "s03", "s04"]
    grade(course.settings, "tiny", STUDENTS)
    assert state(course, "s01") == [(2.5, STANDS), (1.5, STANDS)]
    assert state(course, "s02") == [(2.5, LOOK_AGAIN), (1.5, LOOK_AGAIN)]  # a check may read any answer
    assert state(course, "s03") == [(2.5, LOOK_AGAIN), (1.5, STANDS)]
    assert state(course, "s04") == [(2.5, STANDS), (1.5, STANDS)]
    assert read_grades(course.settings, "tiny")["s01"].total == 2.5 + 1 + 1.5
    # who was to be looked at again still is, when graded again
    grade(course.settings, "tiny", ["s02"])
    assert state(course, "s02") == [(2.5, LOOK_AGAIN), (1.5, LOOK_AGAIN)]


@pytest.mark.slow
def test_a_mended_test_is_looked_at_where_it_gives_other_points(course):
    path = course.settings.source / "tiny" / "tiny.ipynb"
    path.write_text(path.read_text().replace("else 1.0", "else 2.0"))
    generate(course.settings, "tiny")
    grade(course.settings, "tiny", ["s01"])
    with quiet(course.settings.log), open_gradebook(course.settings) as gradebook:
        assert gradebook.find_grade("first_test", "tiny", "tiny", "s01").auto_score == 2
    assert state(course, "s01") == [(2.5, LOOK_AGAIN), (1.5, STANDS)]
