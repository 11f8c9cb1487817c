"""A warm kernel: process 1 of the sandbox, which has torch loaded and forks a process for each notebook.

It runs inside the sandbox as ``python warm_kernel.py CONTROL LIMITS`` and imports the students' edition of
the course and what Python offers, nothing of the autograder. CONTROL is the descriptor of a socket on which
the engine says one line of JSON at a time: {"do": "start"}, which comes with the socket on which the forked
process answers; {"do": "interrupt"}; {"do": "end"}, after which every process but this one is killed and
every file wiped, so that nothing of a student meets the next.
"""

import ctypes
import itertools
import json
import os
import resource
import select
import signal
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

WATCH = 0.05
"""Seconds between looks at what a student's processes use."""

WIPE = 2.0
"""Seconds to wipe a student's files; a sandbox that needs longer is thrown away whole."""

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER = 1, 4, 36


def prctl(option: int, value: int) -> None:
    """Linux's prctl; nothing on other systems."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def main(control: socket.socket, limits: dict[str, Any]) -> None:
    """Load what students' notebooks need, then fork, watch and clean up until the engine closes its end."""
    for number in (
        signal.SIGINT,
        signal.SIGTERM,
        signal.SIGHUP,
        signal.SIGQUIT,
        signal.SIGPIPE,
        signal.SIGALRM,
    ):
        signal.signal(number, signal.SIG_IGN)  # a student's process may send them
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    # without a sandbox, orphans come to this process, as they do to a process 1
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    from shell import Shell  # the file beside this one, which takes seconds to load

    shell = Shell.warm()
    sys.modules.pop("shell")  # a notebook has no use for it
    sys.path.remove(str(Path(__file__).parent))
    prctl(PR_SET_DUMPABLE, 0)  # nobody may look into this process's memory and descriptors through /proc
    control.sendall(json.dumps({"ready": os.getpid()}).encode() + b"\n")
    student, base = 0, _private(os.getpid())
    watch = Watch(limits, base)
    while True:
        ready, _, _ = select.select([control], [], [], WATCH if student else None)
        if not ready:
            watch.look(student)
            continue
        line, descriptors, _, _ = socket.recv_fds(control, 4096, 1)
        if not line:
            _kill_all(student, limits)
            return
        told = json.loads(line)["do"]
        if told == "start":
            watch = Watch(limits, base)
            student = _fork(shell, descriptors[0], control, limits)
        elif told == "interrupt":
            with suppress(ProcessLookupError):
                os.kill(student, signal.SIGINT)
        elif told == "end":
            watch.reap(student)
            clean = _kill_all(student, limits) and _wipe(limits["scratch"])
            answer = {"clean": clean, "reason": watch.reason, "status": watch.status, "peak": watch.peak}
            student = 0
            control.sendall(json.dumps(answer).encode() + b"\n")
        for descriptor in descriptors:
            os.close(descriptor)


def _fork(shell: Any, descriptor: int, control: socket.socket, limits: dict[str, Any]) -> int:
    """Fork the process of one notebook; it never returns."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        control.close()
        channel = os.dup2(descriptor, 3)
        os.closerange(4, 1024)
        os.setsid()
        prctl(PR_SET_DUMPABLE, 1)
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGALRM):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.nice(5)  # the watch over it comes first
        _limit(limits)
        shell.serve(socket.socket(fileno=channel), Path(limits["scratch"]))
        status = 0
    finally:
        os._exit(status)


def _limit(limits: dict[str, Any]) -> None:
    """Limits of the one process; what all of a student's processes use together is watched."""
    if sys.platform == "linux":
        used = int(_status("self").get("VmData", "0 kB").split()[0]) * 1024
        _lower(resource.RLIMIT_DATA, used + limits["memory"])
    _lower(resource.RLIMIT_FSIZE, limits["file"])
    _lower(resource.RLIMIT_NOFILE, limits["files"])
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_CPU, int(limits["seconds"]) + 5)
    if limits["sandboxed"]:  # elsewhere it would count all that the user runs
        _lower(resource.RLIMIT_NPROC, limits["processes"])


def _lower(what: int, value: int) -> None:
    hard = resource.getrlimit(what)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(what, (value, value))


