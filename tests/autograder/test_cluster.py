"""Grading on a real Dask cluster, a scheduler and worker processes.

Every grade arrives, and nothing but tasks travels.
"""

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import nbformat
import pytest
from typer.testing import CliRunner

from autograder.cli import app
from autograder.errors import AutograderError, NotGradedError, Problem
from autograder.gradebook.grades import read_grades
from autograder.running import cluster as cluster_module
from autograder.running.calls import run_all
from autograder.running.cluster import LOST, check, on_cluster, pack
from autograder.running.engine import grade
from autograder.running.task import Executed, Finished, Task
from tests.autograder.conftest import AUTOGRADER

pytestmark = pytest.mark.xdist_group("cluster")

DASK = [sys.executable, "-m", "dask"]


@dataclass
class Cluster:
    """A scheduler and worker processes of its own, all on this computer."""

    folder: Path
    processes: list[subprocess.Popen] = field(default_factory=list)

    @property
    def address(self) -> str:
        return json.loads((self.folder / "scheduler.json").read_text())["address"]

    def start(self, *arguments: str, path: Path | None = None) -> subprocess.Popen:
        root = Path(__file__).parents[2]
        env = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")]),
            "TMPDIR": str(self.folder),
        }
        if path is not None:
            env["PATH"] = str(path)
        with (self.folder / f"log-{len(self.processes)}").open("w") as log:
            process = subprocess.Popen(
                [*DASK, *arguments], cwd=self.folder, env=env, stdout=log, stderr=log, start_new_session=True
            )
        self.processes.append(process)
        return process

    def worker(self, *more: str, path: Path | None = None) -> subprocess.Popen:
        options = ["--no-dashboard", "--no-nanny", "--memory-limit", "0", "--host", "127.0.0.1", *more]
        return self.start("worker", self.address, *options, path=path)

    def sandboxes(self) -> list[int]:
        """Processes of sandboxes that this cluster's workers have started."""
        found = []
        for entry in filter(str.isdigit, os.listdir("/proc")):
            with suppress(OSError):
                if f"{self.folder}/edition-" in Path(f"/proc/{entry}/cmdline").read_text():
                    found.append(int(entry))
        return found


