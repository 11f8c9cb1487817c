"""docs/instructors.md is done to the letter.

Its walk-through adds an exercise, and the solution earns every point.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.cli import app
from autograder.gradebook.grades import read_grades
from autograder.settings import Settings
from tests.autograder.conftest import needs_sandbox

PAGE = (Path(__file__).parents[2] / "docs" / "instructors.md").read_text()


def section(title: str) -> str:
    return PAGE.split(f"## {title}", 1)[1].split("\n## ", 1)[0]


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


@pytest.fixture(scope="module")
def course(tmp_path_factory, root) -> Path:
    """A copy of the course, in which the walk-through is walked."""
    needs_sandbox()
    folder = tmp_path_factory.mktemp("walk") / "course"
    skip = shutil.ignore_patterns("__pycache__", "work", ".*")
    for name in ("course", "autograder", "solutions", "assignments"):
        shutil.copytree(root / name, folder / name, ignore=skip)
    shutil.copy(root / "nbgrader_config.py", folder)
    return folder


def run(course: Path, script: str) -> str:
    """Run the lines of a block as an instructor would, with `autograder` on the path."""
    commands = f'autograder() {{ "{sys.executable}" -m autograder "$@"; }}\n{script}'
    environment = {**os.environ, "PYTHONPATH": str(course), "COLUMNS": "160"}
    done = subprocess.run(
        ["bash", "-ec", commands], cwd=course, env=environment, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.slow
def test_the_walk_through_adds_an_exercise(course):
    text = section("Add an exercise")
    (file,) = re.findall(r"Save it as `(course/exercises/bank/\w+\.py)`", text)
    (definition,) = blocks(text, "python")
    (course / file).write_text(definition)
    add, grade = blocks(text, "sh")
    assert "'softsign' is at the end of" in run(course, add)
    said = run(course, grade)
    assert "softsign" in said
    points = read_grades(Settings(course), "02_layers")
    assert points["solution"].points == {**points.most, "written": None}
    assert points.most["softsign"] == 10
    released = (course / "assignments" / "02_layers" / "02_layers.ipynb").read_text()
    assert "class Softsign(Module)" in released
    assert "square()" not in released.split("class Softsign(Module)")[1]
    title = (course / "solutions" / "02_layers" / "02_layers.ipynb").read_text()
    assert "`Softsign.backward` | 10 |" in title
    assert "**Points:** 110" in title


def test_adding_it_twice_is_refused(course):
    again = subprocess.run(
        [sys.executable, "-m", "autograder", "add", "02_layers", "linear"],
        cwd=course, env={**os.environ, "PYTHONPATH": str(course)}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert again.returncode == 2
    assert "'linear' is in 02_layers.ipynb already: edit its cells there" in again.stderr


def test_an_exercise_that_does_not_exist(course):
    said = subprocess.run(
        [sys.executable, "-m", "autograder", "add", "02_layers", "softsing"],
        cwd=course, env={**os.environ, "PYTHONPATH": str(course)}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert said.returncode == 2
    assert "there is no exercise 'softsing'" in said.stderr


def test_every_command_on_the_page_exists():
    known = {command.name or command.callback.__name__ for command in app.registered_commands}
    named = set(re.findall(r"^autograder (\w+)", PAGE, re.MULTILINE)) | set(
        re.findall(
            r"`autograder "
            r"(\w+)",
            PAGE,
        )
    )
    assert len(named) >= 8
    assert named <= known


def test_the_tolerance_of_an_exercise_counts():
    from dataclasses import replace

    from course.exercises import find_exercise, grade
    from tests.exercises.test_exercises import RightMultiply

    class Coarse(RightMultiply):
        def backward(self, grad_output):
            return tuple(grad * (1 + 1e-5) for grad in super().backward(grad_output))

    strict = find_exercise("multiply")
    assert grade(strict, Coarse).points == 2
    assert grade(replace(strict, tolerance=1e-4), Coarse).points == 12
