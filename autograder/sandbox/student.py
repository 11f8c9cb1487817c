"""The line from the host to one student's process: questions go out, and answers come back."""

import base64
import socket
import time
from collections.abc import Callable
from typing import Any

from autograder.settings import Limits
from course.exercises.wire import HEAD, WireError, lengths, pack, unpack

GRACE = 2.0
"""Seconds between asking a cell to stop and killing its process."""

LONGEST_ANSWER, MOST_PARTS = 2**25, 2**20
"""Bytes, and lists and dictionaries, in one answer: the process that grades holds them in its memory."""


class StudentGoneError(Exception):
    """A student's process cannot go on; says why."""


class Student:
    """The line to one student's process; each answer is checked, and limited in size and time."""

    def __init__(
        self,
        channel: socket.socket,
        limits: Limits,
        interrupt: Callable[[], None],
        until: float | None = None,
    ) -> None:
        self.channel, self.limits, self.interrupt = channel, limits, interrupt
        self.until = time.monotonic() + limits.seconds if until is None else until
        self.gone = ""

    def files(self, files: dict[str, bytes]) -> None:
        """Hand over what was handed in beside the notebook."""
        self.ask("files", {name: base64.b64encode(data).decode() for name, data in files.items()})

    def shut(self) -> None:
        """Let no module there fall back on torch.autograd any more, but where a question allows it."""
        self.ask("shut")

    def ask(self, what: str, *of: Any, stop: bool = False) -> dict[str, Any]:
        """The answer to one question.

        Args:
            what: the name of what is asked (see `inside/shell.py`).
            of: its arguments: strings, numbers, lists, dictionaries and arrays.
            stop: whether to interrupt what takes too long before giving it up.

        Raises:
            StudentGoneError: there is none; nor will there be another.
        """
        if self.gone:
            raise StudentGoneError(self.gone)
        try:
            self.channel.settimeout(self._left())
            self.channel.sendall(pack({"ask": what, "of": list(of)}))
            try:
                return self._receive(self._left())
            except TimeoutError:
                if not stop:
                    raise
                self.interrupt()
                return {**self._receive(GRACE), "slow": True}
        except TimeoutError:
            self.gone = (
                ("it did not answer in time, nor when it was told to stop")
                if stop
                else "it did not answer in time"
            )
        except WireError as error:
            self.gone = f"its answer could not be read: {error}"
        except OSError as error:
            self.gone = f"it broke off ({error.strerror or error})"
        raise StudentGoneError(self.gone)

    def _left(self) -> float:
        left = min(self.limits.cell_seconds, self.until - time.monotonic())
        if left <= 0:
            raise TimeoutError
        return left

    def _receive(self, seconds: float) -> dict[str, Any]:
        until = time.monotonic() + seconds
        head = self._read(HEAD, until)
        if sum(lengths(head)) > LONGEST_ANSWER:
            raise WireError(f"it is longer than {LONGEST_ANSWER // 2**20} MiB")
        data = self._read(sum(lengths(head)), until)
        text = data[: lengths(head)[0]]
        if text.count(b"[") + text.count(b"{") > MOST_PARTS:
            raise WireError(f"it has more than {MOST_PARTS} parts")
        try:
            answer = unpack(head + data)
        except WireError:
            raise
        except Exception as error:  # a student's process may have made it by itself, of whatever it likes
            raise WireError(f"it is no answer ({type(error).__name__})") from None
        if not isinstance(answer, dict):
            raise WireError("it is not a dictionary")
        return answer

    def _read(self, count: int, until: float) -> bytes:
        parts = []
        while count > 0:
            left = until - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self.channel.settimeout(left)
            part = self.channel.recv(min(count, 2**20))
            if not part:
                raise WireError("the process ended: does the code call os._exit(), or use up the memory?")
            parts.append(part)
            count -= len(part)
        return b"".join(parts)