@contextmanager
def a_cluster(folder: Path, workers: int):
    found = Cluster(folder)
    try:
        found.start(
            "scheduler",
            "--host",
            "127.0.0.1",
            "--port",
            "0",
            "--no-dashboard",
            "--scheduler-file",
            "scheduler.json",
        )
        _wait(
            lambda: (
                (folder / "scheduler.json").exists() and (folder / "scheduler.json").read_text().endswith("}")
            )
        )
        for _ in range(workers):
            found.worker("--nthreads", "2")
        yield found
    finally:
        for process in reversed(found.processes):
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Two workers, with two threads each: only one of them may be used at a time."""
    with a_cluster(tmp_path_factory.mktemp("dask"), 2) as found:
        yield found


def _wait(reached, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < end
        time.sleep(0.1)


def _points(tiny) -> dict[str, tuple]:
    return {row.student: tuple(row.points.values()) for row in read_grades(tiny.settings, "tiny").submissions}


def _run(*arguments):
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"})


class _Alone:
    inside = False

    def __enter__(self) -> None:
        assert not self.inside, "two submissions at a time"
        self.inside = True

    def __exit__(self, *exception: object) -> None:
        self.inside = False


_alone = _Alone()


def obey(tasks: dict[str, Task]) -> dict[str, Executed]:
    """Stands for `run_all` on the workers: a notebook called "killer" ends the process that runs it."""
    if "killer" in tasks:
        os.kill(os.getpid(), signal.SIGKILL)
    with _alone:  # fails where another thread is inside
        time.sleep(0.02)
    return {name: Executed(task.notebook, 0.0) for name, task in tasks.items()}


BLANK = Task(nbformat.writes(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1", id="one")])))


@pytest.mark.slow
def test_what_kills_its_worker_twice_is_given_up_and_the_rest_goes_on(tmp_path, cluster):
    for _ in range(2):
        cluster.worker("--nthreads", "2")
    taken, done = 0, []

    def jobs():
        nonlocal taken
        for number in range(30):
            taken += 1
            # the others wait here, not in the scheduler
            assert taken - len(done) <= 4 * cluster_module.AHEAD + 1
            yield f"s{number}", ({"killer" if number == 3 else "tiny": BLANK},)

    with on_cluster(cluster.address, tmp_path / "log") as runner:
        _wait(lambda: runner._look(at_once=True) or list(runner.workers.values()) == [""] * 4, 60)
        for answer in runner(tmp_path / "log", obey, jobs()):
            done.append(answer)
    assert sorted(one.name for one in done) == sorted(f"s{number}" for number in range(30))
    assert [(one.name, one.problem) for one in done if one.problem] == [("s3", LOST)]
    _wait(lambda: sum(process.poll() is not None for process in cluster.processes) == 2)


def test_the_command_grades_on_the_cluster_while_a_worker_dies(tiny, cluster):
    for number in range(8):
        tiny.hand_in(f"s{number}", first=f"import time\ntime.sleep(0.5)\nfirst = {41 + number % 2}")
    tiny.path("broken").write_text("{")
    with subprocess.Popen(
        [*AUTOGRADER, "grade", "tiny", "--cluster", cluster.address],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        _wait(lambda: len(list(tiny.settings.autograded.glob("*/tiny/*.ipynb"))) >= 2, 60)
        next(worker for worker in cluster.processes[1:] if worker.poll() is None).kill()
        output, complaints = process.communicate(timeout=120)
    assert process.returncode == 1, output + complaints  # only because of the broken one
    assert complaints.strip().splitlines()[-1].startswith("broken: tiny.ipynb is not JSON")
    assert _points(tiny) == {"broken": (0, 0)} | {
        f"s{number}": ((1, 4)[number % 2], 1) for number in range(8)
    }
    assert cluster.sandboxes() == []  # nothing stays when we leave, nor of the worker that was killed


def test_ctrl_c_leaves_nothing_running_on_the_cluster(tiny, cluster):
    for student in ("a", "b", "c"):
        tiny.hand_in(student, first="while True:\n    pass")
    process = subprocess.Popen(
        [*AUTOGRADER, "grade", "tiny", "--cluster", cluster.address],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    _wait(cluster.sandboxes, 60)
    time.sleep(1)
    os.killpg(process.pid, signal.SIGINT)
    _, complaints = process.communicate(timeout=30)
    assert process.returncode == 130
    assert complaints.strip().splitlines()[-1].startswith("autograder: stopped; what is graded stays graded")
    assert "Traceback" not in complaints
    _wait(lambda: not cluster.sandboxes(), 10)


def test_a_worker_without_bubblewrap_is_left_out_and_one_with_another_version_too(
    tiny, cluster, tmp_path, monkeypatch
):
    tiny.hand_in("ada")
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    bare = cluster.worker(path=nothing)
    said: list[str] = []
    with on_cluster(cluster.address, tmp_path / "log", say=said.append) as runner:
        _wait(lambda: runner._look(at_once=True) or said, 60)
        assert [outcome.problem for outcome in grade(tiny.settings, "tiny", ["ada"], runner=runner)] == [None]
    assert _points(tiny) == {"ada": (4, 1)}
    assert "is left out: it has no sandbox: bubblewrap is not installed: apt install bubblewrap" in said[0]
    bare.kill()
    monkeypatch.setattr(cluster_module, "surroundings", lambda: "another")
    with pytest.raises(AutograderError, match=r"can grade; tcp://.* has another version of the course"):
        on_cluster(cluster.address, tmp_path / "log").__enter__()


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "nonsense", "gopher://127.0.0.1:9"])
def test_a_wrong_address_gives_one_line(tiny, address, monkeypatch):
    monkeypatch.setattr(cluster_module, "CONNECT_SECONDS", 1.0)
    tiny.hand_in("ada")
    result = _run("grade", "tiny", "--cluster", address)
    assert result.exit_code == 2
    (line,) = result.stderr.strip().splitlines()
    assert line.startswith(f"autograder: no Dask scheduler answers at {address} (")
    assert not tiny.settings.autograded.exists()


def test_nothing_travels_but_tasks(tiny, monkeypatch):
    monkeypatch.setenv("AUTOGRADER_DB", "postgresql://grader:hunter2@db.example/grades")
    monkeypatch.setenv("API_TOKEN", "t0ken-of-the-environment")
    address = f"sqlite:///{tiny.settings.folder}/elsewhere.db?hunter3"
    tiny.hand_in("lovelace")
    sent: list[bytes] = []

    def runner(log, function, jobs):
        for student, arguments in jobs:
            sent.append(pack(function, arguments))
            assert pickle.loads(sent[-1]) == (run_all, arguments)
            yield Finished(student, problem=Problem("the notebook", "was not run"))

    grade(replace(tiny.settings, db=address), "tiny", ["lovelace"], runner=runner)
    (packed,) = sent
    assert b"second = 'b'" in packed
    secrets = [
        "hunter2",
        "hunter3",
        "t0ken-of-the-environment",
        str(tiny.settings.root),
        "gradebook",
        "/seed",
        "sqlite",
        "lovelace",
    ]
    assert [secret for secret in secrets if secret.encode() in packed] == []


def _answer(**changes) -> str:
    return json.dumps(
        {"done": {"tiny": {"notebook": BLANK.notebook, "seconds": 1.0, "stopped": "", "peak": 1, **changes}}}
    )


REFUSED = {
    "no text": b"{}",
    "no JSON": "{",
    "no dictionary": "[1]",
    "nothing": "{}",
    "another name": _answer().replace("tiny", "other"),
    "another field": _answer(more=1),
    "a number for a notebook": _answer(notebook=3),
    "a sentence for a problem": json.dumps({"problem": "the worker is ill"}),
    "no number": json.dumps({"done": {"tiny": {"notebook": BLANK.notebook, "seconds": float("nan")}}}),
    "text for a number": _answer(peak="1"),
    "no notebook": _answer(notebook="{}"),
    "another cell": _answer(notebook=BLANK.notebook.replace('"1"', '"2"')),
    "another cell's metadata": _answer(
        notebook=BLANK.notebook.replace('"metadata": {}', '"metadata": {"points": 9}')
    ),
}


@pytest.mark.parametrize("answer", REFUSED.values(), ids=REFUSED.keys())
def test_answers_are_checked(answer):
    with pytest.raises(NotGradedError, match=r"^what the cluster's worker answered cannot be used \("):
        check({"tiny": BLANK}, answer)


def test_a_right_answer_is_taken():
    assert check({"tiny": BLANK}, _answer()) == {"tiny": Executed(BLANK.notebook, 1.0, "", 1)}
    told = json.dumps({"problem": ["the run", "broke off (OSError: full)\nTraceback", "grade it again"]})
    with pytest.raises(NotGradedError, match=r"^the run broke off \(OSError: full\): grade it again$"):
        check({"tiny": BLANK}, told)
