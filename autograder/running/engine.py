"""Grading a class: notebooks run in worker processes, and one process, this one, writes the gradebook."""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import nbformat

from autograder.collecting.submissions import require_gradable, shown
from autograder.errors import AutograderError, NotGradedError, Problem
from autograder.gradebook.database import one_engine, open_gradebook
from autograder.gradebook.due_dates import read_due_dates
from autograder.gradebook.late import enter_penalties
from autograder.gradebook.record import record, record_problem, recover, submission_digest
from autograder.handing_out.assignment import ensure_in_gradebook
from autograder.quiet import quiet
from autograder.running.cache import Cache
from autograder.running.calls import run_all
from autograder.running.harden import Blueprint, harden
from autograder.running.task import Executed, Finished, Job, Runner, Task, read_files
from autograder.running.workers import in_workers
from autograder.sandbox.bwrap import sandbox_problem
from autograder.settings import Settings

Progress = Callable[[str], None]
"""Called with a student's name when that student is done."""


@dataclass(frozen=True)
class Outcome:
    """What became of one submission: graded, or the problem; `kept` when an earlier grade still stands."""

    student: str
    problem: Problem | None = None
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
        AutograderError: there is no such assignment, its source or class.toml is broken, or there is no
            sandbox.
    """
    if runner is in_workers and settings.sandbox and (problem := sandbox_problem()):
        raise AutograderError(*problem)
    ensure_in_gradebook(settings, assignment)
    recover(settings, assignment)
    grading = _Grading(settings, assignment, progress)
    dates = read_due_dates(settings.folder)
    with one_engine(settings):
        for finished in runner(settings.log, run_all, grading.jobs(students)):
            grading.conclude(finished)
        enter_penalties(settings, assignment, dates)
    return [grading.outcomes[student] for student in students]


@dataclass(frozen=True)
class _Prepared:
    """One student's notebooks, ready to run, and what was handed in when they were read."""

    tasks: dict[str, Task]
    digest: str


class _Grading:
    """One run of `grade`: each student is prepared, run unless the result is known, and concluded."""

    def __init__(self, settings: Settings, assignment: str, progress: Progress) -> None:
        self.settings, self.assignment, self.progress = settings, assignment, progress
        self.blueprints, self.cache = _blueprints(settings, assignment), Cache(settings.folder / "cache")
        self.outcomes: dict[str, Outcome] = {}
        self._running: dict[str, _Prepared] = {}

    def jobs(self, students: Sequence[str]) -> Iterator[Job]:
        """What has to be run, as it is asked for; who need not be run is concluded on the way."""
        for student in students:
            if not student.isprintable() or set(student) & set("*?["):  # patterns to nbgrader
                problem = Problem("a student", "cannot have this name", "rename the folder")
                self._note(student, Outcome(shown(student), problem))
                continue
            try:
                prepared = self._prepare(student)
            except AutograderError as error:
                self._refuse(student, error.problem)
                continue
            except Exception as error:  # whatever a file from outside may lead to
                cause = f"cannot be prepared ({type(error).__name__}: {error})"
                self._refuse(student, Problem("the notebook", cause, "ask for it again"))
                continue
            known = {name: self.cache.find(task) for name, task in prepared.tasks.items()}
            executed = {name: result for name, result in known.items() if result is not None}
            if executed.keys() == known.keys():
                self._record(student, prepared, executed, cached=True)
            else:
                self._running[student] = prepared
                yield student, (prepared.tasks,)

    def conclude(self, finished: Finished) -> None:
        """Record what was run."""
        prepared = self._running.pop(finished.name)
        if finished.problem is not None:
            self._refuse(finished.name, finished.problem)
            return
        for name, executed in finished.result.items():
            self.cache.keep(prepared.tasks[name], executed)
        self._record(finished.name, prepared, finished.result)

    def _prepare(self, student: str) -> _Prepared:
        """Read and harden a student's notebooks; the instructor's files go before the student's.

        Raises:
            AutograderError: something of what was handed in cannot be graded.
        """
        settings, assignment = self.settings, self.assignment
        require_gradable(settings, assignment, student)
        digest, folder = (
            submission_digest(settings, assignment, student),
            settings.submitted / student / assignment,
        )
        files = {**read_files(folder), **read_files(settings.source / assignment)}
        blank = Task("", files, settings.seed, settings.limits, settings.sandbox, settings.device)
        tasks = {}
        for name, blueprint in self.blueprints.items():
            notebook = harden(nbformat.read(folder / f"{name}.ipynb", as_version=4), blueprint)
            tasks[name] = replace(blank, notebook=nbformat.writes(notebook))
        return _Prepared(tasks, digest)

    def _record(
        self, student: str, prepared: _Prepared, executed: Mapping[str, Executed], *, cached: bool = False
    ) -> None:
        with tempfile.TemporaryDirectory() as folder:
            for name, result in executed.items():
                (Path(folder) / f"{name}.ipynb").write_text(result.notebook, encoding="utf-8")
            try:
                record(self.settings, self.assignment, student, Path(folder), prepared.digest)
            except NotGradedError as error:
                self._refuse(student, error.problem, cached=cached)
                return
        self._note(student, Outcome(student, cached=cached))

    def _refuse(self, student: str, problem: Problem, *, cached: bool = False) -> None:
        """Note that a submission cannot be graded; in the gradebook unless that has an earlier grade."""
        kept = not record_problem(self.settings, self.assignment, student, problem)
        self._note(student, Outcome(student, problem, kept, cached))

    def _note(self, student: str, outcome: Outcome) -> None:
        self.outcomes[student] = outcome
        self.progress(outcome.student)


def _blueprints(settings: Settings, assignment: str) -> dict[str, Blueprint]:
    """The assignment's notebooks as the instructor wrote them."""
    with quiet(settings.log), open_gradebook(settings) as gradebook:
        names = [str(notebook.name) for notebook in gradebook.find_assignment(assignment).notebooks]
        return {
            name: Blueprint.of(gradebook, assignment, name, settings.source / assignment / f"{name}.ipynb")
            for name in names
        }
