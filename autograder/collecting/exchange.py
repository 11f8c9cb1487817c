"""nbgrader's exchange: nbgrader finds everybody's newest submission, and we copy it.

nbgrader's own copy would follow links.
"""

import os
import pwd
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nbgrader.coursedir import CourseDirectory
from nbgrader.exchange import ExchangeError
from nbgrader.exchange.default import ExchangeCollect

from autograder.collecting.archives import Listing, list_folder
from autograder.collecting.layouts import HandIn, Layout
from autograder.errors import AutograderError
from autograder.gradebook.database import open_gradebook
from autograder.quiet import quiet
from autograder.settings import COURSE_ID, Settings

OWN = ("timestamp.txt", "submission_secret.txt")
"""What nbgrader puts beside a submission."""


class _Newest(ExchangeCollect):
    """nbgrader's collect, up to where it would copy; a name that it cannot read stops nobody else."""

    wanted = ""
    """The assignment."""

    def init_src(self) -> None:
        self.unreadable: list[str] = []
        super().init_src()

    def _path_to_record(self, path: str) -> dict[str, Any]:
        name = os.path.basename(path)
        try:
            record = super()._path_to_record(path)
        except Exception:  # anybody may make a folder there, under any name
            record = {}
        if not record or not name.startswith(f"{record['username']}+{self.wanted}+"):
            self.unreadable.append(name)
            return {"username": f"\0{name}", "filename": name, "timestamp": datetime.min}
        return record

    def copy_files(self) -> None:
        """Leave that to our own hands."""


def read_exchange(
    settings: Settings, root: Path, assignment: str, ids: Collection[str]
) -> tuple[Layout, Listing]:
    """Everybody's newest submission.

    Args:
        ids: the class list's: what belongs to one of them was not handed in by another.

    Raises:
        AutograderError: nbgrader cannot read the exchange.
    """
    config = settings.config()
    config.Exchange.root = str(root)
    course = CourseDirectory(config=config, assignment_id=assignment)
    newest, listing = _Newest(coursedir=course, config=config), Listing()
    newest.wanted = assignment
    with quiet(settings.log) as errors, open_gradebook(settings):
        try:
            newest.start()
        except ExchangeError as error:
            cause = f"cannot collect from {root}: {errors[-1] if errors else error}"
            raise AutograderError("nbgrader", cause) from error
    for name in newest.unreadable:
        listing.refuse(name, "is not named as nbgrader names a submission")
    inbound = root / COURSE_ID / "inbound"
    records = [record for record in newest.src_records if record["filename"] not in newest.unreadable]
    owners = {record["username"]: _owner(inbound / record["filename"]) for record in records}
    people = {*ids, *(student for student, owner in owners.items() if student == owner)}
    hand_ins = []
    for record in records:
        name, student = record["filename"], record["username"]
        if (inbound / name).is_symlink() or not (inbound / name).is_dir():
            listing.refuse(name, "is no folder")
        elif owners[student] != student and owners[student] in people:
            listing.refuse(name, f"says that it is of {student}, but {owners[student]} made it: ask both")
        else:
            inside = list_folder(inbound, name)
            listing.refused += inside.refused
            files = [(file, 0) for file in inside.files if file.name not in OWN]
            time = record["timestamp"].replace(tzinfo=UTC)
            hand_ins.append(HandIn(name, (("any", student),), files, time))
    return Layout("exchange", hand_ins), listing


def _owner(folder: Path) -> str:
    try:
        return pwd.getpwuid(folder.lstat().st_uid).pw_name
    except (KeyError, OSError):
        return ""
