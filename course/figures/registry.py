"""Registry: every figure of the course, found by walking course/figures."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from typing import get_type_hints

import course.figures
from course.figure import Figure


def all_figures() -> dict[str, Callable[..., Figure]]:
    """The figure functions by name: each file's function of the file's own name that returns a Figure.

    Raises:
        TypeError: a figure cannot be drawn without arguments.
    """
    found = {}
    for file in pkgutil.iter_modules(course.figures.__path__):
        draw = getattr(importlib.import_module(f"course.figures.{file.name}"), file.name, None)
        if not inspect.isfunction(draw) or get_type_hints(draw).get("return") is not Figure:
            continue
        for argument in inspect.signature(draw).parameters.values():
            if argument.default is argument.empty and argument.kind is not argument.VAR_KEYWORD:
                raise TypeError(f"the figure {file.name} has no default for '{argument.name}': {file.name}() draws an example")
        found[file.name] = draw
    return found
