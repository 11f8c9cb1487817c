"""What grading needs on this computer, examined point by point."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from autograder.errors import AutograderError, Problem
from autograder.sandbox.bwrap import sandbox_problem
from autograder.settings import KERNEL, Settings, find_root

PIP = 'pip install "modular-learning[grade]"'
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

NEEDED = (
    "import importlib.util as u; raise SystemExit(not all(map(u.find_spec, ('course', 'ipykernel', "
    "'torch'))))"
)
"""Looks without importing: torch alone would take seconds."""


@dataclass(frozen=True)
class Requirement:
    """One point: fine or not, what was found, and the cure."""

    name: str
    fine: bool
    detail: str
    cure: str = ""
    optional: bool = False

    def line(self) -> str:
        """One line for the screen."""
        mark = "[green]✓[/]" if self.fine else "[yellow]–[/]" if self.optional else "[red]✗[/]"
        return f"{mark} {self.name:<12}{self.detail}" + ("" if self.fine else f": {self.cure}")


def examine() -> list[Requirement]:
    """Every point, also after one that is not fine."""
    return [_python(), *_packages(), _kernel(), *_course(), *_programs()]


def _requirement(name: str, problem: Problem | None, fine: str = "") -> Requirement:
    """What was found at one point: a problem, or that it is fine."""
    return (
        Requirement(name, True, fine)
        if problem is None
        else Requirement(name, False, problem.without_cure, problem.cure)
    )


def _python() -> Requirement:
    python = ".".join(map(str, sys.version_info[:3]))
    return Requirement("Python", sys.version_info >= (3, 11), python, "install Python 3.11 or later")


def _packages() -> Iterator[Requirement]:
    for name in ("torch", "nbgrader", "jupyterlab", "nh3", "math-core"):
        try:
            module = name.replace("-", "_")
            yield Requirement(name, importlib.util.find_spec(module) is not None, version(name), PIP)
        except PackageNotFoundError:
            yield Requirement(name, False, f"not installed in {sys.prefix}", PIP)


def _kernel() -> Requirement:
    try:
        problem = kernel_problem()
    except ModuleNotFoundError as error:
        return Requirement("kernel", False, f"{error.name} is not installed", PIP)
    return _requirement("kernel", problem, f"'{KERNEL}' finds the course")


def kernel_problem() -> Problem | None:
    """What is wrong with the kernel that submissions run in; None when nothing is.

    It must import the course, and need not be the environment that this command runs in.
    """
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel  # not there in a bare environment

    cure = f"{sys.executable} -m ipykernel install --sys-prefix --name {KERNEL}"
    try:
        program = KernelSpecManager().get_kernel_spec(KERNEL).argv[0]
    except (NoSuchKernel, json.JSONDecodeError):
        return Problem(f"the kernel '{KERNEL}'", "is not installed", cure)
    program = sys.executable if program in ("python", "python3") else program  # as jupyter_client does
    try:
        subprocess.run([program, "-c", NEEDED], check=True, capture_output=True, cwd="/")
    except (OSError, subprocess.CalledProcessError):
        return Problem(
            f"the kernel '{KERNEL}'", f"runs {program}, which has no course, torch or ipykernel", cure
        )
    return None


def _course() -> Iterator[Requirement]:
    try:
        settings = Settings(find_root())
    except AutograderError as error:
        yield _requirement("course", error.problem)
        return
    yield Requirement("course", True, str(settings.root))
    folder = next(parent for parent in (settings.folder, *settings.folder.parents) if parent.is_dir())
    yield Requirement(
        "writing", os.access(folder, os.W_OK), str(folder), "make yourself its owner, or use --work FOLDER"
    )


def _bubblewrap() -> str:
    return (
        subprocess.run(["bwrap", "--version"], capture_output=True, text=True, check=False)
        .stdout.strip()
        .split(" ")[-1]
    )


def _programs() -> Iterator[Requirement]:
    if problem := sandbox_problem():
        yield _requirement("sandbox", problem._replace(cure=f"{problem.cure}, or grade with --no-sandbox"))
    else:
        yield Requirement("sandbox", True, f"bubblewrap {_bubblewrap()}")
    yield Requirement("memory", True, "limited by a watch over every process of a submission")
    chromium = next((path for path in map(shutil.which, CHROMIUM) if path), None)
    cure = "apt install chromium, for the browser tests"
    yield Requirement("Chromium", chromium is not None, chromium or "not found", cure, optional=True)
