"""Where everything lies and how nbgrader is set up, in one object; and how a file is written whole.

The root's nbgrader_config.py and our commands share it.
"""

import os
import secrets
import sys
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from traitlets.config import Config

from autograder.address import database_url
from autograder.errors import AutograderError

PACKAGE = Path(__file__).parent
"""The whole of this package, the folder in which all of its code lies."""

CHECKOUT = PACKAGE.parent
"""The folder around the package; unless it is installed, solutions, tests and the gradebook lie there."""

COURSE_ID = "modular-learning"
KERNEL = "python3"
"""In which submissions run, whatever kernel they were saved with; the source notebooks name it."""

RUN = "autograder.nbgrader_steps.steps.SandboxedExecute"
"""The preprocessor that executes a notebook; the one step that may happen in another process."""

IGNORE = [".ipynb_checkpoints", "*.pyc", "__pycache__", ".DS_Store"]
"""Never copied to students: nbgrader hands out every other file that lies beside a source notebook."""


def find_root() -> Path:
    """The course's folder: this one, or the nearest above it.

    Raises:
        AutograderError: we are not in a course.
    """
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "solutions").is_dir() and (folder / "nbgrader_config.py").is_file():
            return folder
    cure = "cd to the folder that holds solutions/ and nbgrader_config.py"
    raise AutograderError(str(here), "is in no course", cure)


def write_whole(path: Path, content: str | bytes, *, mode: int = 0o666, keep: bool = False) -> None:
    """Write a file, and the folder around it if there is none, so that nobody ever sees half of it.

    It is written beside its place, as `.<name>.<number of this process>`, and put there in one step. Whoever
    reads meanwhile, or after this process was killed, sees the old content or the new. Only what was killed
    leaves the file beside it. The disk is not waited for: a power cut may still take what was just written.

    Args:
        path: the file.
        content: a text is written as UTF-8.
        mode: who may do what with it, less the umask; that of an earlier file is not taken over.
        keep: a file that is there already stays, also one that another process put there meanwhile.

    Raises:
        OSError: it cannot be written. What was there is unchanged, and nothing is left beside it.
        UnicodeEncodeError: the text holds half a letter, which no file can hold. Nothing was touched.
    """
    data = content.encode() if isinstance(content, str) else content
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        unfinished.touch(mode)
        unfinished.write_bytes(data)
        if keep:
            with suppress(FileExistsError):
                os.link(unfinished, path)
        else:
            unfinished.replace(path)
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)


@dataclass(frozen=True)
class Limits:
    """What one notebook may use."""

    seconds: float = 120.0
    """For the whole notebook."""
    cell_seconds: float = 15.0
    """For one cell, or one answer to the judge. The slowest right answer takes about 2 s."""
    memory: int = 2**30
    """Bytes, of all processes together."""
    disk: int = 2**26
    """Bytes in /tmp, which is memory."""
    file: int = 2**25
    """Bytes in one file."""
    files: int = 256
    """Open at a time."""
    entries: int = 2**14
    """Files and folders in /tmp: also empty ones take memory."""
    processes: int = 64


