"""The class's gradebook, nbgrader's database."""

from alembic.script import ScriptDirectory
from nbgrader.api import Base, Gradebook
from nbgrader.dbutil import ALEMBIC_DIR
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DatabaseError

from autograder.errors import AutograderError
from autograder.settings import COURSE_ID, Settings


def open_gradebook(settings: Settings) -> Gradebook:
    """Open the gradebook, a new one if there is none; use it in a with statement.

    Raises:
        AutograderError: the file is no gradebook.
    """
    if not settings.gradebook.exists():
        _create(settings)
    try:
        return Gradebook(f"sqlite:///{settings.gradebook}", COURSE_ID)
    except DatabaseError as error:
        cure = "put a copy of it back, or move it away to begin a new one"
        raise AutograderError(f"{settings.gradebook} cannot be read ({error.orig}): {cure}") from error


def _create(settings: Settings) -> None:
    """An empty gradebook, as nbgrader would make it, but without starting another Python for its version number."""
    unfinished = settings.gradebook.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    engine = create_engine(f"sqlite:///{unfinished}")
    Base.metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
        head = ScriptDirectory(ALEMBIC_DIR).get_current_head()
        connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": head})
    engine.dispose()
    unfinished.rename(settings.gradebook)
