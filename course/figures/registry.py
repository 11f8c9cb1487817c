"""The register of figures: ``@figure(lecture=…, live=…)`` above a function puts it in."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import course.figures
from course.figure import Figure
from course.widgets import controls_for

LECTURES = range(1, 17)
"""The lectures of the curriculum. A figure may wait for one that is not written yet."""

Draw = TypeVar("Draw", bound=Callable[..., Figure])


@dataclass(frozen=True, kw_only=True)
class RegisteredFigure:
    """A function that draws a figure, and what its decorator says of it."""

    name: str
    draw: Callable[..., Figure]
    lecture: int | None
    """The number of the lecture that shows it first; None where no lecture does."""
    live: Mapping[str, Any]
    """The arguments of ``live`` where a call names no controls; empty for a figure without controls."""
    summary: str
    """The first line of the figure's file, else of the function."""


_REGISTER: dict[Callable[..., Figure], RegisteredFigure] = {}


def figure(*, lecture: int | None = None, live: Mapping[str, Any] | None = None) -> Callable[[Draw], Draw]:
    """Register the function below as a figure of the course; the function itself stays as it is.

    ``@figure(lecture=6, live={"drag": "at", "at": (-6.0, 6.0)})``

    Args:
        lecture: the number of the lecture that shows the figure first.
        live: the controls by argument, and `drag` or `fixed`, as `live` takes them.

    Raises:
        TypeError: an argument has no default, or the function is not annotated with ``-> Figure``.
        ValueError: there is no such lecture or argument, a control is none, or the file has another name.
    """

    def register(draw: Draw) -> Draw:
        name = draw.__name__
        _require_drawable(name, draw)
        _require_place(name, draw)
        if lecture is not None and lecture not in LECTURES:
            raise ValueError(
                f"the figure {name} names lecture {lecture}: there are lectures {LECTURES[0]} to "
                f"{LECTURES[-1]}; correct the number, leave it out, or extend LECTURES in "
                f"course/figures/registry.py"
            )
        _require_controls(draw, live or {})
        module = inspect.getmodule(draw)
        text = ((module.__doc__ if module else None) or draw.__doc__ or "").strip()
        summary = text.partition("\n")[0]
        _REGISTER[draw] = RegisteredFigure(
            name=name, draw=draw, lecture=lecture, live=dict(live or {}), summary=summary
        )
        return draw

    return register


def registered(draw: Callable[..., Figure]) -> RegisteredFigure | None:
    """What the decorator says of a function; None if it has none."""
    return _REGISTER.get(draw)


def all_figures() -> dict[str, RegisteredFigure]:
    """Every figure of the course by name: each file's function of the file's own name that returns a Figure.

    Raises:
        TypeError: a file's figure has no decorator.
    """
    figures = {}
    for file in pkgutil.iter_modules(course.figures.__path__):
        draw = getattr(importlib.import_module(f"course.figures.{file.name}"), file.name, None)
        if not inspect.isfunction(draw) or not _returns_figure(draw):
            continue
        if draw not in _REGISTER:
            raise TypeError(
                f"the figure {file.name} is not registered: write @figure(lecture=…) above its def"
            )
        figures[file.name] = _REGISTER[draw]
    return figures


def _returns_figure(draw: Callable[..., Any]) -> bool:
    # "Figure" in a file that has `from __future__ import annotations`.
    return inspect.get_annotations(draw).get("return") in (Figure, "Figure")


def _require_drawable(name: str, draw: Callable[..., Any]) -> None:
    if not _returns_figure(draw):
        raise TypeError(
            f"the figure {name} does not say that it returns a Figure: write def {name}(…) -> Figure"
        )
    for argument in inspect.signature(draw).parameters.values():
        collects = argument.kind in (argument.VAR_POSITIONAL, argument.VAR_KEYWORD)
        if argument.default is argument.empty and not collects:
            cure = f"give it one, so that {name}() draws an example"
            raise TypeError(f"the figure {name} has no default for '{argument.name}': {cure}")


def _require_place(name: str, draw: Callable[..., Any]) -> None:
    """Refuse a figure of the course whose file has another name: course.figures looks for it by its name."""
    package, _, file = draw.__module__.rpartition(".")
    if package == course.figures.__name__ and file != name:
        cure = f"name the file {name}.py, where course.figures looks for it"
        raise ValueError(f"the figure {name} stands in {file}.py: {cure}")


def _require_controls(draw: Callable[..., Any], arguments: Mapping[str, Any]) -> None:
    controls = {name: value for name, value in arguments.items() if name not in ("drag", "fixed")}
    try:
        controls_for(draw, controls, drag=arguments.get("drag"), fixed=arguments.get("fixed"))
    except ValueError as error:
        raise ValueError(f"the figure {draw.__name__} cannot be live: {error}") from error
