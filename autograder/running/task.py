"""One notebook to run and what became of it, as plain data that may travel to another process or machine."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from autograder.errors import Problem
from autograder.settings import Limits

LEFT_OUT = (".ipynb", ".so", ".pyd", ".pyc", ".pyo")
"""Files that do not go along: other notebooks, and code that nobody can read."""

MOST_FILES = 2**25
"""Bytes of other files that may be handed in with a notebook."""


@dataclass(frozen=True)
class Task:
    """One notebook to run, as plain data: it may travel to another machine."""

    notebook: str
    """The hardened notebook, as JSON."""
    files: dict[str, bytes] = field(default_factory=dict)
    """What else was handed in."""
    seed: int = 0
    """Of the judge's inputs."""
    limits: Limits = field(default_factory=Limits)
    isolated: bool = True
    device: str = "cpu"


@dataclass(frozen=True)
class Executed:
    """What became of it."""

    notebook: str
    """The notebook with its outputs, as JSON."""
    seconds: float
    stopped: str = ""
    """Why it was not run to the end; empty when it was."""
    peak: int = 0
    """Bytes of memory."""


Job = tuple[str, tuple[Any, ...]]
"""A name, and the arguments of a call that is made somewhere else."""


@dataclass(frozen=True)
class Finished:
    """A job that was done somewhere else: its result, or why there is none."""

    name: str
    result: Any = None
    problem: Problem | None = None


class Runner(Protocol):
    """Calls a function with each job's arguments somewhere: `workers.in_workers`, or a cluster's."""

    def __call__(self, log: Path, function: Callable[..., Any], jobs: Iterable[Job]) -> Iterator[Finished]:
        """The jobs, as they are finished."""
        ...


def read_files(folder: Path) -> dict[str, bytes]:
    """What was handed in beside the notebooks: plain files, no links, and not too much of it."""
    files, total = {}, 0
    for path in sorted(folder.rglob("*")):
        inside = [path, *(parent for parent in path.parents if parent.is_relative_to(folder))]
        if path.suffix in LEFT_OUT or not path.is_file() or any(part.is_symlink() for part in inside):
            continue
        total += path.stat().st_size
        if total > MOST_FILES:
            break
        files[str(path.relative_to(folder))] = path.read_bytes()
    return files
