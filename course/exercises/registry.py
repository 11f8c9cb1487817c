"""The register of exercises: whatever file lies in course/exercises/bank/ adds its own."""

import importlib
import pkgutil
from pathlib import Path

from course.errors import did_you_mean
from course.exercises.exercise import Exercise

BANK = Path(__file__).parent / "bank"


def all_exercises() -> dict[str, Exercise]:
    """Every exercise of this course by name, from the `EXERCISES` of each file in the bank."""
    exercises: dict[str, Exercise] = {}
    for info in pkgutil.iter_modules([str(BANK)]):
        if info.name.startswith("_"):
            continue  # what several assignments share
        assignment = importlib.import_module(f"course.exercises.bank.{info.name}")
        exercises.update({exercise.name: exercise for exercise in assignment.EXERCISES})
    return exercises


def find_exercise(name: str) -> Exercise:
    """The exercise of that name; "package.module:name" is another course's, from that module's `EXERCISES`.

    Raises:
        KeyError: there is none; names the nearest.
    """
    known = all_exercises()
    if ":" in name:
        module, _, name = name.partition(":")
        known = {exercise.name: exercise for exercise in importlib.import_module(module).EXERCISES}
    if name not in known:
        hint = did_you_mean(name, known, f"there are {', '.join(sorted(known))}")
        raise KeyError(f"there is no exercise '{name}': {hint}")
    return known[name]