@dataclass(frozen=True)
class Settings:
    """A course and the folder in which it is graded.

    Args:
        root: the folder that holds solutions/ and assignments/.
        work: what is handed in, grades, feedback and the gradebook; `root`/autograder/work when left out.
        release: where students' notebooks go; `root`/assignments when left out.
        db: the gradebook's address, postgresql://… say; a file in the work folder when left out.
        sandbox: False runs submissions with your own rights.
        device: on which submissions compute, "cpu" or "cuda".
        limits: what one notebook may use.
    """

    root: Path
    work: Path | None = None
    release: Path | None = None
    db: str | None = field(default=None, repr=False)  # it may hold a password
    sandbox: bool = True
    device: str = "cpu"
    limits: Limits = field(default_factory=Limits)

    @property
    def folder(self) -> Path:
        """The work folder."""
        return self.work or self.root / "autograder" / "work"

    @property
    def source(self) -> Path:
        """Instructors' notebooks, with the answers."""
        return self.root / "solutions"

    @property
    def released(self) -> Path:
        """Students' notebooks."""
        return self.release or self.root / "assignments"

    @property
    def submitted(self) -> Path:
        """What was handed in: submitted/<student>/<assignment>/."""
        return self.folder / "submitted"

    @property
    def autograded(self) -> Path:
        """What was handed in, run and graded."""
        return self.folder / "autograded"

    @property
    def feedback(self) -> Path:
        """A page for each student."""
        return self.folder / "feedback"

    @property
    def gradebook(self) -> Path:
        """The file of the database that nbgrader keeps, unless `db` names another database."""
        return self.folder / "gradebook.db"

    @property
    def db_url(self) -> str:
        """The database's address."""
        return database_url(self.db or f"sqlite:///{self.gradebook}")

    @property
    def seed(self) -> int:
        """Seed of the judge's inputs: one for the whole class, known to nobody, made when first needed."""
        path = self.folder / "seed"
        if not path.exists():
            # another process may be first: then its number holds
            write_whole(path, str(secrets.randbits(48)), mode=0o600, keep=True)
        return int(path.read_text())

    @property
    def log(self) -> Path:
        """What nbgrader has to say."""
        return self.folder / "grade.log"

    def at(self, work: Path, release: Path | None = None) -> Self:
        """The same course, graded in another folder."""
        return replace(self, work=work, release=release or self.release)

    def prepare(self) -> Self:
        """Make the work folder, and let nbgrader find the `alembic` command, which it looks for on PATH."""
        self.submitted.mkdir(parents=True, exist_ok=True)
        (self.folder / "exchange").mkdir(exist_ok=True)
        bin_folder = str(Path(sys.executable).parent)
        if bin_folder not in os.environ.get("PATH", "").split(os.pathsep):
            os.environ["PATH"] = os.pathsep.join([bin_folder, os.environ.get("PATH", os.defpath)])
        return self

    def config(self) -> Config:
        """All of this in the words of nbgrader: where everything lies, and its steps with ours among them."""
        c = Config()
        c.CourseDirectory.course_id = COURSE_ID
        c.CourseDirectory.root = str(self.root)
        c.CourseDirectory.source_directory = self._from_root(self.source)
        c.CourseDirectory.release_directory = self._from_root(self.released)
        c.CourseDirectory.submitted_directory = self._from_root(self.submitted)
        c.CourseDirectory.autograded_directory = self._from_root(self.autograded)
        c.CourseDirectory.feedback_directory = self._from_root(self.feedback)
        c.CourseDirectory.source_with_tests_directory = self._from_root(self.folder / "source_with_tests")
        c.CourseDirectory.solution_directory = self._from_root(self.folder / "solution")
        c.CourseDirectory.db_url = self.db_url
        c.CourseDirectory.ignore = IGNORE
        c.Exchange.root = str(self.folder / "exchange")
        c.Exchange.cache = str(self.folder / "exchange_cache")

        c.HardenNotebook.source = str(self.source)
        c.SandboxedExecute.seed = self.seed
        c.SandboxedExecute.sandbox = self.sandbox
        c.SandboxedExecute.device = self.device
        c.SandboxedExecute.seconds = self.limits.seconds
        c.SandboxedExecute.cell_seconds = self.limits.cell_seconds
        c.AssignPenalties.work = str(self.folder)
        c.merge(_steps())
        return c

    def _from_root(self, folder: Path) -> str:
        """Relative to the root where it lies within: the formgrader makes its links of this."""
        return str(folder.relative_to(self.root)) if folder.is_relative_to(self.root) else str(folder)


def _steps() -> Config:
    """Which of our steps nbgrader takes, and where.

    They stand here by name, though nbgrader takes classes, too: JupyterLab's server reads this when it
    starts, and must not wait for them; and rooms that use the settings can be named in them without being
    imported.
    """
    c = Config()
    c.Autograde.pre_convert_hook = "autograder.nbgrader_steps.links.defuse_links"
    c.Autograde.sanitize_preprocessors = [
        "autograder.nbgrader_steps.steps.HardenNotebook",
        "nbgrader.preprocessors.OverwriteCells",
    ]
    c.Autograde.autograde_preprocessors = [
        RUN,
        "autograder.nbgrader_steps.allow_stderr.AllowStderr",
        "autograder.nbgrader_steps.fail_closed.FailClosed",
        "nbgrader.preprocessors.IgnorePattern",
        "nbconvert.preprocessors.ClearMetadataPreprocessor",
        "nbgrader.preprocessors.LimitOutput",
        "nbgrader.preprocessors.SaveAutoGrades",
        "autograder.nbgrader_steps.review.MarkForReview",
        "autograder.nbgrader_steps.penalties.AssignPenalties",
    ]
    c.GenerateFeedback.preprocessors = ["autograder.nbgrader_steps.hide_tests.HideTests"]
    c.GenerateFeedback.exporter_class = "autograder.pages.feedback.FeedbackExporter"
    c.GenerateFeedback.post_convert_hook = "autograder.pages.feedback.keep_pages_only"
    # The formgrader shows submissions in the instructor's browser, next to the instructor's Jupyter.
    c.HTMLExporter.sanitize_html = True
    c.HTMLExporter.filters = {
        "clean_html": "autograder.pages.sanitize.clean",
        "markdown2html": "autograder.pages.fragments.markdown",
    }
    c.NbConvertBase.display_data_priority = [  # neither scripts nor widgets
        *(
            "text/html",
            "text/markdown",
            "image/svg+xml",
            "image/png",
            "image/jpeg",
            "text/latex",
            "text/plain",
        )
    ]
    return c
