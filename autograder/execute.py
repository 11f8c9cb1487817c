"""What a worker process does: run one submission, or write one page of feedback. It never writes to the class's gradebook."""

import glob
import shutil
from pathlib import Path

from nbgrader.converters import Autograde, GenerateFeedback
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory

from autograder.quiet import quiet
from autograder.settings import RUN, Settings


def execute(settings: Settings, assignment: str, student: str, scratch: Path) -> str:
    """Run a submission in a folder of its own, `scratch`/<student>, where its outputs are left.

    Args:
        scratch: holds a copy of the gradebook.

    Returns:
        why it could not be run, in one line; empty when it was.
    """
    private = settings.at(scratch / student)
    shutil.copytree(settings.submitted / student / assignment, private.submitted / student / assignment)
    shutil.copy(scratch / settings.gradebook.name, private.gradebook)
    config = private.prepare().config()
    config.Autograde.autograde_preprocessors = [RUN]
    course = CourseDirectory(config=config, assignment_id=assignment, student_id=glob.escape(student))
    with quiet(settings.log) as errors:
        try:
            Autograde(coursedir=course, config=config).start()
        except NbGraderException as error:
            return f"nbgrader stopped: {next((line for line in errors if 'rror:' in line), error)}"
    return ""


def write_feedback(settings: Settings, assignment: str, student: str) -> str:
    """Write a student's page.

    Returns:
        why it could not be written, in one line; empty when it was.
    """
    config = settings.prepare().config()
    course = CourseDirectory(config=config, assignment_id=assignment, student_id=glob.escape(student))
    with quiet(settings.log) as errors:
        try:
            GenerateFeedback(coursedir=course, config=config, force=True).start()
        except NbGraderException as error:
            return f"no feedback for '{student}': {next((line for line in errors if 'rror:' in line), error)}"
    return ""
