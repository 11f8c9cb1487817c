"""The kernel that submissions run in: it must import the course, which need not be the environment that we run in."""

import json
import subprocess
import sys

from autograder.settings import KERNEL

NEEDED = "import importlib.util as u; raise SystemExit(not all(map(u.find_spec, ('course', 'ipykernel', 'torch'))))"
"""Looks without importing: torch alone would take seconds."""


def kernel_problem() -> str:
    """What is wrong with the kernel and how to mend it, in one line; empty when nothing is."""
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel  # not there in a bare environment

    cure = f"{sys.executable} -m ipykernel install --sys-prefix --name {KERNEL}"
    try:
        program = KernelSpecManager().get_kernel_spec(KERNEL).argv[0]
    except (NoSuchKernel, json.JSONDecodeError):
        return f"the kernel '{KERNEL}' is not installed: {cure}"
    program = sys.executable if program in ("python", "python3") else program  # as jupyter_client does
    try:
        subprocess.run([program, "-c", NEEDED], check=True, capture_output=True, cwd="/")
    except (OSError, subprocess.CalledProcessError):
        return f"the kernel '{KERNEL}' runs {program}, which has no course, torch or ipykernel: {cure}"
    return ""
