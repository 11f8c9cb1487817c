"""An exercise: cases to run a student's object on, the points for its parts, and hints. No answers are in here."""

import difflib
import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Generator, Tensor

import course.exercises
from course.module import Module


@dataclass(frozen=True)
class Case:
    """One situation: how a module is made of the student's object, and the inputs that it gets.

    `build` is also called with the exercise's `truth`, whose forward (never its backward) says what is right.
    """

    label: str
    build: Callable[[Any], Module]
    inputs: tuple[Tensor, ...]


@dataclass(frozen=True)
class Exercise:
    """What is asked: fresh cases for a random generator, the points for each part, and three hints, from faint to strong.

    `points` is keyed by the name of a part ("∂L/∂x", which must then hold in every case) or by the label of a case (in which
    then every part must hold).
    """

    name: str
    truth: Any
    cases: Callable[[Generator], list[Case]]
    points: dict[str, float]
    hints: tuple[str, str, str]

    @property
    def max_points(self) -> float:
        """The points for a flawless answer."""
        return float(sum(self.points.values()))


def all_exercises() -> dict[str, Exercise]:
    """Every exercise by name; each file of this room that has an `EXERCISES` tuple adds its own."""
    found: dict[str, Exercise] = {}
    for info in pkgutil.iter_modules(course.exercises.__path__):
        room = importlib.import_module(f"course.exercises.{info.name}")
        found.update({exercise.name: exercise for exercise in getattr(room, "EXERCISES", ())})
    return found


def find_exercise(name: str) -> Exercise:
    """The exercise of that name.

    Raises:
        KeyError: there is none; names the nearest.
    """
    known = all_exercises()
    if name not in known:
        nearest = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean '{nearest[0]}'?" if nearest else f"there are {', '.join(sorted(known))}"
        raise KeyError(f"there is no exercise '{name}': {hint}")
    return known[name]
