"""Assignments: which there are, and making the students' version of one."""

import tempfile
from pathlib import Path

from nbgrader.api import MissingEntry
from nbgrader.converters import GenerateAssignment
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory

from autograder.errors import AutograderError, did_you_mean
from autograder.gradebook import open_gradebook
from autograder.quiet import quiet
from autograder.settings import Settings


def require_assignment(settings: Settings, name: str) -> None:
    """Make sure that there is such an assignment.

    Raises:
        AutograderError: there is none; names the nearest.
    """
    known = {folder.parent.name for folder in settings.source.glob("*/*.ipynb")}
    if name not in known:
        raise AutograderError(f"no assignment '{name}' in {settings.source.name}/: {did_you_mean(name, known)}")


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
    with quiet(settings.log) as errors, open_gradebook(settings):
        try:
            GenerateAssignment(coursedir=course, config=config, force=True).start()
        except NbGraderException as error:
            said = next((line for line in errors if "rror:" in line), str(error))
            raise AutograderError(f"'{name}' could not be generated: {said} (the whole story: {settings.log})") from error
    return settings.released / name


def ensure_in_gradebook(settings: Settings, name: str) -> None:
    """Note the assignment's cells and points in the gradebook if they are not there; students' notebooks are left alone.

    Raises:
        AutograderError: there is no such assignment, or nbgrader refuses it.
    """
    require_assignment(settings, name)
    with quiet(settings.prepare().log), open_gradebook(settings) as gradebook:
        try:
            if gradebook.find_assignment(name).notebooks:
                return
        except MissingEntry:
            pass
    with tempfile.TemporaryDirectory() as folder:
        generate(settings.at(settings.folder, release=Path(folder)), name)
