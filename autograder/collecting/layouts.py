"""Whose is which file: what names of files and folders say in each way in which submissions arrive."""

import re
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PurePosixPath

from autograder.collecting.archives import File, Listing
from autograder.collecting.class_list import ClassList, Clue
from autograder.gradebook.timestamps import FILE as TIMESTAMP
from autograder.gradebook.timestamps import parse_timestamp

CANVAS = re.compile(r"(?P<sortname>.+?)_(?P<late>LATE_)?(?P<user>\d+)_(?P<file>\d+)_(?P<name>.+)", re.DOTALL)
"""Canvas joins the sortable name in lower case, LATE, its numbers for user and file, and the file's own name.

Source: instructure/canvas-lms, lib/content_zipper.rb; a sortable name never holds _digits_.
"""

CANVAS_ANONYMOUS = re.compile(r"(?P<late>LATE_)?anon_(?P<user>\w+?)_(?P<file>\d+)_(?P<name>.+)", re.DOTALL)
"""With anonymous grading, the user's number and name give way to a word."""

CANVAS_TEXT = re.compile(
    r"(?P<sortname>.+?)_(?P<late>LATE_)?(?P<user>\d+)(?P<file>)_(?P<name>(text|link)\.html)"
)
"""Who typed an answer, or gave an address, where a file was asked for."""

MOODLE = re.compile(
    r"(?P<name>.+)_(?P<number>\d+)_assignsubmission_(?P<plugin>[a-z]+)_?(?P<rest>.*)", re.DOTALL
)
"""Moodle joins the full name, a number of the participant in this assignment alone, and the kind of
submission.

Source: moodle/moodle, mod/assign/classes/downloader.php; the rest is a file's name where there are no
folders.
"""

COPY = re.compile(r"(-\d+| \(\d+\))$")
"""What Canvas and browsers add to a name that is there already."""


@dataclass
class HandIn:
    """What one student handed in, as the source has it."""

    label: str
    """The file or folder that says whose it is."""
    clues: tuple[Clue, ...]
    files: list[tuple[File, int]] = field(default_factory=list)
    """Each with its rank among a student's versions, where the source numbers them; 0 elsewhere."""
    time: datetime | None = None
    """When, where the source says so for all files together."""
    late: bool = False
    """Whether the source says that it was late, but not when it came."""
    bare: bool = False
    """Whether it is one file, whose name speaks of the student rather than of the assignment."""


@dataclass(frozen=True)
class Layout:
    """A source, taken apart."""

    kind: str
    hand_ins: Sequence[HandIn]
    timed: bool = True
    """Whether files' times are of any use: Canvas and Moodle write the time of the download."""


def take_apart(
    listing: Listing, assignment: str, others: AbstractSet[str], class_list: ClassList, stem: str
) -> Layout:
    """Recognize the layout; files that are nobody's are refused in the listing.

    Args:
        others: the names of all assignments.
        stem: the source's own name, which a folder that wraps everything often has too.
    """
    top = {_top(path) for path in (*(file.path for file in listing.files), *listing.folders)}
    for kind, find in (("Moodle", _moodle), ("Canvas", _canvas)):
        wrapper = next(iter(top)) if len(top) == 1 and not find(next(iter(top))) else ""
        names = {
            _top(_below(wrapper, path)) for path in (*(file.path for file in listing.files), *listing.folders)
        } - {""}
        matches = [match for name in names if (match := find(name))]
        if 2 * len(matches) > len(names) and (kind == "Moodle" or _are_people(matches)):
            read = _read_moodle if kind == "Moodle" else _read_canvas
            return Layout(kind, list(read(listing, wrapper)), timed=False)
    return Layout("folder", list(_read_folders(listing, assignment, others, class_list, stem)))


def _are_people(matches: Iterable[re.Match[str]]) -> bool:
    """Whether a number always goes with the same name: else the digits are something else, a date say."""
    names: dict[str, str] = {}
    pairs = [(match["user"], match.groupdict().get("sortname", "")) for match in matches]
    return all(names.setdefault(user, name) == name for user, name in pairs)


def _canvas(name: str) -> re.Match[str] | None:
    return CANVAS_ANONYMOUS.fullmatch(name) or CANVAS.fullmatch(name) or CANVAS_TEXT.fullmatch(name)


def _moodle(name: str) -> re.Match[str] | None:
    return MOODLE.fullmatch(name)


def _read_canvas(listing: Listing, wrapper: str) -> Iterator[HandIn]:
    hand_ins: dict[str, HandIn] = {}
    for file in listing.files:
        path = _below(wrapper, file.path)
        match = _canvas(_top(path))
        if match is None or "/" in path:
            listing.refuse(file.path, "is not named as Canvas names a notebook that was handed in")
            continue
        clues = [("canvas", match["user"])]
        if "sortname" in match.groupdict():
            clues += [("sortname", match["sortname"])]
        label = f"{match.groupdict().get('sortname', 'anonymous')}_{match['user']}"
        hand_in = hand_ins.setdefault(match["user"], HandIn(label, tuple(clues)))
        hand_in.files.append((File(match["name"], None, file.read), int(match["file"] or 0)))
        hand_in.late |= bool(match["late"])
    yield from hand_ins.values()


