"""Grading a class: nothing stops it, and nothing graded is lost."""

import html
import os
import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path

import nbformat
import pytest

from autograder.gradebook.grades import read_grades
from autograder.gradebook.remarks import not_graded
from autograder.pages.writing import feedback
from autograder.running.engine import grade
from tests.autograder.conftest import AUTOGRADER


def _points(tiny, student):
    return tuple(read_grades(tiny.settings, "tiny")[student].points.values())


@pytest.mark.slow
def test_partial_credit_and_missing_gradebook(tiny):
    tiny.hand_in("ada", first="first = 41")
    assert [outcome.problem for outcome in grade(tiny.settings, "tiny", ["ada"])] == [None]
    assert _points(tiny, "ada") == (1, 1)
    # noted in the gradebook, without touching students' notebooks
    assert not (tiny.settings.released / "tiny").exists()


EARNED = {
    "exits": (("first = 42\nexit()", "second = 'b'"), (4, 1)),  # a notebook's kernel survives exit()
    "dies-early": (("import os\nos._exit(1)", "second = 'b'"), (0, 0)),
    "dies-late": (("first = 42", "import os\nos._exit(1)"), (4, 0)),
    "stumbles": (("first = nothing", "second = 'b'"), (0, 1)),
    "fails-hidden": (("first = 10**6", "second = 'b'"), (0, 1)),
    "is-noisy": (
        ("import sys, warnings\nfirst = 42\nprint('!', file=sys.stderr)\nwarnings.warn('?')", "second = 'b'"),
        (4, 1),
    ),
    "noisy-when-tested": (
        (
            "class A:\n    def __eq__(self, x):\n        import sys; print('!', file=sys.stderr); return "
            "True\n"
            "    def __lt__(self, x):\n        return True\nfirst = A()",
            "second = 'b'",
        ),
        (4, 1),
    ),
    "invents-points": (
        (
            "class A(float):\n    def __eq__(self, x):\n        return True\nfirst = A(1)",
            "float = lambda x: 77.0",
        ),
        (4, 0),
    ),
    "shows-no-number": (("first = 42", "float = lambda x: 'full marks'"), (4, 0)),
    "shows-nothing": (("first = 42", "float = lambda x: None"), (4, 0)),
}


@pytest.mark.slow
def test_points_keep_what_was_earned_and_no_more(tiny):
    for student, ((first, second), _) in EARNED.items():
        tiny.hand_in(student, first, second)
    assert {outcome.problem for outcome in grade(tiny.settings, "tiny", list(EARNED))} == {None}
    assert {student: _points(tiny, student) for student in EARNED} == {
        student: points for student, (_, points) in EARNED.items()
    }
    died = (tiny.settings.autograded / "dies-late" / "tiny" / "tiny.ipynb").read_text()
    assert "The notebook stopped in this cell, and nothing below was run" in died


def _not_json(path):
    path.write_text("{ 'cells': [")


def _not_a_notebook(path):
    path.write_text('{"cells": 3}')


def _not_text(path):
    path.write_bytes(b"\xff\xfe\x00PK")


def _missing(path):
    path.rename(path.with_name("Copy of tiny.ipynb"))


def _future(path):
    path.write_text(path.read_text().replace('"nbformat": 4', '"nbformat": 9'))


BROKEN = {
    _not_json: "tiny.ipynb is not JSON (line 1",
    _not_a_notebook: "tiny.ipynb is JSON but no notebook",
    _not_text: "tiny.ipynb is not text",
    _missing: "tiny.ipynb is missing (Copy of tiny.ipynb)",
    _future: "tiny.ipynb is JSON but no notebook",
}


def test_unreadable_submissions_get_nothing_and_a_reason_and_stop_nobody(tiny):
    names = [breaking.__name__ for breaking in BROKEN]
    for breaking in BROKEN:
        breaking(tiny.hand_in(breaking.__name__))
    tiny.hand_in("fine")
    *broken, fine = grade(tiny.settings, "tiny", [*names, "fine"])
    assert (fine.problem, _points(tiny, "fine")) == (None, (4, 1))
    with closing(sqlite3.connect(tiny.settings.gradebook)) as gradebook:
        recorded = {
            comment for (comment,) in gradebook.execute("SELECT auto_comment FROM comment") if comment
        }
    feedback(tiny.settings, "tiny", names)
    for outcome, expected in zip(broken, BROKEN.values(), strict=True):
        assert str(outcome.problem).startswith(expected)
        assert "\n" not in str(outcome.problem)
        assert _points(tiny, outcome.student) == (0, 0)
        assert not_graded(outcome.problem) in recorded
        page = (tiny.settings.feedback / outcome.student / "tiny" / "tiny.html").read_text()
        assert html.escape(expected) in page


