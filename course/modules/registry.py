"""The register of modules: whatever class lies in course/modules/ is in it."""

import importlib
import pkgutil
from pathlib import Path

from course.module import Module


def all_modules() -> dict[str, type[Module]]:
    """Every module of the library by class name, in alphabetical order.

    Adding a file to course/modules/ adds to it.
    """
    modules: dict[str, type[Module]] = {}
    for info in pkgutil.iter_modules([str(Path(__file__).parent)]):
        if info.name.startswith("_"):
            continue  # what several modules share
        room = importlib.import_module(f"course.modules.{info.name}")
        for value in vars(room).values():
            if isinstance(value, type) and issubclass(value, Module) and value.__module__ == room.__name__:
                modules[value.__name__] = value
    return dict(sorted(modules.items()))
