"""Worker processes: they share the cores, have nbgrader loaded before they start, and die with the command."""

import multiprocessing
import multiprocessing.forkserver
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def warm_up() -> None:
    """Let the process from which workers are forked load nbgrader now, while this one is still busy otherwise."""
    multiprocessing.forkserver.set_forkserver_preload(["autograder.execute"])
    multiprocessing.forkserver.ensure_running()


def in_workers(log: Path, function: Callable[..., str], tasks: dict[str, tuple[Any, ...]]) -> Iterator[tuple[str, str]]:
    """Call a function with each task's arguments.

    Args:
        log: where whatever the workers and their kernels print goes.
        function: returns a problem in one line, empty when all went well.
        tasks: arguments by name.

    Yields:
        (name, problem), as the workers finish.
    """
    if not tasks:
        return
    with _pool(log, min(len(tasks), os.cpu_count() or 1)) as pool:
        names = {pool.submit(function, *arguments): name for name, arguments in tasks.items()}
        for future in as_completed(names):
            try:
                problem = future.result()
            except BrokenProcessPool:
                problem = "the process that ran it was killed, perhaps for lack of memory: grade it again"
            except Exception as error:  # whatever it is, the other students' work goes on
                problem = f"{type(error).__name__}: {error} (the whole story: {log})"
            yield names[future], problem


@contextmanager
def _pool(log: Path, workers: int) -> Iterator[ProcessPoolExecutor]:
    warm_up()
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("forkserver"), _start_worker, (log,))
    before = set(multiprocessing.active_children())
    try:
        yield pool
    except BaseException:
        for worker in set(multiprocessing.active_children()) - before:
            worker.kill()  # its kernels notice and end by themselves
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _start_worker(log: Path) -> None:
    """Leave the terminal: Ctrl-C is the parent's affair, and what kernels write to the screen belongs in the log."""
    os.setsid()
    with log.open("ab") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    os.environ["OMP_NUM_THREADS"] = "1"  # the workers share the cores already; a second thread would only wait
