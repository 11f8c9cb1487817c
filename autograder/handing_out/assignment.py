"""Assignments: which there are, and making the students' version of one."""

import tempfile
from pathlib import Path

from nbgrader.api import MissingEntry
from nbgrader.converters import GenerateAssignment
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory

from autograder.collecting.submissions import require_assignment
from autograder.errors import AutograderError
from autograder.gradebook.database import all_or_nothing, open_gradebook
from autograder.quiet import quiet
from autograder.settings import Settings


def generate(settings: Settings, name: str) -> Path:
    """Make the students' notebook from the instructor's, and note cells and points in the gradebook.

    Returns:
        the folder that students receive.

    Raises:
        AutograderError: there is no such assignment, or nbgrader refuses it.
    """
    require_assignment(settings, name)
    config = settings.prepare().config()
    course = CourseDirectory(config=config, assignment_id=name)
    with quiet(settings.log) as errors:
        try:
            with all_or_nothing(settings):  # half an assignment would be graded as if it were the whole
                GenerateAssignment(coursedir=course, config=config, force=True).start()
        except NbGraderException as error:
            message = next((line for line in errors if "rror:" in line), str(error))
            cause = f"could not be generated: {message} (the whole story: {settings.log})"
            raise AutograderError(f"'{name}'", cause) from error
    return settings.released / name


def ensure_in_gradebook(settings: Settings, name: str) -> None:
    """Note the assignment's cells and points in the gradebook if missing; leave students' notebooks alone.

    Raises:
        AutograderError: there is no such assignment, or nbgrader refuses it.
    """
    require_assignment(settings, name)
    settings.prepare()
    if _in_gradebook(settings, name):
        return
    with all_or_nothing(settings), tempfile.TemporaryDirectory() as folder:
        if not _in_gradebook(settings, name):  # another may have been first
            generate(settings.at(settings.folder, release=Path(folder)), name)


def _in_gradebook(settings: Settings, name: str) -> bool:
    with quiet(settings.log), open_gradebook(settings) as gradebook:
        try:
            return bool(gradebook.find_assignment(name).notebooks)
        except MissingEntry:
            return False
