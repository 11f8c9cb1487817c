"""Worker processes: they share the cores, have torch loaded before they start, and die with the command."""

import ctypes
import multiprocessing
import multiprocessing.forkserver
import os
import signal
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

from autograder.errors import Problem, problem_of
from autograder.running.task import Finished, Job

AHEAD = 2
"""Jobs for each worker that are prepared in advance: none waits, and a large class does not fill the
memory."""

PRELOADED = [
    "autograder.running.quick_imports",
    "autograder.running.execute",
    "torch.fx.experimental.symbolic_shapes",
]
"""Loaded once for all workers; the last is what naming a first mistake needs, and takes more than a
second."""

LOST = Problem("the process that ran it", "was killed, perhaps for lack of memory", "grade it again")


def warm_up() -> None:
    """Let the process from which workers are forked load what they need, while this one is busy otherwise."""
    multiprocessing.forkserver.set_forkserver_preload(PRELOADED)
    multiprocessing.forkserver.ensure_running()


def start_early(log: Path, function: Callable[..., Any], *arguments: Any) -> None:
    """Start workers, each with a call that makes it ready, while this process is still busy otherwise.

    The workers wait for jobs.
    """
    pool = Workers(log, os.cpu_count() or 1)
    for _ in range(os.cpu_count() or 1):
        pool.submit(function, *arguments)
    _early.append(pool)


def stop_early() -> None:
    """End workers that were started early, if nothing came for them to do."""
    while _early:
        _early.pop().kill()


class Workers(ProcessPoolExecutor):
    """Processes that leave nothing behind: their temporary files lie in one folder, which goes with them."""

    def __init__(self, log: Path, count: int) -> None:
        warm_up()
        self.scratch = tempfile.TemporaryDirectory(prefix="autograder-", ignore_cleanup_errors=True)
        context = multiprocessing.get_context("forkserver")
        super().__init__(count, context, _start_worker, (log, self.scratch.name))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """As in every executor, and the temporary files go."""
        super().shutdown(wait, cancel_futures=cancel_futures)
        self.scratch.cleanup()

    def kill(self) -> None:
        """End them without waiting for what they do; a worker's sandbox dies with it."""
        for worker in list((self._processes or {}).values()):
            worker.kill()
        self.shutdown(cancel_futures=True)


_early: list[Workers] = []


def in_workers(
    log: Path, function: Callable[..., Any], jobs: Iterable[Job], count: int | None = None
) -> Iterator[Finished]:
    """Call a function with each job's arguments, in local processes.

    When one of them dies, the jobs that were under way are run again, one at a time; the one that kills its
    process then, too, is given up.

    Args:
        log: where whatever the workers and their sandboxes print goes.
        jobs: name and arguments; taken as workers become free.
        count: of processes; one for each core when left out.

    Yields:
        the jobs, as the workers finish.
    """
    count = count or os.cpu_count() or 1
    waiting = iter(jobs)
    while (job := next(waiting, None)) is not None:
        waiting = chain([job], waiting)
        interrupted: list[Job] = []
        with _pool(log, count) as pool:
            yield from in_executor(pool, function, waiting, count * AHEAD, interrupted)
        for job in interrupted:
            again: list[Job] = []
            with _pool(log, 1) as pool:
                yield from in_executor(pool, function, iter([job]), 1, again)
            if again:
                yield Finished(job[0], problem=LOST)
    stop_early()


def in_executor(
    pool: Executor,
    function: Callable[..., Any],
    jobs: Iterator[Job],
    ahead: int,
    interrupted: list[Job],
) -> Iterator[Finished]:
    """Call a function with each job's arguments, in any executor of concurrent.futures.

    Args:
        ahead: how many jobs are handed over before their turn.
        interrupted: takes the jobs that were under way when the executor broke.
    """
    under_way: dict[Future[Any], Job] = {}
    queue: deque[Finished] = deque()
    while not interrupted:
        while len(under_way) < ahead and (job := next(jobs, None)) is not None:
            try:
                under_way[pool.submit(function, *job[1])] = job
            except BrokenExecutor:
                interrupted.append(job)
                break
        if not under_way:
            break
        for future in wait(under_way, return_when=FIRST_COMPLETED).done:
            job = under_way.pop(future)
            try:
                queue.append(Finished(job[0], future.result()))
            except BrokenExecutor:
                interrupted.append(job)
            except Exception as error:  # whatever it is, the other students' work goes on
                queue.append(Finished(job[0], problem=problem_of(error)))
        while queue:
            yield queue.popleft()
    interrupted += under_way.values()


@contextmanager
def _pool(log: Path, count: int) -> Iterator[Workers]:
    pool = _early.pop() if _early else Workers(log, count)
    try:
        yield pool
    except BaseException:
        pool.kill()
        raise
    pool.shutdown(cancel_futures=True)


def _start_worker(log: Path, scratch: str) -> None:
    """Leave the terminal.

    Ctrl-C is the parent's affair, and what sandboxes write to the screen belongs in the log.
    """
    tempfile.tempdir = scratch
    os.setsid()
    _die_with_parent()
    with log.open("ab") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    import torch

    torch.set_num_threads(1)  # the workers share the cores already; a second thread would only wait


def _die_with_parent() -> None:
    """Workers are children of a server process, which lives as long as this command or a little longer."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)
