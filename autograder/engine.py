"""Grading a class: submissions run in worker processes, and one process, this one, writes the gradebook."""

import multiprocessing
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from autograder.assignment import ensure_in_gradebook
from autograder.execute import execute, start_worker, write_feedback
from autograder.record import record, record_problem
from autograder.settings import Settings
from autograder.submissions import find_problem

Progress = Callable[[str], None]
"""Called with a student's name when that student is done."""


@dataclass(frozen=True)
class Outcome:
    """What became of one submission: graded, or the problem; `kept` when an earlier grade still stands."""

    student: str
    problem: str = ""
    kept: bool = False


def grade(settings: Settings, assignment: str, students: Sequence[str], progress: Progress = lambda student: None) -> list[Outcome]:
    """Grade submissions; one that cannot be graded never stops the others, and its earlier grade stands.

    Raises:
        AutograderError: there is no such assignment, or its source is broken.
    """
    ensure_in_gradebook(settings, assignment)
    outcomes: dict[str, Outcome] = {}

    def conclude(student: str, problem: str) -> None:
        kept = bool(problem) and not record_problem(settings, assignment, student, problem)
        outcomes[student] = Outcome(student, problem, kept)
        progress(student)

    sound = []
    for student in students:
        problem = find_problem(settings, assignment, student)
        if problem:
            conclude(student, problem)
        else:
            sound.append(student)
    with tempfile.TemporaryDirectory() as folder:
        tasks = {student: (settings, assignment, student, Path(folder)) for student in sound}
        for student, problem in _in_workers(settings, execute, tasks):
            executed = settings.at(Path(folder) / student).autograded / student / assignment
            conclude(student, problem or record(settings, assignment, student, executed))
    return [outcomes[student] for student in students]


def feedback(settings: Settings, assignment: str, students: Sequence[str], progress: Progress = lambda student: None) -> list[Outcome]:
    """Write a page for each of the students."""
    outcomes = []
    tasks = {student: (settings, assignment, student) for student in students}
    for student, problem in _in_workers(settings, write_feedback, tasks):
        outcomes.append(Outcome(student, problem))
        progress(student)
    return outcomes


def _in_workers(settings: Settings, function: Callable[..., str], tasks: dict[str, tuple]) -> Iterator[tuple[str, str]]:
    """(student, problem) as the workers finish."""
    if not tasks:
        return
    with _pool(settings, len(tasks)) as pool:
        futures = {pool.submit(function, *arguments): student for student, arguments in tasks.items()}
        for future in as_completed(futures):
            try:
                yield futures[future], future.result()
            except BrokenProcessPool:
                yield futures[future], "the process that ran it was killed, perhaps for lack of memory: grade it again"
            except Exception as error:
                yield futures[future], f"{type(error).__name__}: {error}"


@contextmanager
def _pool(settings: Settings, tasks: int) -> Iterator[ProcessPoolExecutor]:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["autograder.execute"])
    workers = min(tasks, os.cpu_count() or 1)
    pool = ProcessPoolExecutor(workers, context, initializer=start_worker, initargs=(settings.log,))
    try:
        yield pool
    except BaseException:
        for worker in multiprocessing.active_children():
            worker.kill()  # a kernel ends by itself when the worker that started it is gone
        raise
    finally:
        pool.shutdown(cancel_futures=True)
