"""The one writer of the gradebook: notes a submission that was run, or one that could not be graded."""

import glob
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from nbgrader.converters import Autograde
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory

from autograder.gradebook import open_gradebook
from autograder.quiet import quiet
from autograder.review import mark_for_review
from autograder.settings import RUN, Settings

NOT_GRADED = "Not graded: "
"""How the gradebook's comments on an ungradable submission begin."""


def record(settings: Settings, assignment: str, student: str, executed: Path) -> str:
    """Grade a submission that was run, through nbgrader's own autograde; what was there before stays when this fails.

    Returns:
        why it could not be graded, in one line; empty when it was.
    """
    config = settings.config()
    steps = config.Autograde.autograde_preprocessors
    config.Autograde.autograde_preprocessors = ["autograder.replay.Replay" if step == RUN else step for step in steps]
    config.Replay.executed = str(executed)
    course = CourseDirectory(config=config, assignment_id=assignment, student_id=glob.escape(student))
    with _uninterrupted(), _kept_unless_done(settings.autograded / student / assignment) as done, quiet(settings.log) as errors:
        try:
            Autograde(coursedir=course, config=config).start()
        except NbGraderException as error:
            return f"nbgrader stopped: {next((line for line in errors if 'rror:' in line), error)}"
        done.append(True)
        mark_for_review(settings, assignment, student)
    return ""


def record_problem(settings: Settings, assignment: str, student: str, problem: str) -> bool:
    """Give 0 points to a submission that cannot be graded, and note why.

    Returns:
        whether it was noted: an earlier grade of the same student is left as it is.
    """
    if (settings.autograded / student / assignment).is_dir():
        return False
    with _uninterrupted(), quiet(settings.log), open_gradebook(settings) as gradebook:
        gradebook.update_or_create_student(student)
        submission = gradebook.update_or_create_submission(assignment, student)
        for notebook in submission.notebooks:
            for grade in notebook.grades:
                grade.auto_score, grade.needs_manual_grade = 0, False
            for comment in notebook.comments:
                comment.auto_comment = NOT_GRADED + problem
        gradebook.db.commit()
    return True


@contextmanager
def _kept_unless_done(folder: Path) -> Iterator[list[bool]]:
    """Put a folder aside, and back again unless the block says that it made a new one."""
    aside, done = folder.with_name(folder.name + ".before"), []
    if folder.is_dir():
        folder.rename(aside)
    try:
        yield done
    finally:
        if aside.is_dir() and not done:
            shutil.rmtree(folder, ignore_errors=True)
            aside.rename(folder)
        shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Let Ctrl-C wait until the block has ended, so that a grade is written whole or not at all."""
    pending: list[int] = []

    def later(signum: int, frame: FrameType | None) -> None:
        pending.append(signum)

    before = signal.signal(signal.SIGINT, later)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if pending:
        raise KeyboardInterrupt
