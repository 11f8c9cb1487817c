"""When something was handed in: timestamp.txt beside the notebook, as nbgrader writes and reads it."""

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

FILE = "timestamp.txt"
FORMAT = "%Y-%m-%d %H:%M:%S.%f UTC"
WITH_OFFSET = ("%Y-%m-%d %H:%M:%S.%f %z", "%Y-%m-%d %H:%M:%S %z")
"""Ways to write it that nbgrader misreads: it takes +0200 for 200 seconds."""


def write_timestamp(folder: Path, time: datetime) -> None:
    """Note the time."""
    (folder / FILE).write_text(time.astimezone(UTC).strftime(FORMAT), encoding="utf-8")


def read_timestamp(folder: Path) -> datetime | None:
    """The time, in UTC; None where there is none that can be read."""
    try:
        return parse_timestamp((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return None


def parse_timestamp(text: str) -> datetime | None:
    """What a timestamp.txt says."""
    for form in (FORMAT, *WITH_OFFSET):
        with suppress(ValueError):
            time = datetime.strptime(text.strip(), form)
            return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    from nbgrader.utils import parse_utc  # other ways to write it; it takes seconds to import

    try:
        time = parse_utc(text.strip()) if text.strip() else None
    except (ValueError, OverflowError):
        return None
    return time.replace(tzinfo=UTC) if time else None
