"""The sandbox in which submissions run: bubblewrap around a warm kernel, and the line to one student's process in it.

No network, nothing to write but a small private /tmp, none of the course's solutions, gradebook or other students' work to
read, no secrets in the environment, own process numbers, few system calls. `inside/warm_kernel.py` is its process 1.
"""

import base64
import json
import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

from autograder.errors import AutograderError
from autograder.sandbox.limits import Limits
from autograder.sandbox.seccomp import seccomp_filter
from autograder.settings import CHECKOUT, PACKAGE
from course.exercises.wire import HEAD, WireError, lengths, pack, unpack

FILES = Path(__file__).parent / "inside"
"""The warm kernel's files."""

INSIDE = "/srv"
"""Where they and the students' edition lie in the sandbox."""

START_SECONDS = 60.0
"""For a warm kernel to load torch."""

GRACE = 2.0
"""Seconds between asking a cell to stop and killing its process."""


LONGEST_ANSWER, MOST_PARTS = 2**25, 2**20
"""Bytes, and lists and dictionaries, in one answer: they are held in the memory of the process that grades."""


class StudentGoneError(Exception):
    """A student's process cannot go on; says why."""


class Student:
    """The line to one student's process: questions and answers, each answer checked and limited in time."""

    def __init__(self, channel: socket.socket, limits: Limits, interrupt: Any) -> None:
        self.channel, self.limits, self.interrupt = channel, limits, interrupt
        self.until = time.monotonic() + limits.seconds
        self.gone = ""

    def files(self, files: dict[str, bytes]) -> None:
        """Hand over what was handed in beside the notebook."""
        self.ask("files", {name: base64.b64encode(data).decode() for name, data in files.items()})

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
            self.gone = "it did not answer in time, nor when it was told to stop" if stop else "it did not answer in time"
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