class Watch:
    """Sees to it that a student's processes together stay within their limits.

    It remembers how the first of them ended.

    Args:
        limits: of all of them together.
        base: bytes of memory that they share with process 1.
    """

    def __init__(self, limits: dict[str, Any], base: int) -> None:
        self.limits, self.base = limits, base
        self.reason = ""
        self.status: int | None = None
        self.peak = 0

    def look(self, student: int) -> None:
        """Kill everything when there is too much of it."""
        self.reap(student)
        pids = _students(student, self.limits)
        if len(pids) > self.limits["processes"]:
            return self._stop(student, f"it started more than {self.limits['processes']} processes")
        if self.limits["sandboxed"] and _entries(self.limits["scratch"]) > self.limits["entries"]:
            return self._stop(student, f"it made more than {self.limits['entries']} files")
        seen = [_status(pid) for pid in pids]
        if sum(int(status.get("Threads", "1")) for status in seen) > 4 * self.limits["processes"]:
            return self._stop(student, f"it started more than {4 * self.limits['processes']} threads")
        used = sum(_kilobytes(status) for status in seen) * 1024
        if used > self.limits["memory"] + self.base:  # pages shared with process 1 count in each: look closer
            used = 0
            for pid in pids:
                used += _private(pid)
                # looking takes long enough for a fork bomb
                if len(_students(student, self.limits)) > self.limits["processes"]:
                    return self._stop(student, f"it started more than {self.limits['processes']} processes")
        self.peak = max(self.peak, used)
        if used > self.limits["memory"] + self.base:
            self._stop(student, f"it used more than {self.limits['memory'] // 2**20} MiB of memory")
        return None

    def reap(self, student: int) -> None:
        """Collect what has ended."""
        with suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if not pid:
                    return
                if pid == student:
                    self.status = os.waitstatus_to_exitcode(status)

    def _stop(self, student: int, reason: str) -> None:
        self.reason = self.reason or reason
        _kill_all(student, self.limits)


def _kill_all(student: int, limits: dict[str, Any]) -> bool:
    """Kill every process but this one, and wait until they are gone; whether they are."""
    end = time.monotonic() + WIPE
    while time.monotonic() < end:
        pids = _students(student, limits)
        if limits["sandboxed"] and pids:
            with suppress(ProcessLookupError):
                os.kill(-1, signal.SIGKILL)  # in one stroke, so that none can fork another away
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if not _students(student, limits):
            return True
        time.sleep(0.002)
    return False


def _wipe(scratch: str) -> bool:
    """Delete what a student wrote; whether all of it is gone."""
    end, numbers = time.monotonic() + WIPE, itertools.count()
    try:
        for folder in _writable(scratch):
            while entries := [entry for entry in os.scandir(folder) if not os.path.ismount(entry.path)]:
                for entry in entries:
                    if time.monotonic() > end:
                        return False
                    if not entry.is_dir(follow_symlinks=False):
                        os.unlink(entry.path)
                        continue
                    with suppress(PermissionError):  # one that was made closed cannot be listed, but is empty
                        # brought up here: no path becomes too long, or too deep
                        for inner in list(os.scandir(entry.path)):
                            os.rename(inner.path, f"{folder}/.wiped-{next(numbers)}")
                    os.rmdir(entry.path)
    except OSError:
        return False
    return True


def _writable(scratch: str) -> list[str]:
    """The folders in which a student can write."""
    return [scratch, "/dev/shm"] if scratch == "/tmp" else [scratch]


def _entries(scratch: str) -> int:
    """Files and folders that a student has made in the sandbox."""
    file_systems = [os.statvfs(folder) for folder in _writable(scratch)]
    return sum(file_system.f_files - file_system.f_ffree for file_system in file_systems)


def _students(student: int, limits: dict[str, Any]) -> list[int]:
    """All processes that a student has running."""
    if not limits["sandboxed"]:
        return _descendants(student)
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()]


def _descendants(student: int) -> list[int]:
    """Every process that comes from this one, which adopts orphans where Linux runs.

    Elsewhere it is only the student's own process.
    """
    if not os.path.isdir("/proc/self"):
        return [student] * _alive(student)
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            parents[int(name)] = int(_status(name).get("PPid", "0"))
    descendants, more = [], [os.getpid()]
    while more:
        more = [pid for pid, parent in parents.items() if parent in more]
        descendants += more
    return descendants


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return pid > 0


def _status(pid: int | str) -> dict[str, str]:
    """/proc/PID/status; empty when the process is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(errors="replace").splitlines()
    except OSError:
        return {}
    return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}


def _kilobytes(status: dict[str, str]) -> int:
    return sum(int(status.get(key, "0 kB").split()[0]) for key in ("RssAnon", "RssShmem", "VmSwap", "VmPTE"))


def _private(pid: int) -> int:
    """Bytes of memory, each page shared out among those who use it."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return _kilobytes(_status(pid)) * 1024
    return sum(int(line.split()[1]) for line in lines if line.startswith(("Pss_Anon:", "Pss_Shmem:"))) * 1024


if __name__ == "__main__":
    sys.path[:0] = [os.environ.pop("COURSE_EDITION"), str(Path(__file__).parent)]
    main(socket.socket(fileno=int(sys.argv[1])), json.loads(sys.argv[2]))
