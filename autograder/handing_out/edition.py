"""The students' edition: a copy of the library `course` in which what students are asked to write is missing.

The classes that exercises ask for have no backward there, and fall back on torch.autograd, so that everything
still runs and shows the same numbers. Where submissions are graded, the exercises are missing, too: what is
right is known outside alone.
"""

import ast
import functools
import inspect
import os
import tempfile
from pathlib import Path, PurePosixPath
from typing import Any

import course
from autograder.errors import AutograderError
from autograder.handing_out.leaks import Answer, answers_of_library, find_in, find_leaks
from autograder.handing_out.source import classes, parse
from autograder.handing_out.stripping import cut_answers, derives
from course.device import generator
from course.exercises import Call, Exercise, all_exercises
from course.module import Module

LIBRARY = Path(course.__file__).parent
PARTS = Path(__file__).parent / "edition_parts"
"""Where another backward stands that a class gets: containers/graph.py is for course/containers/graph.py."""

JUDGED = ("course/exercises/bank/",)
"""What is missing where submissions are graded: it says what is right."""
JUDGED_PARTS = Path(__file__).parent / "judged_parts"
"""Whole files that stand there in place of the library's."""

ROOMS = ("course/containers/", "course/modules/")
"""Where nothing may have the shape of an answer; `autograder bundle` looks in all that students receive."""


def make_edition(folder: Path, *, judged: bool = False) -> Path:
    """Write the students' edition of the library to `folder`/course, in place of what is there.

    Args:
        folder: where it goes.
        judged: whether it is for submissions that a judge outside grades: it holds no exercises then.

    Raises:
        AutograderError: an exercise's answer cannot be taken out of the library; nothing is written.
    """
    files = edition_files(judged=judged)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".edition-") as scratch:
        made, before = Path(scratch, "course"), Path(scratch, "before")
        for path, content in files.items():
            target = Path(scratch, path)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        if (folder / "course").exists():
            os.rename(folder / "course", before)
        os.rename(made, folder / "course")
    return folder


def edition_files(*, judged: bool = False) -> dict[str, bytes]:
    """Every file of the students' edition by its path, in alphabetical order; `judged` as in make_edition.

    Raises:
        AutograderError: an exercise's answer cannot be taken out of the library, or stands in a second place.
    """
    paths = sorted(path.relative_to(LIBRARY.parent) for path in LIBRARY.rglob("*") if path.is_file())
    left_out = (".", "__pycache__", "_fused")  # fused kernels stand beside the formulas that they compute
    kept = [path for path in paths if not any(part.startswith(left_out) for part in path.parts)]
    files = {path.as_posix(): (LIBRARY.parent / path).read_bytes() for path in kept}
    texts = {path: content.decode() for path, content in files.items() if path.endswith(".py")}
    parts = {
        f"course/{path.relative_to(PARTS).as_posix()}": path.read_bytes() for path in PARTS.rglob("*.py")
    }
    places = {
        path: PurePosixPath(path).with_name(f"_{PurePosixPath(path).stem}_backward.py") for path in parts
    }
    asked = {name for exercise in all_exercises().values() for name in _asked(exercise, texts)}
    answers = answers_of_library(all_exercises().values())
    asked |= _alike(texts, asked, answers)
    modules = {path: ".".join(place.with_suffix("").parts) for path, place in places.items()}
    try:
        changed = {
            path: text for path, text in cut_answers(texts, asked, modules).items() if text != texts[path]
        }
        for path, text in changed.items():
            compile(text, path, "exec")
    except SyntaxError as error:
        cause = f"cannot do without an answer: {error.msg} at '{(error.text or '').strip()}'"
        raise AutograderError("the library", cause) from error
    for path, text in changed.items():
        files[path] = text.encode()
        if path in parts and modules[path] in text:
            files[str(places[path])] = parts[path]
    for leak in find_leaks(
        {path: content for path, content in files.items() if path.startswith(ROOMS)}, answers
    ):
        cause, cure = f"holds '{leak.code}', an answer: {leak.answer.place}", "let only that class hold it"
        raise AutograderError(leak.place, cause, cure)
    if judged:
        files = {path: content for path, content in files.items() if not path.startswith(JUDGED)}
        for path in JUDGED_PARTS.rglob("*.py"):
            files[f"course/{path.relative_to(JUDGED_PARTS).as_posix()}"] = path.read_bytes()
    return dict(sorted(files.items()))


def _asked(exercise: Exercise, texts: dict[str, str]) -> list[str]:
    """The name of the class that an exercise asks for; none where students invent the answer.

    Raises:
        AutograderError: the answer is not a class of the library, whose backward could be taken out.
    """
    truth, name = exercise.truth, exercise.name
    if truth is None:
        for case in exercise.cases(generator(0)):
            if isinstance(case, Call) and (reference := _reference(case)).startswith("course."):
                cause = "is the answer, and students would have it"
                raise AutograderError(f"exercise '{name}': {reference}", cause, "compare with torch's")
        return []
    if not isinstance(truth, type) or not issubclass(truth, Module):
        cure = "write a class with a forward, as SigmoidNeuron is"
        cause = "is no class of modules, so that its gradient cannot be taken out"
        raise AutograderError(f"exercise '{name}': its truth", cause, cure)
    path = f"{truth.__module__.replace('.', '/')}.py"
    if truth.__qualname__ not in classes(texts.get(path, "")):
        where = f"{truth.__module__}.{truth.__qualname__}"
        cause = "is not at the top level of a file of course/"
        raise AutograderError(f"exercise '{name}': its truth {where}", cause, "put it there")
    return [truth.__name__]


def _alike(texts: dict[str, str], asked: set[str], answers: list[Answer]) -> set[str]:
    """Classes whose backward holds a piece of one that is asked for, as NoisyReLU's is that of ReLU.

    A function in its file that takes a gradient, or is named for one, counts as part of it.
    """
    trees: dict[str, ast.AST] = {}
    for text in texts.values():
        if "def backward(" in text:
            shared = [part for part in parse(text).body if derives(part)]
            for name in classes(text).keys() - asked:
                trees[name] = ast.Module([*shared, *filter(derives, classes(text)[name].body)], [])
    return set(find_in(trees, answers))


def _reference(case: Call) -> str:
    """The full name of the function that a result is compared with, if it is one of the library's rooms."""
    reference: Any = (
        inspect.getclosurevars(case.accept).nonlocals.get("reference")
        if inspect.isfunction(case.accept)
        else None
    )
    while isinstance(reference, functools.partial):
        reference = reference.func
    home = str(getattr(reference, "__module__", ""))
    return "" if home.startswith("course.exercises.") else f"{home}.{getattr(reference, '__qualname__', '')}"
