"""The sandbox in which submissions run, from the host's side: a warm kernel for one notebook after another.

No network, nothing to write but a small private /tmp, none of the course's solutions, gradebook or other
students' work to read, no secrets in the environment, own process numbers, few system calls.
`inside/warm_kernel.py` is its process 1.
"""

import json
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from autograder.errors import AutograderError
from autograder.sandbox.bwrap import FILES, INSIDE, bwrap_command
from autograder.sandbox.seccomp import seccomp_filter
from autograder.sandbox.student import GRACE, Student
from autograder.settings import Limits

START_SECONDS = 60.0
"""For a warm kernel to load torch."""


@dataclass(frozen=True)
class Ending:
    """What the warm kernel says of a notebook whose processes have ended; nothing, if it has ended itself."""

    clean: bool = False
    """Whether nothing of the notebook is left in the sandbox."""
    reason: str = ""
    """Why it was stopped; empty when it was not."""
    status: int | None = None
    """The first process's exit status."""
    peak: int = 0
    """Bytes of memory."""


class Sandbox:
    """A warm kernel in a sandbox, for one notebook after another.

    Args:
        edition: the folder that holds the students' edition of the course.
        limits: of each notebook.
        isolated: False runs a plain process with limits instead, which can read and write what you can.
        device: "cpu", or "cuda" to let notebooks see the GPU.
    """

    def __init__(
        self, edition: Path, limits: Limits | None = None, *, isolated: bool = True, device: str = "cpu"
    ) -> None:
        self.edition, self.limits, self.isolated, self.device = edition, limits or Limits(), isolated, device
        self.process: subprocess.Popen[bytes] | None = None
        self.control: socket.socket | None = None
        self.scratch = ""
        self.last = Ending()
        """How the last notebook ended."""

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
            kernel = [
                sys.executable,
                "-I",
                "-B",
                f"{folder}/warm_kernel.py",
                str(theirs.fileno()),
                json.dumps(limits),
            ]
            command = kernel
            if self.isolated:
                command = [
                    *bwrap_command(self.edition, self.limits, rules.fileno(), device=self.device),
                    *kernel,
                ]
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
                lines = complaints.read().decode(errors="replace").strip().splitlines() or ["it says nothing"]
                self.close()
                raise AutograderError(
                    "the sandbox", f"does not start ({lines[-1]})", "'autograder doctor' says what to do"
                )

    @contextmanager
    def student(self, until: float | None = None) -> Iterator[Student]:
        """A fresh process; afterwards it, and all that it left, is gone.

        Args:
            until: when it is given up, in time.monotonic's seconds; after a notebook's time when left out.
        """
        self.start()
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                self._tell("start", theirs.fileno())
            try:
                yield Student(ours, self.limits, lambda: self._tell("interrupt"), until)
            finally:
                self._tell("end")
                self.last = Ending(**self._hear(3 * GRACE))
                if not self.last.clean:  # whatever it is that stays, it goes with the sandbox
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
        # a sandbox that is gone says nothing, and is started anew for the next notebook
        with suppress(OSError):
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
            # as nbgrader says it: pictures become plain pages, progress bars stay away
            "NBGRADER_EXECUTION": "autograde",
            "PYTORCH_NVML_BASED_CUDA_CHECK": "1",  # a process that has started CUDA cannot be forked
        }