def _read_moodle(listing: Listing, wrapper: str) -> Iterator[HandIn]:
    hand_ins: dict[tuple[str, str], HandIn] = {}
    for path, file in [
        *((path, None) for path in sorted(listing.folders)),
        *((file.path, file) for file in listing.files),
    ]:
        path = _below(wrapper, path)
        match = _moodle(_top(path))
        if match is None:
            if file is not None:
                listing.refuse(file.path, "is not in a folder as Moodle names them")
            continue
        # The number is another in each assignment: without a class list, the name has to do.
        blind = match["name"] in ("Participant", "")
        clues = (
            (("moodle", match["number"]),)
            if blind
            else (("name", match["name"]), ("moodle", match["number"]))
        )
        hand_in = hand_ins.setdefault(
            (match["name"], match["number"]), HandIn(f"{match['name']}_{match['number']}", clues)
        )
        if file is not None and match["plugin"] == "file":
            rest = path.partition("/")[2] or match["rest"]
            hand_in.files.append((File(rest, None, file.read), 0))
    yield from hand_ins.values()


def _read_folders(
    listing: Listing, assignment: str, others: AbstractSet[str], class_list: ClassList, stem: str
) -> Iterator[HandIn]:
    """A folder for each student, with the notebook or a folder for each assignment; or bare files.

    The folders for assignments are those that nbgrader has.
    """
    wrapper = _wrapper(listing, assignment, others, class_list, stem)
    hand_ins: dict[str, HandIn] = {}
    for folder in sorted(listing.folders):
        if student := _top(_below(wrapper, folder)):
            hand_ins.setdefault(student, HandIn(student, (("any", student),)))
    nested = {
        _top(_below(wrapper, path))
        for path in _paths(listing)
        if _part(_below(wrapper, path), 1) == assignment
    }
    for file in listing.files:
        path = _below(wrapper, file.path)
        student, _, rest = path.partition("/")
        if not rest:
            owner = _owner(path, assignment, class_list)
            if PurePosixPath(path).suffix.casefold() not in (".ipynb", ".zip"):
                listing.refuse(file.path, "is no notebook and in no student's folder")
            elif not owner:
                listing.refuse(
                    file.path,
                    f"nothing in its name says whose it is: call it {assignment}_<student>.ipynb, say",
                )
            else:
                hand_in = hand_ins.setdefault(owner, HandIn(path, (("any", owner),), bare=True))
                hand_in.files.append((File(path, file.time, file.read), 0))
            continue
        if student in nested:
            folder, _, rest = rest.partition("/")
            if folder != assignment:
                if folder not in others:
                    listing.refuse(file.path, f"is not in {student}/{assignment}/, where the rest lies")
                continue
        hand_in = hand_ins.setdefault(student, HandIn(student, (("any", student),)))
        if student in nested and rest == TIMESTAMP:
            hand_in.time = _noted(file)
            continue
        hand_in.files.append((File(rest, file.time, file.read), 0))
    yield from (
        hand_in for student, hand_in in hand_ins.items() if not nested or student in nested or hand_in.files
    )


def _wrapper(
    listing: Listing, assignment: str, others: AbstractSet[str], class_list: ClassList, stem: str
) -> str:
    """The one folder in which everything lies, where it is no student's."""
    paths = _paths(listing)
    top = {_top(path) for path in paths}
    only = next(iter(top)) if len(top) == 1 else ""
    below = {_part(path, 1) for path in paths} - {""}
    if not below or class_list.knows(only) or below & others:  # nbgrader has a student's assignments there
        return ""
    folders = {_part(path, 1) for path in listing.folders} | {
        _part(path, 1) for path in paths if _part(path, 2)
    }
    owners = {folder for folder in folders if folder} | {
        _owner(name, assignment, class_list) for name in below - folders
    }
    owners.discard("")
    if class_list.file:
        return only if any(map(class_list.knows, owners)) else ""
    return only if owners and (only == stem or len(folders - {""}) > 1) else ""


def _owner(file: str, assignment: str, class_list: ClassList) -> str:
    """The student that a bare file's name speaks of; empty when it speaks of none."""
    stem, name = PurePosixPath(file).stem, re.escape(assignment)
    bare = re.sub(rf"^{name}[-_. ]+|[-_. ]+{name}({COPY.pattern[1:-2]})?$", "", stem, flags=re.IGNORECASE)
    for guess in (stem, bare, COPY.sub("", bare)):
        if class_list.knows(guess):
            return guess
    named = {student for part in re.split(r"[-_. ]+", bare) if (student := class_list.listed(("id", part)))}
    if len(named) == 1:
        return named.pop()
    return "" if COPY.sub("", stem).casefold() == assignment.casefold() or re.search(r"\s", bare) else bare


def _noted(file: File) -> datetime | None:
    """What a timestamp.txt beside the notebook says."""
    try:
        return parse_timestamp(file.read().decode("utf-8", errors="replace"))
    except Exception:  # unreadable: then nothing says when
        return None


def _paths(listing: Listing) -> list[str]:
    return [*(file.path for file in listing.files), *listing.folders]


def _top(path: str) -> str:
    return path.partition("/")[0]


def _part(path: str, number: int) -> str:
    parts = path.split("/")
    return parts[number] if number < len(parts) else ""


def _below(folder: str, path: str) -> str:
    return path if not folder else path.removeprefix(folder).removeprefix("/")


def base(name: str) -> str:
    """A notebook's name without what was added to tell it from others of the same name."""
    return COPY.sub("", PurePosixPath(name).stem)


def merged(hand_ins: Iterable[HandIn]) -> HandIn:
    """One student's files from several places."""
    first, *others = hand_ins
    for hand_in in others:
        first.label += f" and {hand_in.label}"
        first.files += hand_in.files
        first.late |= hand_in.late
        first.time = max(filter(None, (first.time, hand_in.time)), default=None)
    return first
