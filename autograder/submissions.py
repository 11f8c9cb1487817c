"""What was handed in: who, what is still to grade, and whether a file can be graded at all."""

import json
from collections.abc import Sequence
from pathlib import Path

import nbformat

from autograder.errors import AutograderError, did_you_mean
from autograder.settings import Settings

MOST_BYTES = 2**25
"""In a notebook: an assignment has a hundredth of it, with all its pictures."""


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


def find_links(folder: Path) -> list[str]:
    """Symbolic links in a submission, and whatever else is neither a file nor a folder."""
    odd = [path for path in (folder, *folder.rglob("*")) if path.is_symlink() or not (path.is_file() or path.is_dir())]
    return sorted(str(path.relative_to(folder.parent)) for path in odd)


def refuse_links(assignment: str, student: str, notebooks: Sequence[str]) -> None:
    """Called by nbgrader before it copies a submission's files: a link among them would copy what it points to.

    Raises:
        ValueError: there is one.
    """
    for folder in {Path(notebook).parent for notebook in notebooks}:
        if links := find_links(folder):
            raise ValueError(LINKED.format(name=links[0]))


LINKED = "{name} is a link, not a file: ask for the file itself"


def find_problem(settings: Settings, assignment: str, student: str) -> str:
    """Why a submission cannot be graded, with the cure, in one line; empty when it can be opened."""
    folder = settings.submitted / student / assignment
    if links := find_links(folder):
        return LINKED.format(name=links[0])
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
    size = path.stat().st_size
    if size > MOST_BYTES:
        return f"{path.name} has {size / 2**20:.0f} MiB, at most {MOST_BYTES // 2**20} are read: {ask}, without its outputs"
    try:
        json.loads(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        return f"{path.name} is not text: {ask}"
    except json.JSONDecodeError as error:
        return f"{path.name} is not JSON (line {error.lineno}: {error.msg}): {ask}"
    except RecursionError:
        return f"{path.name} is nested too deeply to be a notebook: {ask}"
    try:
        nbformat.validate(nbformat.read(path, as_version=4))
    except Exception as error:  # nbformat raises whatever the damage leads to
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        return f"{path.name} is JSON but no notebook ({reason}): {ask}"
    return ""
