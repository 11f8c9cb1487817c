"""Running one notebook in the sandbox, cell by cell, with the judge beside it."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from fnmatch import fnmatch
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_output

from autograder.gradebook.notebooks import nbgrader_metadata
from autograder.handing_out.edition import make_edition
from autograder.running.asking import Asking, Test
from autograder.running.harden import answers, given
from autograder.running.judge import find_check
from autograder.running.task import Executed, Task
from autograder.sandbox.host import Sandbox
from autograder.sandbox.student import Student, StudentGoneError
from autograder.settings import Limits

PICTURES = "*_picture"
"""Locked cells without points that are not run: drawing takes as long as all the rest, and students have them
in their copy."""

STOPPED = "The notebook stopped in this cell, and nothing below was run: {why}."
SLOW = "This cell was stopped after {seconds:g} s."


def run(task: Task) -> Executed:
    """Run a notebook in the sandbox of this process, which is started when it is first needed, and kept."""
    began = time.monotonic()
    notebook = nbformat.reads(task.notebook, as_version=4)
    sandbox = _kept(task.limits, task.isolated, task.device)
    stopped, peak = run_cells(notebook, sandbox, files=task.files, seed=task.seed)
    executed = (
        nbformat.writes(notebook).encode(errors="replace").decode()
    )  # outputs may hold halves of letters, which no file can
    return Executed(executed, time.monotonic() - began, stopped, peak)


def start(limits: Limits, isolated: bool, device: str) -> None:
    """Start this process's sandbox before there is something to run in it."""
    _kept(limits, isolated, device).start()


def run_cells(
    notebook: NotebookNode, sandbox: Sandbox, *, files: dict[str, bytes] | None = None, seed: int = 0
) -> tuple[str, int]:
    """Run a hardened notebook's cells in the sandbox, and put the outputs in.

    A test cell that calls `check` is not run: the judge asks a process about the object, decides, and writes
    the outputs. A process that dies costs what it was asked for, and the outputs of the cells below.

    Returns:
        why the notebook was stopped before its end, empty when it was not; and the most memory it took.
    """
    sandbox.start()
    cells: list[NotebookNode] = []
    asking = Asking(sandbox, cells, files or {}, seed, time.monotonic() + sandbox.limits.seconds)
    tests: list[tuple[NotebookNode, Test]] = []
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        cell.outputs, cell.execution_count = [], None
        about = nbgrader_metadata(cell)
        locked, graded = bool(about.get("locked")), bool(about.get("grade"))
        if locked and not graded and fnmatch(about.get("grade_id", ""), PICTURES):
            continue
        try:
            check = find_check(cell.source) if locked and graded else None
        except ValueError as error:
            cell.outputs = [_error("NoCheck", f"0 points: {error}")]
            continue
        if check is None:
            cells.append(cell)
        else:
            tests.append(
                (cell, asking.add(check, len(cells), answers(notebook, cell), given(notebook, cell)))
            )
    asking.apart()
    with sandbox.student(asking.until) as student:
        stopped = _run_whole(cells, asking, student)
    asking.note_ending()
    asking.rest()
    for cell, test in tests:
        if test.score is not None:
            cell.outputs = [
                new_output("display_data", data=test.score.mimebundle(test.seconds)),
                new_output("execute_result", data={"text/plain": repr(float(test.score.points))}),
            ]
    return asking.reason or stopped, asking.peak


def _run_whole(cells: Sequence[NotebookNode], asking: Asking, student: Student) -> str:
    """Run the whole notebook, and ask on the way for answers; why it stopped before the end, if it did."""
    with suppress(StudentGoneError):
        student.files(dict(asking.files))
    tests = iter([*asking.tests, None])
    test = next(tests)
    for place, cell in enumerate([*cells, None]):
        while test is not None and test.place == place:
            if not student.gone:
                asking.ask_whole(test, student)
            test = next(tests)
        if cell is None or student.gone:
            break
        try:
            cell.outputs, cell.execution_count = _run(cell.source, student)
        except StudentGoneError as gone:
            cell.outputs.append(_error("NotebookStopped", STOPPED.format(why=gone)))
    return student.gone


def _run(source: str, student: Student) -> tuple[list[NotebookNode], int | None]:
    """Run one cell in the student's process; whatever comes back is made into outputs or left out."""
    answer = student.ask("run", source, stop=True)
    outputs = list(_outputs(answer.get("outputs")))
    if answer.get("slow") is True:
        outputs.append(_error("CellTimeout", SLOW.format(seconds=student.limits.cell_seconds)))
    number = answer.get("number")
    return outputs, number if type(number) is int and number > 0 else None


def _outputs(outputs: Any) -> Iterator[NotebookNode]:
    for output in outputs if isinstance(outputs, list) else []:
        kind = output.get("output_type") if isinstance(output, dict) else None
        try:
            if kind == "stream":
                name = "stderr" if output["name"] == "stderr" else "stdout"
                made = new_output("stream", name=name, text=str(output["text"]))
            elif kind == "error":
                lines = [str(line) for line in output["traceback"]]
                made = new_output(
                    "error", ename=str(output["ename"]), evalue=str(output["evalue"]), traceback=lines
                )
            elif kind in ("display_data", "execute_result"):
                made = new_output(kind, data=_data(output["data"]), metadata={})
            else:
                continue
            nbformat.validate(made, ref="output", version=4)
        except (KeyError, TypeError, ValueError, nbformat.ValidationError):
            continue
        yield made


def _data(data: dict[str, Any]) -> dict[str, Any]:
    """A mimebundle; text is text, and only the judge writes scores."""
    kept = {}
    for kind, value in data.items():
        if kind.endswith("json"):
            if isinstance(value, dict | list) and "modular-learning" not in kind:
                kept[kind] = value
        elif isinstance(value, str):
            kept[kind] = value
    return kept


def _error(name: str, message: str) -> NotebookNode:
    return new_output("error", ename=name, evalue=message, traceback=[message])


_sandboxes: dict[tuple[Limits, bool, str], Sandbox] = {}


def _kept(limits: Limits, isolated: bool, device: str) -> Sandbox:
    """The sandbox of this process."""
    os.environ["COURSE_DEVICE"] = device  # the judge computes where notebooks do
    key = (limits, isolated, device)
    if key not in _sandboxes:
        # a worker process runs finalizers when it ends, but nothing registered with atexit
        if not _sandboxes:
            Finalize(None, close_sandboxes, exitpriority=10)
        edition = Path(tempfile.mkdtemp(prefix="edition-"))
        _sandboxes[key] = Sandbox(
            make_edition(edition, judged=True), limits, isolated=isolated, device=device
        )
    return _sandboxes[key]


def close_sandboxes() -> None:
    """End every sandbox of this process."""
    while _sandboxes:
        sandbox = _sandboxes.popitem()[1]
        sandbox.close()
        shutil.rmtree(sandbox.edition, ignore_errors=True)