class Sandbox:
    """A warm kernel in a sandbox, for one notebook after another.

    Args:
        edition: the folder that holds the students' edition of the course.
        limits: of each notebook.
        isolated: False runs a plain process with limits instead, which can read and write what you can.
        device: "cpu", or "cuda" to let notebooks see the GPU.
    """

    def __init__(self, edition: Path, limits: Limits | None = None, *, isolated: bool = True, device: str = "cpu") -> None:
        self.edition, self.limits, self.isolated, self.device = edition, limits or Limits(), isolated, device
        self.process: subprocess.Popen[bytes] | None = None
        self.control: socket.socket | None = None
        self.scratch = ""
        self.last: dict[str, Any] = {}
        """What the warm kernel said about the last notebook: why it was stopped, how it ended, its memory in bytes."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def start(self) -> None:
        """Start the warm kernel, unless it is there already.

        Raises:
            AutograderError: it does not come up.
        """
        if self.process is not None and self.process.poll() is None:
            return
        self.close()
        self.control, theirs = socket.socketpair()
        with theirs, tempfile.TemporaryFile() as complaints, tempfile.TemporaryFile() as rules:
            rules.write(seccomp_filter())
            rules.seek(0)
            self.scratch = "/tmp" if self.isolated else tempfile.mkdtemp()
            limits = {**asdict(self.limits), "scratch": self.scratch, "sandboxed": self.isolated}
            folder = INSIDE if self.isolated else str(FILES)
            kernel = [sys.executable, "-I", "-B", f"{folder}/warm_kernel.py", str(theirs.fileno()), json.dumps(limits)]
            command = [*self._bwrap(rules.fileno()), *kernel] if self.isolated else kernel
            self.process = subprocess.Popen(
                command,
                env=self._environment(),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=complaints,
                stderr=complaints,
                pass_fds=(theirs.fileno(), rules.fileno()),
                start_new_session=True,
            )
            theirs.close()
            if not self._hear(START_SECONDS).get("ready"):
                complaints.seek(0)
                said = complaints.read().decode(errors="replace").strip().splitlines() or ["it says nothing"]
                self.close()
                raise AutograderError(f"the sandbox does not start: {said[-1]} ('autograder doctor' says what to do)")

    @contextmanager
    def student(self) -> Iterator[Student]:
        """A fresh process for one notebook; afterwards it, and all that it left, is gone."""
        self.start()
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                self._tell("start", theirs.fileno())
            try:
                yield Student(ours, self.limits, lambda: self._tell("interrupt"))
            finally:
                self._tell("end")
                self.last = self._hear(3 * GRACE)
                if not self.last.get("clean"):  # whatever it is that stays, it goes with the sandbox
                    self.close()

    def close(self) -> None:
        """Kill the sandbox with everything in it."""
        if self.control is not None:
            self.control.close()
        if self.process is not None:
            if not self.isolated:  # it kills its children when the line ends
                with suppress(subprocess.TimeoutExpired):
                    self.process.wait(3 * GRACE)
            self.process.kill()
            self.process.wait()
        if self.scratch and not self.isolated:
            shutil.rmtree(self.scratch, ignore_errors=True)
        self.process = self.control = None
        self.scratch = ""

    def _tell(self, what: str, *descriptors: int) -> None:
        if self.control is None:
            return
        with suppress(OSError):  # a sandbox that is gone says nothing, and is started anew for the next notebook
            socket.send_fds(self.control, [json.dumps({"do": what}).encode() + b"\n"], descriptors)

    def _hear(self, seconds: float) -> dict[str, Any]:
        """One line from the warm kernel; empty when none comes."""
        if self.control is None:
            return {}
        self.control.settimeout(seconds)
        try:
            line = self.control.recv(4096)
        except OSError:
            return {}
        return json.loads(line) if line.endswith(b"\n") else {}

    def _environment(self) -> dict[str, str]:
        """Everything that a submission finds in its environment."""
        home = self.scratch
        return {
            "PATH": "/usr/bin:/bin",
            "HOME": home,
            "TMPDIR": home,
            "USER": "student",
            "LOGNAME": "student",
            "LANG": "C.UTF-8",
            "MPLBACKEND": "module://matplotlib_inline.backend_inline",
            "MPLCONFIGDIR": f"{home}/.matplotlib",
            "IPYTHONDIR": f"{home}/.ipython",
            "OMP_NUM_THREADS": "1",
            "COURSE_DEVICE": self.device,
            "COURSE_EDITION": f"{INSIDE}/edition" if self.isolated else str(self.edition),
            "NBGRADER_EXECUTION": "autograde",  # as nbgrader says it: pictures become plain pages, progress bars stay away
            "PYTORCH_NVML_BASED_CUDA_CHECK": "1",  # a process that has started CUDA cannot be forked
        }

    def _bwrap(self, rules: int) -> list[str]:
        """Bubblewrap and what it shuts off."""
        program = shutil.which("bwrap")
        if program is None:
            raise AutograderError(
                "bubblewrap is not installed, and without it there is no sandbox: 'autograder doctor' says more"
            )
        command = [program, "--unshare-all", "--unshare-user", "--die-with-parent", "--new-session", "--as-pid-1"]
        command += ["--cap-drop", "ALL", "--hostname", "sandbox", "--uid", "1000", "--gid", "1000"]
        command += ["--size", str(self.limits.disk), "--tmpfs", "/tmp"]
        within = sorted({f"/tmp/{Path(folder).parts[2]}" for folder in _system_folders() if folder.startswith("/tmp/")})
        for folder in within:  # an environment that lies in /tmp: the way to it is not the student's
            command += ["--tmpfs", folder]
        for folder in _system_folders():
            command += ["--ro-bind", folder, folder]
        for folder in within:
            command += ["--remount-ro", folder]
        for link in ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"):
            if os.path.islink(link):
                command += ["--symlink", os.readlink(link), link]
            elif os.path.isdir(link):
                command += ["--ro-bind", link, link]
        for file in ("/etc/ld.so.cache", "/etc/alternatives", "/etc/fonts", "/etc/localtime"):
            command += ["--ro-bind-try", file, file]
        for folder in _hidden_folders():
            command += ["--tmpfs", folder]
            for inner in _needed():  # an environment within the checkout
                if inner != folder and Path(inner).is_relative_to(folder):
                    command += ["--ro-bind", inner, inner]
            command += ["--remount-ro", folder]
        command += ["--ro-bind", str(self.edition), f"{INSIDE}/edition"]
        for file in ("warm_kernel.py", "shell.py"):
            command += ["--ro-bind", str(FILES / file), f"{INSIDE}/{file}"]
        # Where root grades, the kernel takes the student for root, who may write the computer's settings in /proc/sys.
        command += ["--proc", "/proc", "--remount-ro", "/proc", "--dev", "/dev"]
        if self.device == "cuda":
            for file in sorted(Path("/dev").glob("nvidia*")):
                command += ["--dev-bind", str(file), str(file)]
        command += ["--size", str(2**24), "--tmpfs", "/dev/shm", "--remount-ro", "/dev"]
        return [*command, "--chdir", "/tmp", "--seccomp", str(rules), "--remount-ro", "/", "--"]


def _needed() -> set[str]:
    """The folders that Python needs to run."""
    return {"/usr", sys.prefix, sys.base_prefix, str(Path(sys.executable).resolve().parent.parent)}


def _system_folders() -> list[str]:
    """The same, without what lies in another of them."""
    wanted = _needed()
    return sorted(one for one in wanted if not any(one != other and Path(one).is_relative_to(other) for other in wanted))


def _hidden_folders() -> list[str]:
    """Folders among those that hold answers: the instructors' library and this package, where they are installed."""
    places = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    installed = [Path(place) / name for place in places for name in ("course", "autograder")]
    # A checkout has solutions, tests and the gradebook, too; installed, its folder is that of all packages.
    found = [*installed, CHECKOUT if (CHECKOUT / "solutions").is_dir() else PACKAGE]
    return sorted(str(one) for one in found if one.is_dir() and any(one.is_relative_to(folder) for folder in _system_folders()))
