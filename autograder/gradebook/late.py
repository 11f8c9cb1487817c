"""Late penalties in nbgrader's own field of the gradebook, from due dates and times of handing in."""

from datetime import UTC, datetime, timedelta
from typing import Any

from nbgrader.api import MissingEntry

from autograder.gradebook.database import all_or_nothing, one_writer, open_gradebook
from autograder.gradebook.due_dates import DueDates
from autograder.gradebook.timestamps import read_timestamp
from autograder.quiet import quiet
from autograder.settings import Settings


def enter_penalty(submission: Any, dates: DueDates, handed_in: datetime | None) -> None:
    """Note when a submission was due and handed in, and what lateness costs; a second call changes nothing.

    The penalty is a share of each notebook's most points: it stays right whatever a person gives later. What
    was earned by part is left alone. An assignment that class.toml does not name keeps the due date that the
    formgrader gave it.

    Args:
        submission: nbgrader's SubmittedAssignment.
    """
    assignment, student = submission.assignment, str(submission.student.id)
    due = dates.due.get(str(assignment.name))
    if due is not None:
        own = dates.of(str(assignment.name), student)
        assignment.duedate, submission.extension = _stored(due), own - due if own and own != due else None
    submission.timestamp = _stored(handed_in) if handed_in else None
    percent = dates.rule.percent(timedelta(seconds=submission.total_seconds_late))
    for notebook in submission.notebooks:
        notebook.late_submission_penalty = float(notebook.max_score or 0.0) * percent / 100 or None


def enter_penalties(settings: Settings, assignment: str, dates: DueDates) -> None:
    """Enter the penalties of everyone whose work was graded.

    A new date or rule then also holds for what need not be graded again.
    """
    if not _may_be_late(settings, assignment, dates):
        return
    with (
        one_writer(settings),
        quiet(settings.log),
        all_or_nothing(settings),
        open_gradebook(settings) as gradebook,
    ):
        for submission in gradebook.find_assignment(assignment).submissions:
            folder = settings.autograded / str(submission.student.id) / assignment
            enter_penalty(submission, dates, read_timestamp(folder))
        gradebook.db.commit()


def _may_be_late(settings: Settings, assignment: str, dates: DueDates) -> bool:
    if assignment in dates.due:
        return True
    with quiet(settings.log), open_gradebook(settings) as gradebook:
        try:
            return gradebook.find_assignment(assignment).duedate is not None
        except MissingEntry:
            return False


def _stored(time: datetime) -> datetime:
    """As nbgrader keeps times: UTC, without saying so."""
    return time.astimezone(UTC).replace(tzinfo=None)
