"""kill -9 at any moment of grading: no grade is lost or doubled, and nothing keeps running.

The same command goes on afterwards.
"""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path

import nbformat
import pytest

from autograder.gradebook.database import open_gradebook
from autograder.gradebook.grades import read_grades
from autograder.gradebook.record import due
from autograder.quiet import quiet

pytestmark = pytest.mark.xdist_group("crash")

DEADLY = """
import os, signal, sys

what, number, count = sys.argv[1], int(sys.argv[2]), 0

def deadly(call):
    def counted(*arguments, **options):
        global count
        count += 1
        if count == number:
            os.killpg(0, signal.SIGKILL)
        return call(*arguments, **options)
    return counted

import shutil
os.cpu_count = lambda: 1  # one worker: it starts in half the time
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.orm import Session

if what == "nbgrader's commit":
    Session.commit = deadly(Session.commit)
elif what == "commit":
    DefaultDialect.do_commit = deadly(DefaultDialect.do_commit)
elif what == "rename":
    os.rename, os.replace = deadly(os.rename), deadly(os.replace)
elif what == "removal":
    shutil.rmtree, os.rmdir = deadly(shutil.rmtree), deadly(os.rmdir)

from autograder.cli import app

try:
    app(["grade", "tiny"])
finally:
    print(f"{what}: {count}")
"""
"""`autograder grade tiny`, which kills itself and its process group just before the n-th of some steps."""

POINTS = {f"s{number}": ((1, 4)[number % 2], 1) for number in range(8)} | {"s0": (3.5, 1)}


@pytest.fixture
def half_graded(tiny, monkeypatch):
    """Eight students; the first was graded before, has points and a comment by hand, and handed in again."""
    folder = tiny.settings.root / "tmp"
    folder.mkdir()
    tiny.hand_in("s0", first="first = 42")
    assert _grade(tiny, folder).returncode == 0
    with quiet(tiny.settings.log), open_gradebook(tiny.settings) as gradebook:
        grade = gradebook.find_grade("first_test", "tiny", "tiny", "s0")
        grade.manual_score, grade.needs_manual_grade = 3.5, False
        gradebook.find_comment("first", "tiny", "tiny", "s0").manual_comment = "Almost."
        gradebook.db.commit()
    for number in range(8):
        tiny.hand_in(f"s{number}", first=f"first = {41 + number % 2}")
    return tiny


def _grade(tiny, folder: Path, what: str = "nothing", number: int = 0, seconds: float | None = None):
    """Grade in another process; after some seconds, it is killed with its process group."""
    with (tiny.settings.root / "said").open("w+") as said:
        process = subprocess.Popen(
            [sys.executable, "-c", DEADLY, what, str(number)],
            cwd=tiny.settings.root,
            env={**os.environ, "TMPDIR": str(folder)},
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        said.seek(0)
        return subprocess.CompletedProcess([], process.returncode, said.read())


def _sandboxes(folder: Path) -> list[str]:
    """Processes that see files of this folder: what a sandbox shows to submissions lies in it."""
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError):
            command = Path(f"/proc/{entry}/cmdline").read_text().replace("\0", " ")
            if str(folder) in command or str(folder) in Path(f"/proc/{entry}/mountinfo").read_text():
                found.append(command)
    return found


def _crash(tiny, what: str, number: int = 0, seconds: float | None = None) -> None:
    folder = tiny.settings.root / "tmp"
    died = _grade(tiny, folder, what, number, seconds)
    assert died.returncode == -signal.SIGKILL or (seconds and died.returncode == 0), died.stdout
    end = time.monotonic() + 10
    while (running := _sandboxes(folder)) and time.monotonic() < end:
        time.sleep(0.1)
    assert not running
    with closing(sqlite3.connect(tiny.settings.gradebook)) as gradebook:
        assert gradebook.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        unfinished = "SELECT count(*) FROM grade WHERE auto_score IS NULL"
        assert gradebook.execute(unfinished).fetchone() == (0,)  # whole submissions, or nothing of them
    waits = due(tiny.settings, "tiny", list(POINTS))
    points = _points(tiny)
    for student in set(POINTS) - set(waits):
        assert points[student] == POINTS[student]


def _points(tiny) -> dict[str, tuple]:
    rows = read_grades(tiny.settings, "tiny").submissions
    return {row.student: tuple(points or 3.5 for points in row.points.values()) for row in rows}


def _check(tiny) -> None:
    """Every grade is there, once, and the same in the gradebook and in the notebooks."""
    done = _grade(tiny, tiny.settings.root / "tmp")
    assert done.returncode == 0, done.stdout
    assert due(tiny.settings, "tiny", list(POINTS)) == []
    with quiet(tiny.settings.log), open_gradebook(tiny.settings) as gradebook:
        for number in range(8):
            folder = tiny.settings.autograded / f"s{number}"
            assert [path.name for path in folder.iterdir()] == ["tiny"]
            grades = gradebook.find_submission_notebook("tiny", "tiny", f"s{number}").grades
            recorded = {grade.name: grade.auto_score for grade in grades}
            cells = nbformat.read(folder / "tiny" / "tiny.ipynb", as_version=4).cells
            by_name = {cell.metadata.nbgrader.grade_id: cell for cell in cells}
            shown = {name: float(by_name[name].outputs[-1].data["text/plain"]) for name in recorded}
            assert recorded == shown == {"first_test": (1, 4)[number % 2], "second_test": 1}
            assert by_name["first"].source == f"first = {41 + number % 2}"
        grade = gradebook.find_grade("first_test", "tiny", "tiny", "s0")
        assert (grade.manual_score, grade.score) == (3.5, 3.5)
        assert gradebook.find_comment("first", "tiny", "tiny", "s0").manual_comment == "Almost."
    with closing(sqlite3.connect(tiny.settings.gradebook)) as gradebook:
        counts = [
            gradebook.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in ("student", "grade", "comment")
        ]
    assert counts == [8, 16, 16]
    assert len(list((tiny.settings.folder / "graded" / "tiny").iterdir())) == 8


def test_killed_at_some_moments(half_graded):
    """One crash after the other, each in what the one before has left."""
    for what, number in (("nbgrader's commit", 9), ("rename", 5), ("commit", 5), ("removal", 4)):
        _crash(half_graded, what, number)
    _check(half_graded)


MOMENTS = [("nbgrader's commit", number) for number in (1, 10, 18, 40, 71, 100)]
MOMENTS += [("commit", number) for number in (1, 4, 5, 6, 13)]
MOMENTS += [("rename", number) for number in (1, 3, 4, 5, 6, 7, 11, 16)]
MOMENTS += [("removal", number) for number in (1, 4, 5, 6, 7, 8, 16, 24)]


@pytest.mark.slow
@pytest.mark.parametrize(("what", "number"), MOMENTS)
def test_killed_before_a_step(half_graded, what, number):
    """The whole run has at least 100, 15, 17 and 26 of them."""
    _crash(half_graded, what, number)
    _check(half_graded)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_killed_at_any_time(half_graded, seed):
    moment, began = random.Random(seed), time.monotonic()
    _grade(half_graded, half_graded.settings.root / "tmp", "nbgrader's commit", 60)
    lasted = time.monotonic() - began
    for _ in range(3):
        _crash(half_graded, "nothing", seconds=moment.uniform(0.3, 1.2) * lasted)
    _check(half_graded)
