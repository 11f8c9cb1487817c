"""The class's gradebook, nbgrader's database: opening it, and being the only one that writes it."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import nbgrader.api
from alembic.script import ScriptDirectory
from nbgrader.api import Base, Gradebook
from nbgrader.dbutil import ALEMBIC_DIR
from sqlalchemy import Connection, Engine, create_engine, inspect, text
from sqlalchemy.exc import SQLAlchemyError

from autograder.address import explain, shown
from autograder.errors import AutograderError
from autograder.settings import COURSE_ID, Settings

PATIENCE = 60
"""Seconds to wait for another writer: a hundred times what the longest record takes."""

LOCK = 0x6D6F_6475_6C61_72
"""The number of our writers' lock on PostgreSQL: "modular"."""

_kept: dict[str, Engine | Connection] = {}
"""What nbgrader gets in place of an engine of its own, by address."""


def open_gradebook(settings: Settings) -> Gradebook:
    """Open the gradebook, a new one if there is none; use it in a with statement.

    Raises:
        AutograderError: there is no gradebook at its address, and none can be made.
    """
    with _explained(settings):
        if settings.db_url not in _kept:
            _create(settings.db_url)
        return Gradebook(settings.db_url, COURSE_ID)


def gradebook_at(address: str) -> Gradebook:
    """Open the gradebook that is there already, to look something up; use it in a with statement.

    nbgrader adds the course that it is told, or one called default_course, and two processes that do so at
    the same moment collide. Told no course, it adds none.
    """
    return Gradebook(address, course_id="")


@contextmanager
def one_engine(settings: Settings) -> Iterator[None]:
    """Inside, all who open the gradebook share a database engine.

    nbgrader opens the gradebook a dozen times for each submission, and a new engine compiles every query
    anew: more than a third of the time that grading takes here.
    """
    with _explained(settings):
        _create(settings.db_url)
        engine = _engine(settings.db_url)
    try:
        with _given(settings.db_url, engine):
            yield
    finally:
        engine.dispose()


@contextmanager
def one_writer(settings: Settings) -> Iterator[None]:
    """Inside, no other process of ours changes the grades of this work folder.

    Others wait until we are done, or gone.
    """
    settings.folder.mkdir(parents=True, exist_ok=True)
    with (settings.folder / "writer.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def all_or_nothing(settings: Settings) -> Iterator[None]:
    """Inside, nothing that is written is seen by others or kept, until the block ends without an exception.

    nbgrader commits cell by cell. Here it does so within one transaction: whatever ends this process, the
    gradebook holds the grades before or the grades after. Writers on other machines, who share a PostgreSQL
    gradebook, wait for their turn.

    Raises:
        AutograderError: the gradebook cannot be opened or written.
    """
    url = settings.db_url
    kept = _kept.get(url)
    if isinstance(kept, Connection):  # within such a block already
        yield
        return
    with _explained(settings):
        if kept is None:
            _create(url)
        engine = kept or _engine(url)
        try:
            with engine.begin() as connection:
                _lock(connection)
                with _given(url, connection):
                    yield
        finally:
            if kept is None:
                engine.dispose()


@contextmanager
def _explained(settings: Settings) -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name != "psycopg":
            raise
        raise AutograderError(
            "psycopg", "is not installed", 'pip install "modular-learning[postgres]"'
        ) from error
    except SQLAlchemyError as error:
        url = settings.db_url
        cure = (
            ("put a copy of it back, or move it away to begin a new one")
            if settings.db is None
            else "see --db"
        )
        raise AutograderError(
            f"the gradebook {shown(url)}", f"cannot be read ({explain(url, error)})", cure
        ) from error


@contextmanager
def _given(url: str, engine: Engine | Connection) -> Iterator[None]:
    """Let nbgrader use this for an address, instead of a new engine each time."""
    before = dict(_kept)
    _kept[url] = engine
    if isinstance(engine, Connection):
        engine.dispose = lambda: None  # type: ignore[attr-defined]  # nbgrader takes it for an engine, and closes it when done
    try:
        with patch.object(
            nbgrader.api,
            "create_engine",
            lambda url, **options: _kept.get(url) or create_engine(url, **options),
        ):
            yield
    finally:
        _kept.clear()
        _kept.update(before)


def _engine(url: str) -> Engine:
    options: dict[str, Any] = {"connect_args": {"timeout": PATIENCE}} if url.startswith("sqlite:") else {}
    return create_engine(url, **options)


def _lock(connection: Connection) -> None:
    """Begin to write: from here to the end of the transaction, other writers wait."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # Python's sqlite3 begins none before CREATE TABLE
    elif connection.dialect.name == "postgresql":
        connection.execute(text(f"SET LOCAL lock_timeout = '{PATIENCE}s'"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": LOCK})


def _create(url: str) -> None:
    """A gradebook for the course, as nbgrader would make it.

    Unlike nbgrader, this starts no other Python for the version number.

    nbgrader adds the course when it first opens a gradebook; of two who do so at the same time, one would
    break off.
    """
    engine = _engine(url)
    try:
        with engine.connect() as connection:
            if _is_there(connection):
                return
        with engine.begin() as connection:  # all or nothing, however it may be interrupted
            _lock(connection)
            if _is_there(connection):  # another was first
                return
            if not inspect(connection).has_table("alembic_version"):
                Base.metadata.create_all(connection)
                connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
                head = ScriptDirectory(ALEMBIC_DIR).get_current_head()
                connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": head})
            # nbgrader makes the tables that an older gradebook lacks
            if inspect(connection).has_table("course"):
                connection.execute(text("INSERT INTO course (id) VALUES (:course)"), {"course": COURSE_ID})
    finally:
        engine.dispose()


def _is_there(connection: Connection) -> bool:
    if not all(map(inspect(connection).has_table, ("alembic_version", "course"))):
        return False
    return (
        connection.execute(text("SELECT 1 FROM course WHERE id = :course"), {"course": COURSE_ID}).first()
        is not None
    )
