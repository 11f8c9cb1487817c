"""Grading a class: notebooks run in worker processes, and one process, this one, writes the gradebook."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import nbformat

from autograder.collecting.submissions import find_problem, shown
from autograder.errors import AutograderError
from autograder.gradebook.database import one_engine, open_gradebook
from autograder.gradebook.due_dates import read_due_dates
from autograder.gradebook.late import enter_penalties
from autograder.gradebook.record import record, record_problem, recover, submission_digest
from autograder.handing_out.assignment import ensure_in_gradebook
from autograder.quiet import quiet
from autograder.running.cache import Cache
from autograder.running.calls import run_all
from autograder.running.harden import Blueprint, harden
from autograder.running.task import Executed, Task, read_files
from autograder.running.workers import in_workers
from autograder.sandbox.bwrap import sandbox_problem
from autograder.settings import Settings

Progress = Callable[[str], None]
"""Called with a student's name when that student is done."""

Runner = Callable[..., Iterator[tuple[str, Any, str]]]
"""Runs a function on many jobs somewhere: `workers.in_workers`, or a cluster's."""


@dataclass(frozen=True)
class Outcome:
    """What became of one submission: graded, or the problem; `kept` when an earlier grade still stands."""

    student: str
    problem: str = ""
    kept: bool = False
    cached: bool = False
    """Whether nothing had to be run."""


def grade(
    settings: Settings,
    assignment: str,
    students: Sequence[str],
    progress: Progress = lambda student: None,
    *,
    runner: Runner = in_workers,
) -> list[Outcome]:
    """Grade submissions; one that cannot be graded never stops the others, and its earlier grade stands.

    Each is read and hardened here, run in a sandbox somewhere unless the result is known, and recorded here.

    Raises:
        AutograderError: there is no such assignment, its source or class.toml is broken, or the sandbox does not start.
    """
    if runner is in_workers and settings.sandbox and (problem := sandbox_problem()):
        raise AutograderError(problem)
    ensure_in_gradebook(settings, assignment)
    recover(settings, assignment)
    blueprints, cache = _blueprints(settings, assignment), Cache(settings.folder / "cache")
    dates = read_due_dates(settings.folder)
    outcomes: dict[str, Outcome] = {}
    tasks: dict[str, dict[str, Task]] = {}
    digests: dict[str, str] = {}

    def conclude(student: str, done: dict[str, Executed] | None, problem: str, cached: bool = False) -> None:
        if done is not None and not problem:
            for name, executed in done.items():
                if not cached:
                    cache.keep(tasks[student][name], executed)
            with tempfile.TemporaryDirectory() as folder:
                for name, executed in done.items():
                    (Path(folder) / f"{name}.ipynb").write_text(executed.notebook, encoding="utf-8")
                problem = record(settings, assignment, student, Path(folder), digests[student])
        kept = bool(problem) and not record_problem(settings, assignment, student, problem)
        outcomes[student] = Outcome(student, problem, kept, cached)
        tasks.pop(student, None)
        progress(student)

    def jobs() -> Iterator[tuple[str, tuple[Any, ...]]]:
        for student in students:
            if not student.isprintable() or set(student) & set("*?["):  # patterns to nbgrader
                problem = "a student cannot have this name: rename the folder"
                outcomes[student] = Outcome(shown(student), problem)
                progress(shown(student))
                continue
            problem = ""
            try:
                problem = find_problem(settings, assignment, student)
                if not problem:
                    digests[student] = submission_digest(settings, assignment, student)
                    tasks[student] = _tasks(settings, assignment, student, blueprints)
            except Exception as error:  # whatever a file from outside may lead to
                problem = f"the notebook cannot be prepared ({type(error).__name__}: {error}): ask for it again"
            if problem:
                conclude(student, None, problem)
                continue
            known = {name: cache.find(task) for name, task in tasks[student].items()}
            if all(known.values()):
                conclude(student, {name: found for name, found in known.items() if found}, "", cached=True)
            else:
                yield student, (tasks[student],)

    with one_engine(settings):
        for student, done, problem in runner(settings.log, run_all, jobs()):
            conclude(student, done, problem)
        enter_penalties(settings, assignment, dates)
    return [outcomes[student] for student in students]


def _blueprints(settings: Settings, assignment: str) -> dict[str, Blueprint]:
    """The assignment's notebooks as the instructor wrote them."""
    with quiet(settings.log), open_gradebook(settings) as gradebook:
        names = [str(notebook.name) for notebook in gradebook.find_assignment(assignment).notebooks]
        return {
            name: Blueprint.of(gradebook, assignment, name, settings.source / assignment / f"{name}.ipynb") for name in names
        }


def _tasks(settings: Settings, assignment: str, student: str, blueprints: dict[str, Blueprint]) -> dict[str, Task]:
    """What has to be run for one student; the instructor's files go before the student's."""
    folder = settings.submitted / student / assignment
    files = {**read_files(folder), **read_files(settings.source / assignment)}
    blank = Task("", files, settings.seed, settings.limits, settings.sandbox, settings.device)
    found = {}
    for name, blueprint in blueprints.items():
        notebook = harden(nbformat.read(folder / f"{name}.ipynb", as_version=4), blueprint)
        found[name] = replace(blank, notebook=nbformat.writes(notebook))
    return found
