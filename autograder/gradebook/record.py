"""The one writer of the gradebook: notes a submission that was run, or one that could not be graded.

The gradebook takes a submission whole or not at all, and it counts as graded when its stamp is written, last
of all. Whatever is interrupted before that, by Ctrl-C or because the machine goes down, is put back and
graded again.
"""

import glob
import hashlib
import json
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from nbgrader.api import MissingEntry
from nbgrader.converters import Autograde
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory

from autograder.errors import NotGradedError, Problem
from autograder.gradebook.database import all_or_nothing, one_writer, open_gradebook
from autograder.gradebook.remarks import not_graded
from autograder.gradebook.settled import settle_again, settled_grades
from autograder.quiet import quiet
from autograder.settings import RUN, Settings, write_whole

BEFORE, OLD = ".before", ".old"
"""End the name of a folder that was put aside while a new one is made, and of one that is no longer
needed."""


def record(settings: Settings, assignment: str, student: str, executed: Path, digest: str) -> None:
    """Grade a submission that was run, through nbgrader's autograde; a failure leaves what was there before.

    Args:
        executed: the folder that holds the notebooks with their outputs.
        digest: of what was handed in when it was read (see `submission_digest`).

    Raises:
        NotGradedError: it was changed since, or nbgrader stopped.
    """
    config = settings.config()
    config.Autograde.sanitize_preprocessors = ["autograder.nbgrader_steps.steps.Replay"]
    config.Autograde.autograde_preprocessors = [
        step for step in config.Autograde.autograde_preprocessors if step != RUN
    ]
    config.Replay.executed = str(executed)
    course = CourseDirectory(config=config, assignment_id=assignment, student_id=glob.escape(student))
    folder = settings.autograded / student / assignment
    if digest != submission_digest(settings, assignment, student):
        raise NotGradedError("the submission", "was changed while it was being graded", "grade it again")
    with _uninterrupted(), one_writer(settings), _put_back_unless_done(folder), quiet(settings.log) as errors:
        try:
            with all_or_nothing(settings):
                with open_gradebook(settings) as gradebook:
                    earlier = settled_grades(gradebook, assignment, student)
                Autograde(coursedir=course, config=config).start()
                if earlier:
                    with open_gradebook(settings) as gradebook:
                        settle_again(
                            gradebook,
                            assignment,
                            student,
                            earlier,
                            folder.with_name(folder.name + BEFORE),
                            folder,
                        )
        except NbGraderException as error:
            message = next((line for line in errors if "rror:" in line), str(error))
            raise NotGradedError("nbgrader", f"stopped: {message}") from error
        _stamp(settings, assignment, student, digest)


def record_problem(settings: Settings, assignment: str, student: str, problem: Problem) -> bool:
    """Give 0 points to a submission that cannot be graded, and note why.

    Returns:
        whether it was noted: an earlier grade of the same student is left as it is.
    """
    with _uninterrupted(), one_writer(settings), quiet(settings.log), all_or_nothing(settings):
        if (settings.autograded / student / assignment).is_dir():
            return False
        with open_gradebook(settings) as gradebook:
            gradebook.update_or_create_student(student)
            submission = gradebook.update_or_create_submission(assignment, student)
            for notebook in submission.notebooks:
                for grade in notebook.grades:
                    grade.auto_score, grade.needs_manual_grade = 0, False
                for comment in notebook.comments:
                    comment.auto_comment = not_graded(problem)
            gradebook.db.commit()
    return True


def due(settings: Settings, assignment: str, students: list[str]) -> list[str]:
    """Those whose submission was never graded, or has changed since."""
    with quiet(settings.log), open_gradebook(settings) as gradebook:
        try:
            known = {
                str(submission.student.id) for submission in gradebook.find_assignment(assignment).submissions
            }
        except MissingEntry:
            known = set()

    def graded(student: str) -> bool:
        folder = settings.autograded / student / assignment
        if student not in known or not folder.is_dir() or folder.with_name(folder.name + BEFORE).exists():
            return False
        try:
            stamp = json.loads(_stamp_path(settings, assignment, student).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False
        return stamp == {"digest": submission_digest(settings, assignment, student)}

    return [student for student in students if not graded(student)]


def recover(settings: Settings, assignment: str) -> None:
    """Put back what an interrupted run had put aside, and take away what it left half done."""
    with one_writer(settings):  # while another records, what it has put aside is its own affair
        for aside in settings.autograded.glob(f"*/{glob.escape(assignment)}{BEFORE}"):
            folder = aside.with_name(assignment)
            _stamp_path(settings, assignment, folder.parent.name).unlink(missing_ok=True)
            _put_back(aside, folder)
        for old in settings.autograded.glob(f"*/{glob.escape(assignment)}{OLD}"):
            shutil.rmtree(old, ignore_errors=True)
        for unfinished in (settings.folder / "graded" / assignment).glob("*.[0-9]*"):  # of `write_whole`
            if unfinished.suffix[1:].isdigit():
                unfinished.unlink(missing_ok=True)


def submission_digest(settings: Settings, assignment: str, student: str) -> str:
    """A number that changes with what was handed in."""
    digest = hashlib.sha256()
    folder = settings.submitted / student / assignment
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()):
        digest.update(f"{path.relative_to(folder)}\0{path.stat().st_size}\0".encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _stamp_path(settings: Settings, assignment: str, student: str) -> Path:
    return settings.folder / "graded" / assignment / f"{student}.json"


def _stamp(settings: Settings, assignment: str, student: str, digest: str) -> None:
    write_whole(_stamp_path(settings, assignment, student), json.dumps({"digest": digest}))


@contextmanager
def _put_back_unless_done(folder: Path) -> Iterator[None]:
    """Put a folder aside while the block makes a new one, and back again if the block raises something."""
    aside = folder.with_name(folder.name + BEFORE)
    if folder.is_dir():
        folder.rename(aside)
    else:
        # an empty one says that there was none: half a folder must not pass for a grade
        aside.mkdir(parents=True)
    try:
        yield
    except BaseException:
        _put_back(aside, folder)
        raise
    old = folder.with_name(folder.name + OLD)
    shutil.rmtree(old, ignore_errors=True)
    aside.rename(old)  # in one step: a folder that is half deleted must not come back
    shutil.rmtree(old, ignore_errors=True)


def _put_back(aside: Path, folder: Path) -> None:
    """Undo what `_put_back_unless_done` did; may be interrupted, and done again."""
    shutil.rmtree(folder, ignore_errors=True)
    if any(aside.iterdir()):
        aside.rename(folder)
    else:
        aside.rmdir()


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
