"""The bundle: one zip with everything that students receive, and no answer."""

import ast
import io
import json
import re
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from autograder.collecting.submissions import require_assignment
from autograder.errors import AnswersFoundError, AutograderError
from autograder.handing_out.assignment import generate
from autograder.handing_out.bundle_pages import (
    REFERENCE,
    collect_pages,
    shorten_reference,
    without_dead_links,
)
from autograder.handing_out.edition import LIBRARY, edition_files
from autograder.handing_out.leaks import all_answers, find_leaks
from autograder.handing_out.source import classes
from autograder.settings import Settings, write_whole

FOLDER = "modular-learning"
"""What the zip unpacks to."""

OWN = Path(__file__).parent / "bundle_files"
AS_IT_IS = ("LICENSE", "LICENSE-NOTEBOOKS")
MARKS = ("BEGIN SOLUTION", "BEGIN HIDDEN TESTS", "BEGIN MARK SCHEME")
INSTALLING = re.compile(r"\[(build-system|project|project\.entry-points\..*|tool\.hatch\..*)\]")
"""The tables of pyproject.toml that install the library; the others are for those who write the course."""

DATE = (1980, 1, 1, 0, 0, 0)
"""Of every file, as a zip has no earlier one: the same course gives the same bytes."""


def write_bundle(settings: Settings, names: Sequence[str], target: Path) -> int:
    """Write the students' zip, all of it or nothing.

    Args:
        settings: of the course.
        names: of the assignments; all when there are none.
        target: the file.

    Returns:
        how many files are in it.

    Raises:
        AnswersFoundError: answers are in it.
        AutograderError: an assignment does not exist or is out of date, or the file cannot be written.
    """
    files = bundle_files(settings, names)
    require_no_answers(settings.source, files)
    _write(target, _zipped(files))
    return len(files)


def bundle_files(settings: Settings, names: Sequence[str] = ()) -> dict[str, bytes]:
    """Every file of the bundle by its path, in alphabetical order.

    Raises:
        AutograderError: an assignment does not exist or is out of date, or an answer cannot be taken out of
            the library.
    """
    for name in names:
        require_assignment(settings, name)
    everything = sorted({path.parent.name for path in settings.source.glob("*/*.ipynb")})
    assignments = _released(settings, sorted(set(names)) or everything)
    library = edition_files()
    pages = collect_pages(settings.root, (path for path in assignments if path.endswith(".ipynb")))
    if REFERENCE in pages:
        pages[REFERENCE] = shorten_reference(pages[REFERENCE], _changed(library))
    files = library | pages | assignments | _to_install(settings.root)
    for path in pages.keys() | assignments.keys():
        if path.endswith((".md", ".ipynb")):
            files[path] = without_dead_links(path, files[path], files)
    return dict(sorted(files.items()))


def require_no_answers(source: Path, files: Mapping[str, bytes]) -> None:
    """Make sure no part of solutions, hidden tests, or what the library computes for them is in some files.

    Raises:
        AnswersFoundError: something is.
    """
    leaks = [str(leak) for leak in find_leaks(files, all_answers(source))]
    leaks += [
        f"{path}: holds '{mark}'"
        for path, content in files.items()
        for mark in MARKS
        if mark.encode() in content
    ]
    if leaks:
        raise AnswersFoundError(leaks)


def _released(settings: Settings, names: Sequence[str]) -> dict[str, bytes]:
    """The files of assignments/, each as it would be generated now.

    They are not simply generated here: what students receive is then what was looked at, and what the
    gradebook knows.

    Raises:
        AutograderError: one is not there, or out of date.
    """
    files: dict[str, bytes] = {}
    with tempfile.TemporaryDirectory() as scratch:
        fresh = settings.at(Path(scratch, "work"), release=Path(scratch, "assignments"))
        for name in names:
            made = generate(fresh, name)
            for path in sorted(path for path in made.rglob("*") if path.is_file()):
                inside = path.relative_to(fresh.released)
                ours, place = settings.released / inside, f"assignments/{inside.as_posix()}"
                if not ours.is_file() or _comparable(ours) != _comparable(path):
                    state = "out of date" if ours.is_file() else "not there"
                    raise AutograderError(place, f"is {state}", f"autograder generate {name}")
                files[place] = ours.read_bytes()
    return files


def _comparable(path: Path) -> object:
    """A notebook however it is formatted; another file's bytes."""
    return json.loads(path.read_bytes()) if path.suffix == ".ipynb" else path.read_bytes()


def _changed(library: Mapping[str, bytes]) -> dict[str, tuple[str, str]]:
    """Classes of which students receive only a part, each with its file's first line there and here."""
    changed: dict[str, tuple[str, str]] = {}
    for path, content in library.items():
        ours = LIBRARY.parent / path
        if path.endswith(".py") and ours.is_file() and ours.read_bytes() != content:
            texts = ours.read_text(encoding="utf-8"), content.decode()
            before, after = ((ast.get_docstring(ast.parse(text)) or "").partition("\n")[0] for text in texts)
            changed |= dict.fromkeys(classes(texts[0]), (before, after))
    return changed


def _to_install(root: Path) -> dict[str, bytes]:
    """What makes the folder an environment, in the words of the course's files, and what to read first."""
    files = {name: (root / name).read_bytes() for name in AS_IT_IS}
    files["README.md"] = (OWN / "README.md").read_bytes()
    files["pyproject.toml"] = _project((root / "pyproject.toml").read_text(encoding="utf-8")).encode()
    for name in ("environment.yml", "constraints.txt"):
        lines = (root / name).read_text(encoding="utf-8").splitlines(keepends=True)
        files[name] = "".join(line for line in lines if not line.startswith("#")).encode()
    return files


def _project(text: str) -> str:
    """What of pyproject.toml installs the library, without the grading tools.

    Raises:
        AutograderError: they are part of it in a way that is not known here.
    """
    tables = re.split(r"^(?=\[)", text, flags=re.MULTILINE)
    made = "".join(table for table in tables if INSTALLING.match(table))
    made = re.sub(r"^[ \t]*#.*\n", "", made, flags=re.MULTILINE)
    made = made.replace(', "autograder"', "").replace('"autograder/work", ', "")
    if "autograder" in made:
        line = next(line for line in made.splitlines() if "autograder" in line)
        cause = f"installs the autograder for students, too: '{line.strip()}'"
        raise AutograderError("pyproject.toml", cause, "see _project in autograder/handing_out/bundle.py")
    return made.rstrip() + "\n"


def _zipped(files: Mapping[str, bytes]) -> bytes:
    """The zip: the same bytes for the same files, whenever and wherever."""
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        for path, content in sorted(files.items()):
            entry = zipfile.ZipInfo(f"{FOLDER}/{path}", DATE)
            # Unix, whatever this is: a file that all may read
            entry.create_system, entry.external_attr = 3, 0o100644 << 16
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED, 9)
    return memory.getvalue()


def _write(target: Path, content: bytes) -> None:
    """Put the zip into its place.

    Raises:
        AutograderError: it cannot be written.
    """
    if target.is_dir():
        raise AutograderError(
            str(target), "is a folder", f"name a file in it, --to {target / 'students.zip'}"
        )
    try:
        write_whole(target, content)
    except OSError as error:
        cause = f"cannot be written ({error.strerror})"
        raise AutograderError(str(target), cause, "choose another file with --to") from error
