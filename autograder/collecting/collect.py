"""Collecting: what was handed in comes to where it is graded; doubtful work is named, and stops nobody else.

nbgrader's zip_collect is not used: it unpacks before it looks, goes by names alone, and stops when a file
comes twice.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from rich import box
from rich.table import Table

from autograder.collecting.archives import File, Listing, RefusedError, inside, open_source
from autograder.collecting.class_list import ClassList, UnknownStudentError
from autograder.collecting.fitting import Shelf
from autograder.collecting.layouts import HandIn, Layout, merged, take_apart
from autograder.collecting.placing import NEW, OLDER, REPLACED, UNCHANGED, Place, Trust
from autograder.collecting.submissions import require_assignment, shown
from autograder.gradebook.due_dates import FILE, DueDates
from autograder.settings import COURSE_ID, Settings

REFUSED, MISSING = "refused", "nothing handed in"


@dataclass
class Summary:
    """What became of everything, by student."""

    kind: str
    became: dict[str, str] = field(default_factory=dict)
    late: dict[str, timedelta] = field(default_factory=dict)
    problems: list[tuple[str, str]] = field(default_factory=list)
    """Student or file, and what somebody has to do about it."""
    notes: list[tuple[str, str]] = field(default_factory=list)
    """Student, and what was done that is not plain."""
    missing: list[str] = field(default_factory=list)
    """Who is on the class list and has handed in nothing, now or before."""
    hints: list[str] = field(default_factory=list)
    """What holds for all of them."""

    def refuse(self, student: str, reason: str) -> None:
        """Note that nothing was taken of a student."""
        self.problems.append((student, reason))
        self.became[student] = REFUSED

    def of(self, became: str) -> list[str]:
        """The students of whose work this became."""
        return [student for student, what in self.became.items() if what == became]


def collect(
    settings: Settings,
    assignment: str,
    source: Path,
    class_list: ClassList,
    dates: DueDates,
    times: Mapping[str, datetime] | None = None,
) -> Summary:
    """Bring in what lies in a folder, a zip, a download from Canvas or Moodle, or nbgrader's exchange.

    Args:
        times: by student, when they handed in, where that is known better than by the source.

    Raises:
        AutograderError: the source cannot be read at all. What is wrong with one file or student stops nobody
            else.
    """
    require_assignment(settings, assignment)
    shelf = Shelf(settings)
    if (source / COURSE_ID / "inbound").is_dir():
        from autograder.collecting.exchange import read_exchange  # nbgrader takes seconds to import

        layout, listing = read_exchange(settings, source, assignment, class_list.ids)
        return _Desk(settings, assignment, class_list, dates, times or {}, shelf).take(layout, listing)
    with open_source(source, dates.local) as listing:
        layout = take_apart(listing, assignment, shelf.assignments, class_list, source.stem)
        return _Desk(settings, assignment, class_list, dates, times or {}, shelf).take(layout, listing)


@dataclass(frozen=True)
class _Desk:
    """Where hand-ins are looked at, one student after the other."""

    settings: Settings
    assignment: str
    class_list: ClassList
    dates: DueDates
    times: Mapping[str, datetime]
    shelf: Shelf

    def take(self, layout: Layout, listing: Listing) -> Summary:
        """Take everything that can be taken."""
        summary = Summary(layout.kind, hints=list(self._hints(layout, listing)))
        for student, hand_in in self._by_student(layout, summary).items():
            try:
                self._take(student, hand_in, layout.timed, summary)
            except RefusedError as error:
                summary.refuse(student, str(error))
        summary.problems += listing.refused
        there = {folder.parent.name for folder in self.settings.submitted.glob(f"*/{self.assignment}")}
        summary.missing = [
            student
            for student in self.class_list.ids
            if student not in there and student not in summary.became
        ]
        return summary

    def _hints(self, layout: Layout, listing: Listing) -> Iterator[str]:
        due = self.assignment in self.dates.due
        if layout.timed and listing.without_zone and due:
            yield f"the times of these files name no zone: they are read in {self.dates.zone_name}"
        if layout.kind == "Moodle" and due and not self.times:
            yield (
                "Moodle's download does not say when work was handed in: nobody counts as late without "
                "--times"
            )
        if layout.kind in ("Canvas", "Moodle") and not self.class_list.file:
            yield f"without a class list students are called what {layout.kind} calls them: see --students"

    def _by_student(self, layout: Layout, summary: Summary) -> dict[str, HandIn]:
        """Whose each is; what is nobody's, or perhaps another's, is refused."""
        by_student: dict[str, list[HandIn]] = defaultdict(list)
        for hand_in in layout.hand_ins:
            try:
                by_student[self.class_list.find(hand_in.clues)].append(hand_in)
            except UnknownStudentError as error:
                summary.problems.append((shown(hand_in.label), str(error)))
        spellings: dict[str, set[str]] = defaultdict(set)
        for student in (
            *by_student,
            *(folder.name for folder in self.settings.submitted.iterdir() if folder.is_dir()),
        ):
            spellings[student.casefold()].add(student)
        taken = {}
        for student, hand_ins in by_student.items():
            if others := spellings[student.casefold()] - {student}:
                summary.refuse(
                    student,
                    f"differs from '{min(others)}' only in capitals: rename one, or give a class list",
                )
            elif len(hand_ins) > 1 and layout.kind != "folder":
                labels = " and ".join(shown(hand_in.label) for hand_in in hand_ins)
                summary.refuse(
                    student, f"{labels} are two people in {layout.kind}: tell them apart in a class list"
                )
            else:
                taken[student] = merged(hand_ins)
        return taken

    def _take(self, student: str, hand_in: HandIn, timed: bool, summary: Summary) -> None:
        files, reasons = self._files(hand_in)
        choice = self.shelf.choose(self.assignment, files, reasons, bare=hand_in.bare)
        place = Place(self.settings, self.assignment, student)
        time, trust = self.times.get(student, hand_in.time), Trust.SURE
        if time is None and timed:
            time = max(
                (notebook.file.time for notebook in choice.chosen.values() if notebook.file.time),
                default=None,
            )
            trust = Trust.FILE
        elif time is None and hand_in.late:
            time, trust = self._least_late(student, choice.notes), Trust.GUESS
        became, time = place.put(choice, time, trust)
        summary.became[student] = became
        summary.notes += [(student, line) for line in choice.notes]
        if late := self.dates.lateness(self.assignment, student, time):
            summary.late[student] = late

    def _least_late(self, student: str, notes: list[str]) -> datetime | None:
        """For who was late, but nobody says how much: what costs least."""
        due = self.dates.of(self.assignment, student)
        if due is None:
            notes.append(f"is late, says Canvas, but {FILE} has no due date: nothing is taken off")
            return None
        notes.append(
            "is late, says Canvas, but not when it came: counts as one started day; --times knows more"
        )
        return due + self.dates.rule.grace + timedelta(seconds=1)

    def _files(self, hand_in: HandIn) -> tuple[list[tuple[File, int]], list[str]]:
        """All files, also those in a zip, and why some are not taken."""
        files, reasons = [], []
        for file, rank in hand_in.files:
            if not file.name.casefold().endswith(".zip"):
                files.append((file, rank))
                continue
            try:
                listing = inside(file, self.dates.local)
            except RefusedError as error:
                reasons.append(f"{shown(file.path)} {error}")
            else:
                reasons += [f"{shown(file.path)}/{path} {reason}" for path, reason in listing.refused]
                files += [(member, rank) for member in listing.files]
        return files, reasons


def summary_table(summary: Summary, assignment: str) -> Table:
    """The table as it is printed: what became of how many, and whose."""
    table = Table(
        title=f"{assignment}, collected ({summary.kind})",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        show_edge=False,
    )
    table.add_column("")
    table.add_column("students", justify="right")
    table.add_column("who")
    rows = {became: summary.of(became) for became in (NEW, REPLACED, UNCHANGED, OLDER, REFUSED)}
    for became, students in {**rows, MISSING: summary.missing}.items():
        if students:
            table.add_row(
                became, str(len(students)), _some(students), style="red" if became == REFUSED else ""
            )
    if summary.late:
        table.add_row(
            "late",
            str(len(summary.late)),
            _some(f"{student} ({how_long(by)})" for student, by in summary.late.items()),
        )
    return table


def how_long(time: timedelta) -> str:
    """A stretch of time as it is said: "2 d 3 h", "40 min"."""
    minutes, seconds = divmod(max(0, int(time.total_seconds())), 60)
    days, hours = minutes // 1440, minutes // 60 % 24
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes % 60} min" if hours else f"{minutes} min {seconds} s"


def _some(students: Iterable[str], most: int = 12) -> str:
    """Some names, s2 before s10, and how many more."""
    students = sorted(students, key=lambda student: [part.zfill(9) for part in re.split(r"(\d+)", student)])
    return ", ".join(students[:most]) + (f" and {len(students) - most} more" if len(students) > most else "")
