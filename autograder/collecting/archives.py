"""The files of a folder or zip that came from outside.

Nothing is unpacked, no link is followed, and nothing is read beyond its limit.
"""

import io
import lzma
import os
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from autograder.collecting.submissions import MOST_BYTES, MOST_FILES, shown
from autograder.errors import AutograderError

MOST_ENTRIES = 50_000
"""Files and folders in a source: a class of a thousand with fifty each."""

DEBRIS = ("__MACOSX", ".DS_Store", ".ipynb_checkpoints", "__pycache__", "Thumbs.db", "desktop.ini")
"""What computers add of their own: passed over without a word, as is what begins with "._"."""

CENTRAL = b"PK\x01\x02"
"""Begins each entry of a zip's table of contents."""

DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError),
    *(NotImplementedError, RuntimeError, OSError, ValueError),
)
"""What reading a damaged zip raises."""

Local = Callable[[datetime], datetime]
"""Gives a time without a zone the class's zone."""


class RefusedError(Exception):
    """Why one file is not taken, in one line."""


@dataclass(frozen=True)
class File:
    """One file of a source, read when it is needed.

    Args:
        path: its place in the source; folders are parted by "/".
        time: of its last change; None where the source does not say.
    """

    path: str
    time: datetime | None
    read: Callable[[], bytes]
    """Raises RefusedError."""

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.path.rpartition("/")[2]


@dataclass
class Listing:
    """What is in a source."""

    files: list[File] = field(default_factory=list)
    folders: set[str] = field(default_factory=set)
    refused: list[tuple[str, str]] = field(default_factory=list)
    """Path and reason, of what will not be read."""
    without_zone: bool = False
    """Whether a time came without its zone."""

    def refuse(self, path: str, reason: str) -> None:
        """Note that a file is not taken."""
        self.refused.append((shown(path), reason))


@contextmanager
def open_source(path: Path, local: Local) -> Iterator[Listing]:
    """The files of a folder or a zip, which stays open inside.

    Raises:
        AutograderError: it is neither, or holds far too much.
    """
    if path.is_dir():
        yield list_folder(path)
    elif path.is_file():
        try:
            archive = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError, NotImplementedError, ValueError) as error:
            cure = "download it again, or name a folder"
            raise AutograderError(str(path), f"is no zip file ({error})", cure) from error
        with archive:
            if len(archive.infolist()) > MOST_ENTRIES:
                raise AutograderError(
                    str(path), f"holds more than {MOST_ENTRIES} files", "is it the right one?"
                )
            yield list_zip(archive, local)
    else:
        cure = "name the folder or the zip file that holds what was handed in"
        raise AutograderError("there", f"is no {path}", cure)


def inside(file: File, local: Local) -> Listing:
    """The files of a zip that a student handed in; zips in it are refused, and the student chooses its times.

    Raises:
        RefusedError: it is no zip, too large, or holds too many files.
    """
    data = file.read()
    if data.count(CENTRAL) > MOST_FILES:  # before the table of contents is read, which takes time and memory
        raise RefusedError(f"holds more than {MOST_FILES} files: ask for the notebook alone")
    try:
        listing = list_zip(zipfile.ZipFile(io.BytesIO(data)), local)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as error:
        raise RefusedError(f"is no zip file ({error}): ask for it again") from error
    checked = Listing(refused=listing.refused)
    for member in listing.files:
        if member.name.casefold().endswith(".zip"):
            checked.refuse(member.path, "is a zip in a zip: ask for the notebook alone")
        else:
            checked.files.append(File(f"{file.path}/{member.path}", file.time, member.read))
    return checked


def list_folder(root: Path, within: str = "") -> Listing:
    """Everything in a folder, or in one folder of it, however deep."""
    listing, folders, count = Listing(), [within], 0
    while folders:
        inside = folders.pop()
        try:
            with os.scandir(root / inside) as scan:
                entries = sorted(scan, key=lambda entry: entry.name)
        except OSError as error:
            listing.refuse(inside, f"cannot be read ({error.strerror})")
            continue
        for entry in entries:
            path, count = os.path.join(inside, entry.name), count + 1
            if count > MOST_ENTRIES:
                raise AutograderError(
                    str(root), f"holds more than {MOST_ENTRIES} files", "is it the right folder?"
                )
            if _is_debris(path):
                continue
            if problem := _bad_name(path):
                listing.refuse(path, problem)
            elif entry.is_symlink():
                listing.refuse(path, "is a link, which is not followed: ask for the file itself")
            elif entry.is_dir(follow_symlinks=False):
                folders.append(path)
                listing.folders.add(unicodedata.normalize("NFC", path))
            elif entry.is_file(follow_symlinks=False):
                time = datetime.fromtimestamp(entry.stat(follow_symlinks=False).st_mtime, UTC)
                listing.files.append(
                    File(unicodedata.normalize("NFC", path), time, partial(_read_below, root, path))
                )
            else:
                listing.refuse(path, "is no file")
    return listing


