"""When work is due and what lateness costs: class.toml in the work folder says both."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from autograder.errors import AutograderError, did_you_mean

FILE = "class.toml"
DAY = timedelta(days=1)

EXAMPLE = """\
timezone = "Europe/Berlin"           # of times that name none; this computer's when left out

[due]
01_graphs = 2026-10-01T23:59:00+02:00

[due_for.01_graphs]                  # who has a date of their own
s01 = 2026-10-05T23:59:00+02:00

[late]
percent_per_day = 10                 # of the assignment's points, for each started day of 24 hours
at_most = 50                         # percent; 100 when left out
grace_minutes = 15                   # that cost nothing; 1 when left out: due at 23:59 is until midnight
"""
"""All that the file may say."""


@dataclass(frozen=True)
class Rule:
    """What lateness costs, in percent of an assignment's points."""

    percent_per_day: float = 0.0
    at_most: float = 100.0
    grace_minutes: float = 1.0

    @property
    def grace(self) -> timedelta:
        """Time after the due date that costs nothing; days are counted from its end."""
        return timedelta(minutes=self.grace_minutes)

    def percent(self, late: timedelta) -> float:
        """What so much time after the due date costs."""
        started = max(0, -(-(late - self.grace) // DAY))
        return min(self.at_most, started * self.percent_per_day)


@dataclass(frozen=True)
class DueDates:
    """A class's due dates, each with its time zone, and the rule."""

    due: Mapping[str, datetime] = field(default_factory=dict)
    due_for: Mapping[str, Mapping[str, datetime]] = field(default_factory=dict)
    """By assignment and student, dates of their own."""
    rule: Rule = field(default_factory=Rule)
    zone: ZoneInfo | None = None

    def of(self, assignment: str, student: str) -> datetime | None:
        """When this student's work is due; None where nothing is said."""
        return self.due_for.get(assignment, {}).get(student) or self.due.get(assignment)

    def lateness(self, assignment: str, student: str, handed_in: datetime | None) -> timedelta:
        """How long after the grace a student handed in; zero when in time."""
        due = self.of(assignment, student)
        if due is None or handed_in is None:
            return timedelta()
        return handed_in - due if handed_in - due > self.rule.grace else timedelta()

    def local(self, time: datetime) -> datetime:
        """A time without a zone, in the class's zone or else in this computer's.

        Of the hour that comes twice in autumn it is the first: in favor of the student.
        """
        return time.replace(tzinfo=self.zone, fold=0).astimezone(UTC)

    @property
    def zone_name(self) -> str:
        """Where times without a zone are read."""
        return (
            f"{self.zone.key} ({FILE})"
            if self.zone
            else (f"this computer's zone, {datetime.now().astimezone():%Z}")
        )


def read_due_dates(work: Path) -> DueDates:
    """Read class.toml; without the file nothing is due and nothing is late.

    Raises:
        AutograderError: something in the file is wrong; it names the key and the cure.
    """
    path = work / FILE
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return DueDates()
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise AutograderError(str(path), "is not TOML", str(error)) from error
    _only(path, content, {"timezone", "due", "due_for", "late"}, "")
    zone = _zone(path, content.get("timezone"))
    due = {
        name: _date(path, f"due.{name}", value, zone) for name, value in _table(path, content, "due").items()
    }
    due_for: dict[str, dict[str, datetime]] = {}
    for name in (own := _table(path, content, "due_for")):
        if name not in due:
            raise AutograderError(
                f"{path}: due_for.{name}", "changes no date in [due]", did_you_mean(name, due)
            )
        students = _table(path, own, name)
        due_for[name] = {
            student: _date(path, f"due_for.{name}.{student}", value, zone)
            for student, value in students.items()
        }
    return DueDates(due, due_for, _rule(path, _table(path, content, "late")), zone)


def _table(path: Path, content: Mapping[str, Any], key: str) -> dict[str, Any]:
    table = content.get(key, {})
    if not isinstance(table, dict):
        raise AutograderError(f"{path}: {key}", "is no table", f"begin it with [{key}]")
    return table


def _only(path: Path, table: Mapping[str, Any], known: set[str], where: str) -> None:
    for key in table:
        if key not in known:
            raise AutograderError(str(path), f"has an unknown key '{where}{key}'", did_you_mean(key, known))


def _zone(path: Path, name: Any) -> ZoneInfo | None:
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except Exception as error:  # whatever the name leads to: KeyError, ValueError, TypeError, OSError
        cause = f"is no timezone {name!r}"
        raise AutograderError(f"{path}: there", cause, "write it like 'Europe/Berlin'") from error


def _date(path: Path, key: str, value: Any, zone: ZoneInfo | None) -> datetime:
    if not isinstance(value, datetime):
        cure = "write it like 2026-10-01T23:59:00+02:00, without quotes"
        raise AutograderError(f"{path}: {key}", "is no date with a time", cure)
    if value.tzinfo is not None:
        return value
    if zone is None:
        cure = "add +02:00, say, or set timezone for the whole file"
        raise AutograderError(f"{path}: {key}", "has no time zone", cure)
    return value.replace(tzinfo=zone)


def _rule(path: Path, table: Mapping[str, Any]) -> Rule:
    most = {"percent_per_day": 100.0, "at_most": 100.0, "grace_minutes": 100_000.0}
    _only(path, table, {option.name for option in fields(Rule)}, "late.")
    for key, value in table.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most[key]:
            raise AutograderError(
                f"{path}: late.{key}", f"is {value!r}, not a number from 0 to {most[key]:g}"
            )
    return Rule(**{key: float(value) for key, value in table.items()})
