"""A gradebook in a real PostgreSQL that this file starts: the same grades, and a password nobody sees."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from autograder.address import VARIABLE, database_url, has_password, shown
from autograder.cli import app
from autograder.errors import AutograderError
from autograder.gradebook.database import open_gradebook
from autograder.gradebook.grades import read_grades
from autograder.quiet import quiet
from autograder.running.engine import grade
from autograder.settings import COURSE_ID, Settings
from tests.autograder.conftest import AUTOGRADER

pytestmark = pytest.mark.xdist_group("postgres")

PASSWORD = "s3cr3t:pass"


def _programs() -> Path | None:
    """The newest PostgreSQL's folder of programs."""
    found = [Path(path).parent for path in (shutil.which("initdb"),) if path]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    return next((folder for folder in reversed(found) if (folder / "initdb").exists()), None)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A server on a free loopback port; its address, without a database's name."""
    programs = _programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed: apt install postgresql")
    pytest.importorskip(
        "psycopg", reason='psycopg is not installed: pip install "modular-learning[postgres]"'
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = Path(tempfile.mkdtemp(prefix="postgres-", dir="/tmp"))  # a socket's path must be short
    (folder / "password").write_text(PASSWORD)
    unprivileged = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    if unprivileged:
        for path in (folder, folder / "password"):
            shutil.chown(path, "postgres")

    def run(program: str, *arguments: str) -> None:
        command = [*unprivileged, str(programs / program), "-D", f"{folder}/data", *arguments]
        subprocess.run(command, check=True, capture_output=True, cwd=folder, timeout=60)

    try:
        run(
            "initdb",
            "-U",
            "grader",
            "-A",
            "scram-sha-256",
            f"--pwfile={folder}/password",
            "--no-sync",
            "-E",
            "UTF8",
        )
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        run("pg_ctl", "-w", "-l", f"{folder}/log", "-o", options, "start")
        try:
            yield f"postgresql://grader:{PASSWORD}@127.0.0.1:{port}"
        finally:
            run("pg_ctl", "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _execute(address: str, statement: str) -> list[tuple]:
    import psycopg

    with psycopg.connect(address, autocommit=True) as connection:
        done = connection.execute(statement)  # type: ignore[arg-type]
        return done.fetchall() if done.description else []


@pytest.fixture
def address(server, request) -> str:
    """An empty database of this test's own."""
    name = f"grades_{time.monotonic_ns()}"
    _execute(f"{server}/postgres", f"CREATE DATABASE {name}")
    return f"{server}/{name}"


def _run(*arguments, db: str):
    env = {"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb", VARIABLE: db}
    return CliRunner().invoke(app, list(arguments), env=env)


def _points(settings: Settings) -> dict[str, tuple]:
    return {row.student: tuple(row.points.values()) for row in read_grades(settings, "tiny").submissions}


def test_every_command_works_and_none_tells_the_password(tiny, address):
    tiny.hand_in("ada")
    tiny.hand_in("bob", first="first = 41")
    tiny.path("eve").write_text("{")
    said = ""
    commands = [
        ["generate", "tiny"],
        ["grade", "tiny"],
        ["grade", "tiny"],
        ["feedback", "tiny"],
        ["report", "tiny"],
    ]
    for command in [*commands, ["export", "tiny", "--for", "moodle"]]:
        result = _run(*command, db=address)
        assert result.exit_code == (1 if command[0] == "grade" else 0), result.output
        said += result.output + result.stderr
    assert _points(replace(tiny.settings, db=address)) == {"ada": (4, 1), "bob": (1, 1), "eve": (0, 0)}
    for student in ("ada", "bob", "eve"):
        assert (tiny.settings.feedback / student / "tiny" / "tiny.html").exists()
    assert not tiny.settings.gradebook.exists()
    assert "s3cr3t" not in said
    assert "s3cr3t" not in repr(replace(tiny.settings, db=address))
    files = [path for path in tiny.settings.root.rglob("*") if path.is_file()]
    assert tiny.settings.log in files
    assert [path for path in files if b"s3cr3t" in path.read_bytes()] == []
    assert _execute(address, "SELECT count(*) FROM alembic_version") == [(1,)]


@pytest.mark.slow
def test_the_password_is_not_among_the_arguments(tiny, address):
    tiny.hand_in("ada", first="import time\ntime.sleep(2)\nfirst = 42")
    with subprocess.Popen(
        [*AUTOGRADER, "grade", "tiny", "--db", address], stdout=subprocess.DEVNULL
    ) as process:
        first = Path(f"/proc/{process.pid}/cmdline")
        end = time.monotonic() + 30
        while (b"s3cr3t" in (said := first.read_bytes()) or b"tiny" not in said) and time.monotonic() < end:
            # as it was given, until it has started anew; for a moment there are no arguments at all
            time.sleep(0.02)
        seen = []
        while process.poll() is None:
            for entry in filter(str.isdigit, os.listdir("/proc")):
                try:
                    seen.append(Path(f"/proc/{entry}/cmdline").read_bytes())
                except OSError:
                    continue
            time.sleep(0.2)
    assert process.returncode == 0
    assert any(b"warm_kernel" in one for one in seen)
    assert not any(b"s3cr3t" in one for one in seen)
    assert _points(replace(tiny.settings, db=address)) == {"ada": (4, 1)}


@pytest.mark.slow
def test_a_manual_grade_and_comment_survive_regrading(tiny, address):
    settings = replace(tiny.settings, db=address.replace("postgresql:", "postgres:"))
    tiny.hand_in("ada", first="first = 41")
    grade(settings, "tiny", ["ada"])
    with quiet(settings.log), open_gradebook(settings) as gradebook:
        found = gradebook.find_grade("first_test", "tiny", "tiny", "ada")
        found.manual_score, found.needs_manual_grade = 3.5, False
        gradebook.find_comment("first", "tiny", "tiny", "ada").manual_comment = "Almost."
        gradebook.db.commit()
    tiny.hand_in("ada")
    assert [outcome.problem for outcome in grade(settings, "tiny", ["ada"])] == [None]
    with quiet(settings.log), open_gradebook(settings) as gradebook:
        found = gradebook.find_grade("first_test", "tiny", "tiny", "ada")
        assert (found.auto_score, found.manual_score, found.score) == (4, 3.5, 3.5)
        assert gradebook.find_comment("first", "tiny", "tiny", "ada").comment == "Almost."


@pytest.mark.slow
def test_the_order_of_rows_does_not_matter(tiny, address):
    settings = replace(tiny.settings, db=address)
    tiny.hand_in("ada", first="first = 41")
    grade(settings, "tiny", ["ada"])
    for table in ("source_cell", "base_cell", "grade"):  # an updated row is the last one from then on
        (key,) = _execute(address, f"SELECT id FROM {table} LIMIT 1")[0]
        _execute(address, f"UPDATE {table} SET id = id WHERE id = '{key}'")
    assert list(read_grades(settings, "tiny").most.items()) == [("first", 4), ("second", 1)]
    assert [outcome.problem for outcome in grade(settings, "tiny", ["ada"])] == [None]
    assert read_grades(settings, "tiny")["ada"].points == {"first": 1, "second": 1}


OTHER = ["--again", "--work", "other"]


@pytest.mark.slow
@pytest.mark.parametrize("graders", [([], OTHER), ([], ["--again"], OTHER)], ids=len)
def test_graders_at_once_do_no_harm(tiny, address, graders):
    """They begin with an empty database; one of them grades in another folder, as if on another computer."""
    students = [f"s{number}" for number in range(6)]
    for number, student in enumerate(students):
        tiny.hand_in(student, first=f"first = {41 + number % 2}")
    other = tiny.settings.root / "other"
    shutil.copytree(tiny.settings.submitted, other / "submitted")
    env = {**os.environ, VARIABLE: address}
    running = [
        subprocess.Popen(
            [*AUTOGRADER, "grade", "tiny", *more],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=env,
        )
        for more in graders
    ]
    said = [grader.communicate(timeout=180)[0] for grader in running]
    assert {grader.returncode for grader in running} == {0}, said
    settings = replace(tiny.settings, db=address)
    assert _points(settings) == {f"s{number}": ((1, 4)[number % 2], 1) for number in range(6)}
    assert _execute(address, "SELECT count(*) FROM grade") == [(12,)]
    assert _execute(address, "SELECT count(*) FROM submitted_assignment") == [(6,)]
    for folder in (tiny.settings.autograded, other / "autograded"):
        assert sorted(str(path.relative_to(folder)) for path in folder.glob("*/*")) == [
            f"{one}/tiny" for one in students
        ]


def test_an_empty_gradebook_may_be_opened_by_many_at_once(tiny, address):
    settings, gate = replace(tiny.settings, db=address), threading.Barrier(8)

    def open_and_close(_: int) -> None:
        gate.wait()
        open_gradebook(settings).close()

    with quiet(settings.log), ThreadPoolExecutor(gate.parties) as pool:
        assert list(pool.map(open_and_close, range(gate.parties))) == [None] * gate.parties
    assert _execute(address, "SELECT id FROM course") == [(COURSE_ID,)]


def test_what_goes_wrong_is_said_in_one_line_without_the_password(tiny, address):
    tiny.hand_in("ada")
    wrong = address.replace(PASSWORD, "s3cr3t-wrong")
    gone = f"postgresql://grader:{PASSWORD}@127.0.0.1:9/grades"
    odd = "postgresql://grader:s3cr3t@3@127.0.0.1/grades"
    port = "postgresql://grader:s3cr3t@127.0.0.1:port/grades"
    for db, expected in {
        wrong: "password authentication failed",
        gone: "refused",
        odd: "%40",
        port: "is none",
    }.items():
        result = _run("grade", "tiny", db=db)
        assert result.exit_code == 2, result.output
        (line,) = result.stderr.strip().splitlines()
        assert expected in line
        assert "s3cr3t" not in result.output + result.stderr
        assert isinstance(result.exception, SystemExit)


def test_addresses():
    plain = "postgresql+psycopg://u:p@h/n"
    assert {
        database_url(f"{scheme}://u:p@h/n") for scheme in ("postgres", "postgresql", "postgresql+psycopg")
    } == {plain}
    assert database_url("sqlite:////a/b.db") == "sqlite:////a/b.db"
    assert shown(plain) == "postgresql+psycopg://u:***@h/n"
    assert shown("postgresql+psycopg://h/n?user=u&password=p") == "postgresql+psycopg://h/n"
    assert has_password("postgresql://u:p@h/n")
    assert not has_password("postgresql://u@h:5432/n")
    assert not has_password("sqlite:////a/b.db")
    with pytest.raises(AutograderError, match="is none"):
        database_url("nonsense")


def test_a_missing_driver_says_what_to_install(tiny, monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(
        AutograderError,
        match=r"psycopg is not installed: pip install "
        r"\"modular-learning\[postgres\]\"",
    ):
        open_gradebook(replace(tiny.settings, db="postgresql://u@127.0.0.1:9/n"))
