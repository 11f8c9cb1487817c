"""The class's gradebook, nbgrader's database."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import nbgrader.api
from alembic.script import ScriptDirectory
from nbgrader.api import Base, Gradebook
from nbgrader.dbutil import ALEMBIC_DIR
from sqlalchemy import Engine, create_engine, inspect, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from autograder.errors import AutograderError
from autograder.settings import COURSE_ID, Settings


def open_gradebook(settings: Settings) -> Gradebook:
    """Open the gradebook, a new one if there is none; use it in a with statement.

    Raises:
        AutograderError: there is no gradebook at its address, and none can be made.
    """
    try:
        _create(settings.db_url)
        return Gradebook(settings.db_url, COURSE_ID)
    except (SQLAlchemyError, ModuleNotFoundError) as error:
        said = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        cure = "put a copy of it back, or move it away to begin a new one" if settings.db is None else "see --db"
        raise AutograderError(f"the gradebook {_shown(settings.db_url)} cannot be read ({said}): {cure}") from error


def _shown(url: str) -> str:
    """An address without its password."""
    return url.removeprefix("sqlite:///") if url.startswith("sqlite:") else make_url(url).render_as_string(hide_password=True)


def _create(url: str) -> None:
    """An empty gradebook, as nbgrader would make it, but without starting another Python for its version number."""
    engine = create_engine(url)
    try:
        with engine.begin() as connection:  # all or nothing, however it may be interrupted
            if inspect(connection).has_table("alembic_version"):
                return
            Base.metadata.create_all(connection)
            connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
            head = ScriptDirectory(ALEMBIC_DIR).get_current_head()
            connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": head})
    finally:
        engine.dispose()


@contextmanager
def one_engine() -> Iterator[None]:
    """Inside, all gradebooks at one address share a database engine.

    nbgrader opens the gradebook a dozen times for each submission, and a new engine compiles every query anew: more than a
    third of the time that grading takes here.
    """
    engines: dict[str, Engine] = {}

    def kept(url: str, **options: Any) -> Engine:
        if url not in engines:
            engines[url] = create_engine(url, **options)
        return engines[url]

    with patch.object(nbgrader.api, "create_engine", kept):
        try:
            yield
        finally:
            for engine in engines.values():
                engine.dispose()
