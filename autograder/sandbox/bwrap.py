"""Whether this computer can make a sandbox, and if not, what to do."""

import shutil
import subprocess
import sys

USER_NAMESPACES = (
    "allow user namespaces. Ubuntu 24.04: apt install apparmor-profiles, then apparmor_parser -r "
    "/usr/share/apparmor/extra-profiles/bwrap-userns-restrict; a container: start it with --security-opt seccomp=unconfined"
)


def sandbox_problem() -> str:
    """Why there can be no sandbox on this computer, and how to mend it, in one line; empty when there can."""
    if sys.platform != "linux":
        return f"there is no sandbox on {sys.platform}: grade in a Linux container or virtual machine, as README.md describes"
    program = shutil.which("bwrap")
    if program is None:
        return "bubblewrap is not installed: apt install bubblewrap (dnf, zypper and pacman have it, too)"
    tried = subprocess.run(
        [
            program,
            "--unshare-all",
            "--unshare-user",
            "--ro-bind",
            "/",
            "/",
            "--size",
            "4096",
            "--tmpfs",
            "/tmp",
            "--",
            "/bin/true",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if tried.returncode == 0:
        return ""
    said = (tried.stderr.strip().splitlines() or ["it says nothing"])[-1].removeprefix("bwrap: ")
    if "--size" in said:
        return f"{program} is too old ({said}): version 0.8 or later is needed"
    return f"bubblewrap cannot make a sandbox ({said}): {USER_NAMESPACES}"
