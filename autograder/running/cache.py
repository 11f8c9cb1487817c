"""Results of notebooks that were run before, and whether they still hold.

What was executed, in what, and with which limits decides that.
"""

import hashlib
import importlib.metadata
import importlib.util
import json
import os
import platform
from dataclasses import asdict
from functools import cache
from pathlib import Path

from autograder.running.task import Executed, Task
from autograder.settings import PACKAGE, write_whole

NO_CODE = ("work", "demo/bank")
"""Folders of the package that hold students' files, though some of them end in .py."""

PACKAGES = ("torch", "numpy", "IPython", "matplotlib")


class Cache:
    """A folder of results, one file each. Nothing in the sandbox can see it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find(self, task: Task) -> Executed | None:
        """The result of an equal task; None when there is none, or when the file is damaged."""
        try:
            fields = json.loads(self._path(task).read_text(encoding="utf-8"))
            return Executed(**fields)
        except (OSError, ValueError, TypeError):
            return None

    def keep(self, task: Task, executed: Executed) -> None:
        """Note a result, unless the next run may have another.

        A notebook that ran out of time or memory is run again.
        """
        if executed.stopped or '"CellTimeout"' in executed.notebook:
            return
        write_whole(self._path(task), json.dumps(asdict(executed)))

    def _path(self, task: Task) -> Path:
        key = task_key(task)
        return self.folder / key[:2] / f"{key}.json"


def task_key(task: Task) -> str:
    """A number that two tasks share only when they must have the same result."""
    digest = hashlib.sha256()
    files = {name: hashlib.sha256(data).hexdigest() for name, data in sorted(task.files.items())}
    about = [task.notebook, files, task.seed, asdict(task.limits), task.isolated, task.device, surroundings()]
    digest.update(json.dumps(about, sort_keys=True).encode())
    return digest.hexdigest()


@cache
def surroundings() -> str:
    """What all tasks share: the machine's software, the library that judges, and the engine.

    The students' edition is made from that library, too.
    """
    versions = {name: importlib.metadata.version(name) for name in PACKAGES}
    about = [platform.python_version(), platform.machine(), versions]
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    for folder in (_course(), PACKAGE):
        for path in _code(folder):
            digest.update(f"{path.relative_to(folder.parent)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def _code(package: Path) -> list[Path]:
    """The Python files of a package, in one order; where students' files lie is not even looked into."""
    left_out, paths = {package / name for name in NO_CODE}, []
    for folder, folders, files in os.walk(package):
        folders[:] = [name for name in folders if Path(folder, name) not in left_out]
        paths += [Path(folder, name) for name in files if name.endswith(".py")]
    return sorted(paths)


def _course() -> Path:
    """Where the library lies, found without loading it."""
    spec = importlib.util.find_spec("course")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent
