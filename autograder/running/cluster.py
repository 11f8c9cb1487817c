"""Grading on a Dask cluster: workers run notebooks in the same sandbox; this process writes the gradebook.

What travels is a submission's tasks (`task.Task`) and what became of them, as text. Each worker runs one
submission at a time, however many threads it has: its sandbox, torch's threads and COURSE_DEVICE belong to
the process. We choose the worker ourselves, because Dask blames all tasks that wait at a worker for its
death, and lets a task kill four workers.
"""

import json
import logging
import math
import pickle
import threading
import time
import uuid
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import dask.config
import nbformat
from distributed import Client, Future

from autograder.errors import AutograderError, NotGradedError, Problem, problem_of
from autograder.running.cache import surroundings
from autograder.running.task import Executed, Finished, Job, Task
from autograder.sandbox.bwrap import sandbox_problem

AHEAD = 2
"""Submissions at a worker: one runs, and one waits there, so that the worker need not wait while we write the
gradebook."""

CONNECT_SECONDS = 10.0
"""For the scheduler to answer, and for a first worker to be there."""

EXAMINE_SECONDS = 120.0
"""For a worker to load torch and to say what it is."""

PATIENCE = 60.0
"""Seconds without any worker before we give up: a nanny starts a new one within a few."""

POLL = 0.5
"""Seconds between two looks at who is there."""

DIED = "died twice while it ran, perhaps for lack of memory"
LOST = Problem("its worker on the cluster", DIED, "grade it again")

STOPPED = Problem("the run", "was stopped", "grade it again")

OTHER = (
    "has another version of the course, the autograder or their packages: install there what is here, "
    "and restart it"
)


@contextmanager
def on_cluster(
    address: str,
    log: Path,
    *,
    isolated: bool = True,
    device: str = "cpu",
    say: Callable[[str], None] = lambda line: None,
) -> Iterator["Cluster"]:
    """Connect to a cluster, and leave nothing running there afterwards, however the block ends.

    Use tls:// wherever others can read or write on the network: who reaches a Dask scheduler can run programs
    on it.

    Args:
        address: the scheduler's, tcp://… or tls://…
        log: where Dask's own messages go.
        isolated: whether notebooks must run in a sandbox.
        device: on which they compute.
        say: called with a line about each worker that is left out.

    Raises:
        AutograderError: nobody answers there, or no worker can grade.
    """
    with _quiet_dask(log), dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 GiB"}):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # versions of packages that matter are compared by `_examine`
                client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
        except Exception as error:  # whatever a wrong address leads to: OSError, ValueError, TypeError
            first_line = (str(error).strip().splitlines() or [type(error).__name__])[0]
            cause = f"answers at {address} ({first_line})"
            raise AutograderError("no Dask scheduler", cause, "'dask scheduler' starts one") from error
        cluster = Cluster(client, address, isolated, device, say)
        try:
            cluster.find_workers()
            yield cluster
        finally:
            cluster.leave()


@dataclass(frozen=True)
class _UnderWay:
    job: Job
    worker: str
    alone: bool
    """Whether it is tried again, with no other at its worker."""
    future: Future


