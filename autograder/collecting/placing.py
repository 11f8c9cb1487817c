"""Where a collected notebook goes: submitted/<student>/<assignment>/.

What lay there before is put aside, with its time.

Older versions are in collected/<assignment>/<student>/ of the work folder: nothing is ever deleted.
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path

from autograder.collecting.fitting import Choice, Fitting, digest_of
from autograder.gradebook.timestamps import read_timestamp, write_timestamp
from autograder.settings import Settings

NEW, REPLACED, UNCHANGED, OLDER = "new", "replaced", "unchanged", "older"
RECEIPT, UNFINISHED = "receipt.json", ".new"


class Trust(Enum):
    """Whence a time is known."""

    SURE = "somebody noted when the work was handed in"
    FILE = "a file's last change"
    GUESS = "only that it was late"


@dataclass(frozen=True)
class Place:
    """One student's place for one assignment."""

    settings: Settings
    assignment: str
    student: str

    @property
    def folder(self) -> Path:
        """What will be graded."""
        return self.settings.submitted / self.student / self.assignment

    @property
    def aside(self) -> Path:
        """Older versions."""
        return self.settings.folder / "collected" / self.assignment / self.student

    def put(self, choice: Choice, time: datetime | None, trust: Trust) -> tuple[str, datetime | None]:
        """Put a choice in its place, unless it or something newer is there; its notes say what happened.

        Args:
            time: when it was handed in.
            trust: in the time, where the same notebook has one already.

        Returns:
            what became of it, and when that was handed in which lies there now.
        """
        for version in choice.older:
            self._keep(version, None)
        new, before = choice.chosen, read_timestamp(self.folder)
        if not self.folder.exists():
            self._replace(new, time)
            return NEW, time
        there = self._there()
        if all(there.get(name) == notebook.data for name, notebook in new.items()):
            if time is not None and time != before and _corrects(time, before, trust):
                write_timestamp(self.folder, time)
                choice.notes.append(
                    f"the same notebook; its time is "
                    f"{_said(time)}" + (f", not {_said(before)}" if before else "")
                )
                return UNCHANGED, time
            return UNCHANGED, before
        if self._is_older(new, None if trust is Trust.GUESS else time, before):
            choice.notes.append(f"an older version, kept in {self._keep(new, time)}: what is there stands")
            return OLDER, before
        graded = (self.settings.autograded / self.student / self.assignment).is_dir()
        again = f"; it was graded: 'autograder grade {self.assignment}' grades it again" if graded else ""
        choice.notes.append(f"replaced; the version before is in {self._replace(new, time)}{again}")
        return REPLACED, time

    def _there(self) -> dict[str, bytes]:
        files = [path for path in self.folder.glob("*.ipynb") if path.is_file() and not path.is_symlink()]
        return {path.stem: path.read_bytes() for path in files}

    def _is_older(self, new: Mapping[str, Fitting], time: datetime | None, before: datetime | None) -> bool:
        """Whether what is there is newer.

        That is judged by Canvas's numbers, else by time, else because it has replaced this once.
        """
        rank, known = _rank(new), self._known_rank()
        if rank and known:
            return rank < known
        if time is not None and before is not None:
            return time < before
        return bool(self._kept(_digest(new)))

    def _replace(self, new: Mapping[str, Fitting], time: datetime | None) -> str:
        """Write it, and move what was there aside.

        Returns:
            where that is now, in the work folder.
        """
        written, kept = self._write(new, time), ""
        if self.folder.exists():
            old = self._free(digest_of(self._there()), read_timestamp(self.folder))
            self.folder.rename(old)
            kept = self._in_work(old)
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        written.rename(self.folder)
        (self.aside / RECEIPT).write_text(json.dumps({"rank": _rank(new)}), encoding="utf-8")
        return kept

    def _keep(self, version: Mapping[str, Fitting], time: datetime | None) -> str:
        """Write a version aside, unless it is there."""
        kept = self._kept(_digest(version))
        if not kept:
            kept = [self._free(_digest(version), time)]
            self._write(version, time).rename(kept[0])
        return self._in_work(kept[0])

    def _kept(self, digest: str) -> list[Path]:
        return sorted(self.aside.glob(f"*-{digest}"))

    def _write(self, notebooks: Mapping[str, Fitting], time: datetime | None) -> Path:
        folder = self.aside / UNFINISHED
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name, notebook in notebooks.items():
            (folder / f"{name}.ipynb").write_bytes(notebook.data)
        if time is not None:
            write_timestamp(folder, time)
        return folder

    def _free(self, digest: str, time: datetime | None) -> Path:
        """A folder for an older version, named by its time."""
        self.aside.mkdir(parents=True, exist_ok=True)
        name = f"{time.astimezone(UTC):%Y-%m-%dT%H-%M-%SZ}" if time else "time-unknown"
        path, count = self.aside / f"{name}-{digest}", 1
        while path.exists():
            path, count = self.aside / f"{name}-{count}-{digest}", count + 1
        return path

    def _in_work(self, path: Path) -> str:
        return str(path.relative_to(self.settings.folder))

    def _known_rank(self) -> int:
        try:
            return int(json.loads((self.aside / RECEIPT).read_text(encoding="utf-8"))["rank"])
        except (OSError, ValueError, KeyError, TypeError):
            return 0


def _corrects(time: datetime, before: datetime | None, trust: Trust) -> bool:
    """Whether a time replaces another for the same notebook; a file's later time is that of a copy."""
    return before is None or trust is Trust.SURE or (trust is Trust.FILE and time < before)


def _rank(notebooks: Mapping[str, Fitting]) -> int:
    return max(notebook.rank for notebook in notebooks.values())


def _digest(notebooks: Mapping[str, Fitting]) -> str:
    return digest_of({name: notebook.data for name, notebook in notebooks.items()})


def _said(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