def list_zip(archive: zipfile.ZipFile, local: Local) -> Listing:
    """Everything in a zip."""
    listing = Listing()
    for info in archive.infolist():
        path = unicodedata.normalize("NFC", info.filename)
        if _is_debris(path):
            continue
        kind = stat.S_IFMT(info.external_attr >> 16)
        if problem := _bad_name(path.removesuffix("/")):
            listing.refuse(path, problem)
        elif info.is_dir():
            listing.folders.add(path.removesuffix("/"))
        elif kind == stat.S_IFLNK:
            listing.refuse(path, "is a link, which is not followed: ask for the file itself")
        elif kind not in (0, stat.S_IFREG):
            listing.refuse(path, "is no file")
        elif info.flag_bits & 1:
            listing.refuse(path, "is encrypted: ask for it without a password")
        else:
            time, sure = _zip_time(info, local)
            listing.without_zone |= not sure
            listing.files.append(File(path, time, partial(_read_member, archive, info)))
    return listing


def _is_debris(path: str) -> bool:
    return any(part in DEBRIS or part.startswith("._") for part in path.split("/"))


def _bad_name(path: str) -> str | None:
    """What is wrong with a file's name, and the cure; None when nothing is."""
    if not path.isprintable():
        return "has a name that cannot be printed: ask for it under another"
    if path.startswith("/") or path[1:2] == ":" or "\\" in path or {"..", ".", ""} & set(path.split("/")):
        return "has a name that leads elsewhere (.., /, \\ or a drive): ask for it under another"
    return None


def _read_below(root: Path, path: str) -> bytes:
    """Read a file of a folder; no part of its path may have become a link since it was listed."""
    *folders, name = path.split("/")
    try:
        here = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for folder in folders:
                deeper = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=here)
                os.close(here)
                here = deeper
            file = os.fdopen(os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=here), "rb")
        finally:
            os.close(here)
        with file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise RefusedError("is no file")
            return _limited(file.read(MOST_BYTES + 1))
    except OSError as error:
        raise RefusedError(f"cannot be read ({error.strerror})") from error


def _read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    try:
        with archive.open(info) as file:
            return _limited(file.read(MOST_BYTES + 1))
    except DAMAGE as error:
        raise RefusedError(f"is damaged ({error}): ask for it again") from error


def _limited(data: bytes) -> bytes:
    if len(data) > MOST_BYTES:
        raise RefusedError(f"has more than {MOST_BYTES // 2**20} MiB: ask for it again, without its outputs")
    return data


def _zip_time(info: zipfile.ZipInfo, local: Local) -> tuple[datetime | None, bool]:
    """When a member was last changed, and whether that is sure.

    Most zips keep the time of a wall clock, without its zone.

    Info-ZIP's and NTFS's extra fields hold it in UTC. Source: APPNOTE.TXT 4.5 and Info-ZIP's
    proginfo/extrafld.txt.
    """
    extra = info.extra
    while len(extra) >= 4:
        kind, size = struct.unpack_from("<HH", extra)
        body, extra = extra[4 : 4 + size], extra[4 + size :]
        if kind == 0x5455 and len(body) >= 5 and body[0] & 1:
            return datetime.fromtimestamp(struct.unpack_from("<I", body, 1)[0], UTC), True
        if kind == 0x000A and len(body) >= 16 and body[4:8] == b"\x01\x00\x18\x00":
            (ticks,) = struct.unpack_from("<Q", body, 8)  # of 100 ns, since 1601
            return datetime.fromtimestamp(min(ticks / 1e7 - 11_644_473_600, 2**32), UTC), True
    try:
        return local(datetime(*info.date_time)), False
    except (ValueError, OverflowError):
        return None, True
