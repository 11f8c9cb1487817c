"""What was handed in: who, what is still to grade, and whether a file can be graded at all."""

import json
from pathlib import Path

import nbformat

from autograder.errors import AutograderError, did_you_mean
from autograder.settings import Settings


def students_who_submitted(settings: Settings, assignment: str, only: str | None = None) -> list[str]:
    """Everyone who has a folder submitted/<student>/<assignment>/, or the one who is asked for.

    Raises:
        AutograderError: nobody has, or that one has not.
    """
    found = sorted(folder.parent.name for folder in settings.submitted.glob(f"*/{assignment}") if folder.is_dir())
    if not found:
        place = settings.submitted / "<student>" / assignment
        raise AutograderError(f"nothing was handed in for '{assignment}': put each notebook into {place}/")
    if only is not None and only not in found:
        raise AutograderError(f"'{only}' handed in nothing for '{assignment}': {did_you_mean(only, found)}")
    return found if only is None else [only]


def is_due(settings: Settings, assignment: str, student: str) -> bool:
    """Whether a submission was never graded, or has changed since."""
    handed_in = _newest(settings.submitted / student / assignment)
    graded = settings.autograded / student / assignment
    return not graded.is_dir() or handed_in > _newest(graded)


def _newest(folder: Path) -> float:
    return max((file.stat().st_mtime for file in folder.rglob("*") if file.is_file()), default=0.0)


def find_problem(settings: Settings, assignment: str, student: str) -> str:
    """Why a submission cannot be graded, with the cure, in one line; empty when it can be opened."""
    folder = settings.submitted / student / assignment
    wanted = sorted(path.name for path in (settings.source / assignment).glob("*.ipynb"))
    for name in wanted:
        path = folder / name
        if not path.is_file():
            others = ", ".join(sorted(other.name for other in folder.glob("*") if other.is_file())) or "the folder is empty"
            return f"{name} is missing ({others}): rename the notebook, or ask for it"
        problem = _unreadable(path)
        if problem:
            return problem
    return ""


def _unreadable(path: Path) -> str:
    ask = "ask for the notebook again"
    try:
        json.loads(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        return f"{path.name} is not text: {ask}"
    except json.JSONDecodeError as error:
        return f"{path.name} is not JSON (line {error.lineno}: {error.msg}): {ask}"
    try:
        nbformat.validate(nbformat.read(path, as_version=4))
    except Exception as error:  # nbformat raises whatever the damage leads to
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        return f"{path.name} is JSON but no notebook ({reason}): {ask}"
    return ""