def test_regrading_a_file_that_is_broken_now_keeps_the_earlier_grade(tiny):
    _not_json_after = tiny.hand_in("ada", first="first = 41")
    grade(tiny.settings, "tiny", ["ada"])
    before = (tiny.settings.autograded / "ada" / "tiny" / "tiny.ipynb").read_bytes()
    _not_json(_not_json_after)
    (outcome,) = grade(tiny.settings, "tiny", ["ada"])
    assert outcome.kept
    assert "not JSON" in str(outcome.problem)
    assert _points(tiny, "ada") == (1, 1)
    assert (tiny.settings.autograded / "ada" / "tiny" / "tiny.ipynb").read_bytes() == before


def test_a_repaired_file_is_graded_and_its_reason_forgotten(tiny):
    _not_json(tiny.hand_in("ada"))
    grade(tiny.settings, "tiny", ["ada"])
    tiny.hand_in("ada")
    assert grade(tiny.settings, "tiny", ["ada"])[0].problem is None
    row = read_grades(tiny.settings, "tiny")["ada"]
    assert (row.total, row.problem) == (5, "")


@pytest.mark.slow
def test_regrading_keeps_the_earlier_grade_when_writing_it_fails(tiny, monkeypatch):
    tiny.hand_in("ada")
    grade(tiny.settings, "tiny", ["ada"])
    graded = tiny.settings.autograded / "ada" / "tiny" / "tiny.ipynb"
    before = graded.read_bytes()

    def fail(*args):
        raise OSError("the disk is full")

    monkeypatch.setattr("autograder.nbgrader_steps.steps.Replay.preprocess", fail)
    (outcome,) = grade(tiny.settings, "tiny", ["ada"])
    assert str(outcome.problem) == "nbgrader stopped: OSError: the disk is full"
    assert outcome.kept
    assert graded.read_bytes() == before
    assert _points(tiny, "ada") == (4, 1)


@pytest.mark.slow
def test_deleted_cells_come_back_in_their_places(tiny):
    path = tiny.hand_in("ada", first="first = 41")
    notebook = nbformat.read(path, as_version=4)
    notebook.cells = [
        cell for cell in notebook.cells if cell.metadata.nbgrader.grade_id in ("first", "second")
    ]
    nbformat.write(notebook, path)
    grade(tiny.settings, "tiny", ["ada"])
    assert _points(tiny, "ada") == (1, 1)


@pytest.mark.slow
def test_a_cell_that_was_copied_and_pasted_counts_once(tiny):
    path = tiny.hand_in("ada", first="first = 41")
    notebook = nbformat.read(path, as_version=4)
    notebook.cells += [cell.copy() for cell in notebook.cells]
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"
    notebook.cells[-1].metadata.tags = ["skip-execution"]
    nbformat.write(notebook, path)
    assert grade(tiny.settings, "tiny", ["ada"])[0].problem is None
    assert _points(tiny, "ada") == (1, 1)


def test_ctrl_c_keeps_what_is_graded_and_leaves_nothing_running(tiny):
    students = ["a", "b", "c", "d"]
    tiny.hand_in("a")
    for student in students[1:]:
        tiny.hand_in(student, first="marker = 'autograder-loops'\nwhile True:\n    pass")
    process = subprocess.Popen(
        [*AUTOGRADER, "grade", "tiny"],
        cwd=tiny.settings.root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    graded = tiny.settings.autograded / "a" / "tiny" / "tiny.ipynb"
    end = time.monotonic() + 60
    while time.monotonic() < end and not (graded.exists() and '"execution_count": 1' in graded.read_text()):
        time.sleep(0.1)
    time.sleep(0.5)
    os.killpg(process.pid, signal.SIGINT)
    _, complaints = process.communicate(timeout=20)
    assert process.returncode == 130
    assert complaints.strip().splitlines()[-1].startswith("autograder: stopped; what is graded stays graded")
    assert "Traceback" not in complaints
    assert _points(tiny, "a") == (4, 1)
    assert [row.student for row in read_grades(tiny.settings, "tiny").submissions] == ["a"]
    end = time.monotonic() + 10
    while (running := _kernels_under(tiny.settings.root)) and time.monotonic() < end:
        time.sleep(0.2)
    assert not running


def _kernels_under(root) -> list[str]:
    """Processes that work in a folder of this test's submissions."""
    found = []
    for entry in os.listdir("/proc"):
        try:
            if entry.isdigit() and "ipykernel" in Path(f"/proc/{entry}/cmdline").read_text():
                found.append(os.readlink(f"/proc/{entry}/cwd"))
        except OSError:
            continue
    return [folder for folder in found if "/autograded/" in folder and folder.endswith("/tiny")]
