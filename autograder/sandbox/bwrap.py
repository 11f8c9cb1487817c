"""Bubblewrap: the command that shuts a sandbox off, and whether this computer can make one."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from autograder.errors import AutograderError, Problem
from autograder.settings import CHECKOUT, PACKAGE, Limits

FILES = Path(__file__).parent / "inside"
"""The code that runs in the sandbox: the warm kernel's."""

INSIDE = "/srv"
"""Where that code and the students' edition lie in the sandbox."""

USER_NAMESPACES = (
    "allow user namespaces. Ubuntu 24.04: apt install apparmor-profiles, then apparmor_parser -r "
    "/usr/share/apparmor/extra-profiles/bwrap-userns-restrict; a container: start it with --security-opt "
    "seccomp=unconfined"
)


def sandbox_problem() -> Problem | None:
    """Why there can be no sandbox on this computer; None when there can."""
    if sys.platform != "linux":
        cure = "grade in a Linux container or virtual machine, as README.md describes"
        return Problem("there", f"is no sandbox on {sys.platform}", cure)
    program = shutil.which("bwrap")
    if program is None:
        return Problem(
            "bubblewrap", "is not installed", "apt install bubblewrap (dnf, zypper and pacman have it, too)"
        )
    words = "--unshare-all --unshare-user --ro-bind / / --size 4096 --tmpfs /tmp -- /bin/true"
    tried = subprocess.run([program, *words.split()], capture_output=True, text=True, check=False)
    if tried.returncode == 0:
        return None
    message = (tried.stderr.strip().splitlines() or ["it says nothing"])[-1].removeprefix("bwrap: ")
    if "--size" in message:
        return Problem(program, f"is too old ({message})", "version 0.8 or later is needed")
    return Problem("bubblewrap", f"cannot make a sandbox ({message})", USER_NAMESPACES)


def bwrap_command(edition: Path, limits: Limits, rules: int, *, device: str = "cpu") -> list[str]:
    """The command that starts a program in the sandbox: bubblewrap, and what it shuts off.

    Args:
        edition: the folder of the students' edition of the course.
        limits: of which bubblewrap itself keeps that of the disk.
        rules: the descriptor of a file that holds the filter of system calls.
        device: "cuda" shows the GPU.

    Raises:
        AutograderError: bubblewrap is not installed.
    """
    program = shutil.which("bwrap")
    if program is None:
        cause = "is not installed, and without it there is no sandbox"
        raise AutograderError("bubblewrap", cause, "'autograder doctor' says more")
    command = [program, "--unshare-all", "--unshare-user", "--die-with-parent", "--new-session", "--as-pid-1"]
    command += ["--cap-drop", "ALL", "--hostname", "sandbox", "--uid", "1000", "--gid", "1000"]
    command += ["--size", str(limits.disk), "--tmpfs", "/tmp"]
    within = sorted(
        {f"/tmp/{Path(folder).parts[2]}" for folder in _system_folders() if folder.startswith("/tmp/")}
    )
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
    command += ["--ro-bind", str(edition), f"{INSIDE}/edition"]
    for file in sorted(FILES.glob("*.py")):
        command += ["--ro-bind", str(file), f"{INSIDE}/{file.name}"]
    # Where root grades, the kernel takes the student for root, who may write the computer's settings in
    # /proc/sys.
    command += ["--proc", "/proc", "--remount-ro", "/proc", "--dev", "/dev"]
    if device == "cuda":
        for file in sorted(Path("/dev").glob("nvidia*")):
            command += ["--dev-bind", str(file), str(file)]
    command += ["--size", str(2**24), "--tmpfs", "/dev/shm", "--remount-ro", "/dev"]
    return [*command, "--chdir", "/tmp", "--seccomp", str(rules), "--remount-ro", "/", "--"]


def _needed() -> set[str]:
    """The folders that Python needs to run."""
    return {"/usr", sys.prefix, sys.base_prefix, str(Path(sys.executable).resolve().parent.parent)}


def _system_folders() -> list[str]:
    """The folders that Python needs, without those that lie in another of them."""
    wanted = _needed()
    return sorted(
        folder
        for folder in wanted
        if not any(folder != other and Path(folder).is_relative_to(other) for other in wanted)
    )


def _hidden_folders() -> list[str]:
    """Folders that hold answers, and lie within what a student may read.

    They are those of the instructors' library and of this package. A checkout is hidden whole, for it has
    solutions, tests and the gradebook, too; an installed package lies in the folder of all packages, of which
    only the two are hidden.
    """
    places = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    installed = [Path(place) / name for place in places for name in ("course", "autograder")]
    candidates = [*installed, CHECKOUT if (CHECKOUT / "solutions").is_dir() else PACKAGE]
    return sorted(
        str(candidate)
        for candidate in candidates
        if candidate.is_dir() and any(candidate.is_relative_to(folder) for folder in _system_folders())
    )
