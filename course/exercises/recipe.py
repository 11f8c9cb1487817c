"""Recipes: what a case does with a student's object, as data, so that another process can do it.

That process needs no exercise, and so has no truth: functions go by their names, arguments as data.
"""

import functools
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import torch

from course.device import device, generator
from course.exercises.exercise import Call, Case
from course.exercises.registry import find_exercise


def recipe_of(case: Case | Call, exercise: str) -> dict[str, Any]:
    """What another process needs to know of a case.

    Exercises of another course, "package.module:name", lie where that process finds them.

    Raises:
        TypeError: the case's function has no name by which it could be imported.
    """
    if ":" in exercise:
        return {"exercise": exercise, "label": case.label}
    run = case.run if isinstance(case, Call) else case.make
    partial = run if isinstance(run, functools.partial) else functools.partial(run)
    if "<" in (name := name_of(partial.func)):
        cure = "write it at the top level of a file in course/exercises/questions/"
        raise TypeError(f"exercise '{exercise}', case '{case.label}': {name} cannot be imported: {cure}")
    told = {"label": case.label, "function": name, "arguments": partial.args, "options": partial.keywords}
    if isinstance(case, Call):
        return {**told, "seconds": case.seconds, "parts": names_of(case.parts)}
    return {**told, "state": {name: value.detach().cpu().numpy() for name, value in case.state.items()}}


def follow(recipe: dict[str, Any]) -> Case | Call:
    """The case again, but for its inputs, and for what is accepted: that is decided elsewhere."""
    if "exercise" in recipe:
        return _cases(recipe["exercise"])[recipe["label"]]
    arguments, options = _with_tuples(recipe["arguments"]), _with_tuples(recipe["options"])
    function = functools.partial(named(recipe["function"]), *arguments, **options)
    if "seconds" in recipe:
        kinds = kinds_of(recipe["parts"])
        return Call(recipe["label"], function, (), _elsewhere, recipe["seconds"], kinds)
    state = {name: torch.from_numpy(value).to(device()) for name, value in recipe["state"].items()}
    return Case(recipe["label"], function, state=state)


@functools.cache
def _cases(exercise: str) -> dict[str, Case | Call]:
    """The cases of another course's exercise by their labels."""
    return {case.label: case for case in find_exercise(exercise).cases(generator(0))}


def name_of(thing: Callable[..., Any]) -> str:
    """The name by which a function or class is imported: "package.module:Outer.inner"."""
    return f"{thing.__module__}:{thing.__qualname__}"


def named(name: str) -> Any:
    """What has that name."""
    module, _, path = name.partition(":")
    return functools.reduce(getattr, path.split("."), import_module(module))


def names_of(kinds: Sequence[type] | None) -> list[str] | None:
    """The names of classes; None stays."""
    return None if kinds is None else sorted(map(name_of, kinds))


def kinds_of(names: Sequence[str] | None) -> tuple[type, ...] | None:
    """The classes of those names; None stays."""
    return None if names is None else tuple(map(named, names))


def _with_tuples(value: Any) -> Any:
    """What arrives as a list was a list or a tuple: now it is a tuple."""
    if isinstance(value, dict):
        return {key: _with_tuples(item) for key, item in value.items()}
    return tuple(map(_with_tuples, value)) if isinstance(value, list | tuple) else value


def _elsewhere(*_: Any) -> str:
    raise RuntimeError("what a result is worth is decided in the judge's process")
