"""Running one notebook in the sandbox, cell by cell, with the judge beside it."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from fnmatch import fnmatch
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_output

from autograder.gradebook.notebooks import nbgrader_metadata
from autograder.handing_out.edition import make_edition
from autograder.running.harden import answers
from autograder.running.judge import find_check, judge
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
    with sandbox.student() as student:
        stopped = run_cells(notebook, student, files=task.files, seed=task.seed)
    executed = (
        nbformat.writes(notebook).encode(errors="replace").decode()
    )  # outputs may hold halves of letters, which no file can
    return Executed(executed, time.monotonic() - began, sandbox.last.reason or stopped, sandbox.last.peak)


def start(limits: Limits, isolated: bool, device: str) -> None:
    """Start this process's sandbox before there is something to run in it."""
    _kept(limits, isolated, device).start()


def run_cells(
    notebook: NotebookNode, student: Student, *, files: dict[str, bytes] | None = None, seed: int = 0
) -> str:
    """Run a hardened notebook's cells in a student's process, and put the outputs in.

    A test cell that calls `check` is not run: the judge asks the process about the object, decides, and
    writes the outputs. What was earned before a process dies stays; cells that were not reached have no
    outputs, and so no points.

    Returns:
        why it stopped before the end; empty when it did not.
    """
    stopped = ""
    brought = [data.decode(errors="replace") for name, data in (files or {}).items() if name.endswith(".py")]
    try:
        student.files(files or {})
    except StudentGoneError as gone:
        stopped = str(gone)
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        cell.outputs, cell.execution_count = [], None
        about = nbgrader_metadata(cell)
        locked, graded = bool(about.get("locked")), bool(about.get("grade"))
        if stopped or (locked and not graded and fnmatch(about.get("grade_id", ""), PICTURES)):
            continue
        try:
            check = find_check(cell.source) if locked and graded else None
        except ValueError as error:
            cell.outputs = [_error("NoCheck", f"0 points: {error}")]
            continue
        try:
            if check is None:
                cell.outputs, cell.execution_count = _run(cell.source, student)
            else:
                began = time.monotonic()
                score = judge(
                    student, check, [*brought, *answers(notebook, cell)], seed=seed, brought=bool(brought)
                )
                bundle = score.mimebundle(time.monotonic() - began)
                cell.outputs = [
                    new_output("display_data", data=bundle),
                    new_output("execute_result", data={"text/plain": repr(float(score.points))}),
                ]
        except StudentGoneError as gone:
            cell.outputs.append(_error("NotebookStopped", STOPPED.format(why=gone)))
        stopped = student.gone
    return stopped


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
