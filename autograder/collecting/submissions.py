"""What was handed in: for which assignment, who, and whether a file can be graded at all."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat

from autograder.errors import AutograderError, NotGradedError, Problem, did_you_mean
from autograder.settings import Settings

MOST_BYTES = 2**25
"""In a notebook: an assignment has a hundredth of it, with all its pictures."""

MOST_CELLS, MOST_CODE, MOST_FILES = 1000, 2**18, 1000
"""Cells and characters of code in a notebook, and files in a submission. The judge reads the code once for
each of its checks, which takes 2 s for so much of it."""


def require_assignment(settings: Settings, name: str) -> None:
    """Make sure that there is such an assignment.

    Raises:
        AutograderError: there is none; names the nearest.
    """
    known = {folder.parent.name for folder in settings.source.glob("*/*.ipynb")}
    if name not in known:
        raise AutograderError(
            f"no assignment '{name}'", f"in {settings.source.name}/", did_you_mean(name, known)
        )


def students_who_submitted(settings: Settings, assignment: str, only: str | None = None) -> list[str]:
    """Everyone who has a folder submitted/<student>/<assignment>/, or the one who is asked for.

    Raises:
        AutograderError: nobody has, or that one has not.
    """
    students = sorted(
        folder.parent.name for folder in settings.submitted.glob(f"*/{assignment}") if folder.is_dir()
    )
    if not students:
        place = settings.submitted / "<student>" / assignment
        cure = f"put each notebook into {place}/, or see 'autograder collect'"
        raise AutograderError("nothing", f"was handed in for '{assignment}'", cure)
    if only is not None and only not in students:
        raise AutograderError(
            f"'{only}'", f"handed in nothing for '{assignment}'", did_you_mean(only, students)
        )
    return students if only is None else [only]


def entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Everything in a folder, however deep; no link is followed.

    It stops a little beyond what a submission may hold.
    """
    folders, count = [str(folder)], 0
    while folders and count <= MOST_FILES:
        with os.scandir(folders.pop()) as scan:
            for entry in scan:
                count += 1
                if count > MOST_FILES + 1:
                    return
                yield entry
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)


def find_links(folder: Path) -> list[str]:
    """Symbolic links in a submission, and whatever else is neither a file nor a folder."""
    return sorted(shown(os.path.relpath(path, folder.parent)) for path in odd_files(folder))


def odd_files(folder: Path) -> list[Path]:
    """Symbolic links in a submission, and whatever else is neither a file nor a folder."""
    if folder.is_symlink():
        return [folder]
    inside = [entry for entry in entries(folder) if not entry.is_file(follow_symlinks=False)]
    return [Path(entry.path) for entry in inside if not entry.is_dir(follow_symlinks=False)]


def shown(name: str) -> str:
    """A file's name as it can be printed in one line and kept in a database: names may hold anything."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in name
    )[:200]


ASK = "ask for the notebook again"


def require_gradable(settings: Settings, assignment: str, student: str) -> None:
    """Make sure that a submission can be opened.

    Raises:
        NotGradedError: a notebook is missing or cannot be read, or there is what would be dangerous to copy.
    """
    folder = settings.submitted / student / assignment
    if links := find_links(folder):
        raise NotGradedError(links[0], "is a link, not a file", "ask for the file itself")
    if sum(1 for _ in entries(folder)) > MOST_FILES:
        raise NotGradedError(
            "the submission", f"holds more than {MOST_FILES} files", "ask for the notebook alone"
        )
    if odd := [entry.name for entry in entries(folder) if not entry.name.isprintable()]:
        raise NotGradedError("a file", f"has a name that cannot be printed ({shown(odd[0])})", "rename it")
    wanted = sorted(path.name for path in (settings.source / assignment).glob("*.ipynb"))
    for name in wanted:
        path = folder / name
        if not path.is_file():
            others = sorted(shown(other.name) for other in folder.glob("*") if other.is_file())
            there = ", ".join(others) or "the folder is empty"
            raise NotGradedError(name, f"is missing ({there})", "rename the notebook, or ask for it")
        if (size := path.stat().st_size) > MOST_BYTES:
            cause = f"has {size / 2**20:.0f} MiB, at most {MOST_BYTES // 2**20} are read"
            raise NotGradedError(name, cause, f"{ASK}, without its outputs")
        if problem := unreadable(name, path.read_bytes()):
            raise NotGradedError(*problem)


def unreadable(name: str, data: bytes) -> Problem | None:
    """Why a file is no notebook that can be graded; None when it is one."""
    try:
        text = data.decode("utf-8")
        content = json.loads(text)
    except UnicodeDecodeError:
        return Problem(name, "is not text", ASK)
    except json.JSONDecodeError as error:
        return Problem(name, f"is not JSON (line {error.lineno}: {error.msg})", ASK)
    except RecursionError:
        return Problem(name, "is nested too deeply to be a notebook", ASK)
    if too_much := _too_much(content):
        return Problem(name, f"has {too_much}", ASK)
    try:
        nbformat.validate(nbformat.reads(text, as_version=4))
    except Exception as error:  # nbformat raises whatever the damage leads to
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        return Problem(name, f"is JSON but no notebook ({reason})", ASK)
    return None


def _too_much(notebook: Any) -> str | None:
    """What there is too much of in a notebook; whether it is one, nbformat says."""
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list):
        return None
    if len(cells) > MOST_CELLS:
        return f"{len(cells)} cells, at most {MOST_CELLS} are run"
    sources = [
        cell.get("source") for cell in cells if isinstance(cell, dict) and cell.get("cell_type") == "code"
    ]
    code = sum(len("".join(map(str, source))) for source in sources if isinstance(source, str | list))
    return f"{code} characters of code, at most {MOST_CODE} are run" if code > MOST_CODE else None
