"""The judge: grades a student's object that lives in another process, from arrays alone.

The student's code runs in a process of its own and answers questions; the judge asks them with inputs that no notebook
contains, compares the arrays that come back, and fails closed: what is not an answer earns nothing.
"""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from course.evidence import Evidence
from course.exercises import Score, find_exercise, grade
from course.exercises.serve import receive
from course.exercises.wire import WireError, pack, unpack

PATIENCE = 30.0
"""Seconds for one answer. The other side has its own, shorter limits; past this the process hangs, or does not want to."""


class Remote:
    """A respondent in another process, asked over two pipes. Whatever comes back is checked before it is used."""

    def __init__(self, process: subprocess.Popen[bytes], patience: float = PATIENCE) -> None:
        self.process, self.patience = process, patience
        self._problem = ""

    def about(self) -> dict[str, Any]:
        """The object's problem, and what its source shows."""
        found = self._ask("about")
        problem = self._problem or _text(found.get("problem"))
        return {"problem": problem, "shortcuts": [_text(said) for said in _list(found.get("shortcuts"))]}

    def own(self, label: str) -> dict[str, Any]:
        """A module of the student's own: inputs' names and parameters."""
        found = self._ask("own", label)
        state = {str(name): value for name, value in _dict(found.get("state")).items() if isinstance(value, np.ndarray)}
        names = [_text(name) for name in _list(found.get("names"))]
        return {"problem": self._problem or _text(found.get("problem")), "names": names, "state": state}

    def probe(
        self, label: str, state: dict[str, np.ndarray], names: Sequence[str], inputs: Sequence[Any], grads: Sequence[np.ndarray]
    ) -> Evidence:
        """One probe."""
        found = self._ask("probe", label, state, list(names), list(inputs), list(grads))
        if self._problem:
            return Evidence(errors={"forward": self._problem}, timed_out=True)
        return Evidence(
            outputs=tuple(_array(value) for value in _list(found.get("outputs"))),
            grads={name: _array(value) for name, value in _dict(found.get("grads")).items()},
            grads_again={name: _array(value) for name, value in _dict(found.get("grads_again")).items()},
            changed=tuple(_text(name) for name in _list(found.get("changed"))),
            demands_forward=found.get("demands_forward") is True,
            timed_out=found.get("timed_out") is True,
            errors={stage: _text(said) for stage, said in _dict(found.get("errors")).items()},
            shortcuts=tuple(_text(said) for said in _list(found.get("shortcuts"))),
        )

    def forward(self, label: str, state: dict[str, np.ndarray], inputs: Sequence[Any]) -> dict[str, Any]:
        """One forward."""
        found = self._ask("forward", label, state, list(inputs))
        outputs = [value for value in _list(found.get("outputs")) if isinstance(value, np.ndarray)]
        problem = self._problem or _text(found.get("problem"))
        return {"problem": problem or ("" if outputs else "forward gave nothing"), "outputs": outputs}

    def call(self, label: str, inputs: Sequence[np.ndarray]) -> dict[str, Any]:
        """One call of a function."""
        found = self._ask("call", label, list(inputs))
        results = [value for value in _list(found.get("results")) if isinstance(value, np.ndarray)]
        changed = [value for value in _list(found.get("changed")) if type(value) is int]
        problem = self._problem or _text(found.get("problem"))
        return {
            "problem": problem,
            "results": results,
            "changed": changed,
            "slow": found.get("slow") is True or bool(self._problem),
        }

    def _ask(self, what: str, *of: Any) -> dict[str, Any]:
        """The answer to one question; empty, with the reason noted, once the process has failed to give one."""
        if self._problem:
            return {}
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.write(pack({"ask": what, "of": list(of)}))
            self.process.stdin.flush()
            data = receive(_Impatient(self.process.stdout.fileno(), self.patience))  # pyright: ignore[reportArgumentType]
            if data is None:
                raise WireError("the process ended: does the code call exit(), or use up the memory?")
            return _dict(unpack(data))
        except TimeoutError:
            self._problem = f"there was no answer within {self.patience:g} s"
        except (WireError, OSError) as error:
            self._problem = f"the student's process gave no answer: {error}"
        self.process.kill()
        return {}


class _Impatient:
    """A pipe's end to read from, for a limited time."""

    def __init__(self, descriptor: int, patience: float) -> None:
        self.descriptor, self.until = descriptor, time.monotonic() + patience

    def read(self, count: int) -> bytes:
        """Some bytes, at most `count`; none at the end.

        Raises:
            TimeoutError: nothing came in time.
        """
        ready, _, _ = select.select([self.descriptor], [], [], max(0.0, self.until - time.monotonic()))
        if not ready:
            raise TimeoutError
        return os.read(self.descriptor, min(count, 2**16))


@contextmanager
def student_process(path: Path, name: str, exercise: str, *, patience: float = PATIENCE) -> Iterator[Remote]:
    """Start a process that runs the Python file at `path` and answers for the object `name` in it; it is killed in the end."""
    command = [sys.executable, "-m", "course.exercises", str(path), name, exercise]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
    try:
        yield Remote(process, patience)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # with whatever the student's code started
        process.communicate()


def judge_file(path: Path, name: str, exercise: str, *, seed: int, patience: float = PATIENCE) -> Score:
    """Grade the object `name` of a Python file that runs in a process of its own."""
    with student_process(path, name, exercise, patience=patience) as remote:
        return grade(find_exercise(exercise), remote, seed=seed)


def _array(value: Any) -> np.ndarray | None:
    return value if isinstance(value, np.ndarray) else None


def _text(value: Any) -> str:
    return value[:500] if isinstance(value, str) else ""


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