class Cluster:
    """A runner for `engine.grade`, with the signature of `workers.in_workers`; `on_cluster` makes one."""

    def __init__(
        self, client: Client, address: str, isolated: bool, device: str, say: Callable[[str], None]
    ) -> None:
        self.client, self.address, self.isolated, self.device, self.say = (
            client,
            address,
            isolated,
            device,
            say,
        )
        self.session = uuid.uuid4().hex
        self.workers: dict[str, str | None] = {}
        """By address: empty when it can grade, else why not; None while it is examined."""
        self.under_way: dict[str, _UnderWay] = {}
        self.finished: SimpleQueue[str] = SimpleQueue()
        self._examined: dict[str, Future] = {}
        self._looked = self._seen = time.monotonic()

    def __call__(self, log: Path, function: Callable[..., Any], jobs: Iterable[Job]) -> Iterator[Finished]:
        """Call a function with each job's arguments, on the cluster's workers.

        When a worker dies, what it had is run again, each with a worker to itself; what loses that one, too,
        is given up.

        Args:
            log: not used; each worker has its own.
            function: takes tasks by notebook, and returns what became of them.
            jobs: name and arguments; taken as workers become free.

        Yields:
            the jobs, as the workers finish.

        Raises:
            AutograderError: the scheduler is gone, or all workers are.
        """
        waiting, again = iter(jobs), deque[Job]()
        more = True
        while more or again or self.under_way:
            self._look()
            for key in [key for key, attempt in self.under_way.items() if attempt.worker not in self.workers]:
                yield from self._lost(key, again)
            while (more or again) and (worker := self._free(bool(again))) is not None:
                alone = bool(again)
                job = again.popleft() if alone else next(waiting, None)
                if job is None:
                    more = False
                else:
                    self._submit(function, job, worker, alone)
            if not self.under_way and not again and not more:
                return
            with suppress(Empty):
                key = self.finished.get(timeout=POLL)
                if key in self.under_way:
                    yield from self._arrived(key, again)

    def find_workers(self) -> None:
        """Wait until every worker has been examined.

        Raises:
            AutograderError: none can grade.
        """
        began = time.monotonic()
        while True:
            self._look(at_once=True)
            waited = time.monotonic() - began
            examining = any(problem is None for problem in self.workers.values())
            if (self.workers and not examining) or waited > (
                EXAMINE_SECONDS if self.workers else CONNECT_SECONDS
            ):
                break
            time.sleep(0.1)
        if not self.workers:
            cure = f"'dask worker {self.address}' starts one"
            raise AutograderError(f"the cluster at {self.address}", "has no workers", cure)
        if "" not in self.workers.values():
            worker, problem = min(self.workers.items())
            reason = problem or "does not answer: is it busy with other work?"
            raise AutograderError(f"no worker at {self.address}", f"can grade; {worker} {reason}")

    def leave(self) -> None:
        """Cancel what is under way, end the sandboxes in which it runs, and go."""
        futures = [attempt.future for attempt in self.under_way.values()]
        with suppress(Exception):  # a cluster that is gone has nothing left to stop
            self.client.cancel([*futures, *self._examined.values()], force=True)
            here = [worker for worker in self._here() if self.workers.get(worker) == ""]
            if here:
                self.client.run(pickle.loads, _later(_leave, self.session), workers=here, on_error="ignore")
        self.under_way.clear()
        self._examined.clear()
        with suppress(Exception):
            self.client.close(timeout=5)

    def _here(self) -> set[str]:
        threads: Any = self.client.nthreads()
        return set(threads)

    def _look(self, *, at_once: bool = False) -> None:
        """Who is there: notice workers that have gone, and examine those that have come."""
        now = time.monotonic()
        if now - self._looked < POLL and not at_once:
            return
        self._looked = now
        try:
            here = self._here()
        except Exception as error:
            cure = "what is graded stays graded; try again"
            raise AutograderError(f"the scheduler at {self.address}", "is gone", cure) from error
        for worker in set(self.workers) - here:
            del self.workers[worker]
            self._examined.pop(worker, None)
        for worker in here - set(self.workers):
            self.workers[worker] = None
            self._examined[worker] = self._run(worker, _examine, self.isolated, self.device)
        for worker, future in list(self._examined.items()):
            if future.done():
                del self._examined[worker]
                self.workers[worker] = _fitness(future)
                if self.workers[worker]:
                    self.say(f"{worker} is left out: it {self.workers[worker]}")
        if any(problem in ("", None) for problem in self.workers.values()):
            self._seen = now
        elif now - self._seen > PATIENCE:
            cure = "what is graded stays graded; start some, and try again"
            raise AutograderError("no worker", f"is left at {self.address}", cure)

    def _free(self, alone: bool) -> str | None:
        """The worker that has least to do; None when all have enough."""
        load = {worker: 0 for worker, problem in self.workers.items() if problem == ""}
        for attempt in self.under_way.values():
            if attempt.worker in load:
                load[attempt.worker] += AHEAD if attempt.alone else 1
        worker = min(load, key=lambda worker: load[worker], default=None)
        return worker if worker is not None and load[worker] < (1 if alone else AHEAD) else None

    def _submit(self, function: Callable[..., Any], job: Job, worker: str, alone: bool) -> None:
        future = self._run(worker, _call, self.session, pack(function, job[1]))
        key = str(future.key)
        self.under_way[key] = _UnderWay(job, worker, alone, future)
        future.add_done_callback(lambda done: self.finished.put(key))

    def _run(self, worker: str, function: Callable[..., Any], *arguments: Any) -> Future:
        key = f"submission-{uuid.uuid4().hex}"  # no student's name: others may watch the cluster
        return self.client.submit(
            pickle.loads, _later(function, *arguments), key=key, workers=[worker], allow_other_workers=False
        )

    def _arrived(self, key: str, again: deque[Job]) -> Iterator[Finished]:
        attempt = self.under_way[key]
        patience = 2.0
        while True:
            try:
                answer = attempt.future.result(timeout=patience)
                break
            except TimeoutError:  # the worker may have died between finishing and handing over
                self._look(at_once=True)
                if attempt.worker not in self.workers:
                    yield from self._lost(key, again)
                    return
                patience *= 2
            except CancelledError:
                yield from self._lost(key, again)
                return
            except Exception as error:
                if type(error).__name__ in ("KilledWorker", "FutureCancelledError"):
                    yield from self._lost(key, again)
                    return
                answer = json.dumps({"problem": problem_of(error)})
                break
        del self.under_way[key]
        name, (tasks,) = attempt.job
        try:
            yield Finished(name, check(tasks, answer))
        except NotGradedError as error:
            yield Finished(name, problem=error.problem)

    def _lost(self, key: str, again: deque[Job]) -> Iterator[Finished]:
        attempt = self.under_way.pop(key)
        with suppress(Exception):
            self.client.cancel([attempt.future], force=True)
        if attempt.alone:
            yield Finished(attempt.job[0], problem=LOST)
        else:
            again.append(attempt.job)


def pack(function: Callable[..., Any], arguments: tuple[Any, ...]) -> bytes:
    """All that is sent to a worker."""
    return pickle.dumps((function, arguments))


class _Call:
    """A call that is made when it is unpickled."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.call


def _later(function: Callable[..., Any], *arguments: Any) -> bytes:
    """A call for `pickle.loads`, so that the scheduler needs neither course nor torch.

    The scheduler unpickles what it hands on.
    """
    return pickle.dumps(_Call(function, *arguments))


def check(tasks: dict[str, Task], answer: object) -> dict[str, Executed]:
    """What a worker says became of these tasks: it must be the same notebooks, with outputs.

    Raises:
        NotGradedError: the worker says that it could not, or something else than these notebooks.
    """
    try:
        content = json.loads(answer) if isinstance(answer, str) else {}
        if problem := content.get("problem"):
            what, cause, cure = (str(part).strip().partition("\n")[0] for part in problem)
            raise NotGradedError(what, cause, cure)
        done = {name: Executed(**about) for name, about in content["done"].items()}
        if done.keys() != tasks.keys():
            raise ValueError("other notebooks")
        for name, executed in done.items():
            _check(tasks[name], executed)
    except (
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        RecursionError,
        nbformat.ValidationError,
    ) as error:
        first_line = (str(error).strip().splitlines() or [""])[0][:100]
        cause = f"cannot be used ({first_line})"
        raise NotGradedError("what the cluster's worker answered", cause, "grade it again") from None
    return done


def _check(task: Task, executed: Executed) -> None:
    kinds = [type(value) for value in (executed.notebook, executed.seconds, executed.stopped, executed.peak)]
    if kinds not in ([str, float, str, int], [str, int, str, int]) or not math.isfinite(executed.seconds):
        raise ValueError("values of other types")
    notebook = nbformat.reads(executed.notebook, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    if notebook != nbformat.reads(task.notebook, as_version=4):
        raise ValueError("a notebook with other cells")


def _fitness(future: Future) -> str:
    """Why a worker cannot grade; empty when it can."""
    try:
        answer = future.result(timeout=CONNECT_SECONDS)
    except (ImportError, AttributeError):
        return OTHER
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return f"cannot be asked ({type(error).__name__})"
    if not isinstance(answer, list | tuple) or list(map(type, answer)) != [str, str]:
        return OTHER
    return OTHER if answer[0] != surroundings() else answer[1]


@contextmanager
def _quiet_dask(log: Path) -> Iterator[None]:
    """Send Dask's messages to a file while the block runs."""
    handler = logging.FileHandler(log)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    loggers = [
        logging.getLogger(name) for name in ("distributed", "distributed.client", "tornado", "asyncio")
    ]
    before = [(logger.handlers, logger.propagate) for logger in loggers]
    for logger in loggers:
        logger.handlers, logger.propagate = [handler], False
    try:
        yield
    finally:
        for logger, (handlers, propagate) in zip(loggers, before, strict=True):
            logger.handlers, logger.propagate = handlers, propagate
        handler.close()


# From here on: what runs on the workers.

_turn = threading.Lock()
_running = ""
"""The session whose submission runs in this process."""
_ended: set[str] = set()


def _examine(isolated: bool, device: str) -> tuple[str, str]:
    """What this worker is, and why it cannot grade."""
    import torch  # only here: this module is also the engine's, which does without

    if isolated and (problem := sandbox_problem()):
        return surroundings(), f"has no sandbox: {problem}"
    return surroundings(), "has no GPU" if device == "cuda" and not torch.cuda.is_available() else ""


def _call(session: str, packed: bytes) -> str:
    """Run one submission; the answer is JSON, so that nothing but text comes back."""
    import torch

    from autograder.running.execute import close_sandboxes

    global _running
    with _turn:
        if session in _ended:
            return json.dumps({"problem": STOPPED})
        _running, threads = session, torch.get_num_threads()
        torch.set_num_threads(1)  # as in our own workers; the cluster's other work gets its threads back
        try:
            function, (tasks,) = pickle.loads(packed)
            done: dict[str, Any] = {}
            for name, task in tasks.items():
                if session in _ended:
                    return json.dumps({"problem": STOPPED})
                done |= {name: asdict(executed) for name, executed in function({name: task}).items()}
            return json.dumps({"done": done})
        except Exception as error:  # whatever it is, the other students' work goes on
            return json.dumps({"problem": problem_of(error)})
        finally:
            torch.set_num_threads(threads)
            _running = ""
            if session in _ended:
                close_sandboxes()


def _leave(session: str) -> None:
    """Take no more of a session's work, and end what runs for it; another session's goes on."""
    from autograder.running.execute import close_sandboxes

    _ended.add(session)
    if _running == session:
        close_sandboxes()  # what runs in them ends at once
    elif _turn.acquire(blocking=False):
        try:
            close_sandboxes()
        finally:
            _turn.release()
