"""The gradebook's address, nbgrader's db_url: what people write, what SQLAlchemy reads, what may be shown."""

import re

from autograder.errors import AutograderError

VARIABLE = "AUTOGRADER_DB"
"""The environment variable that holds the address: other people can read a command's arguments, but not its
environment."""

POSTGRES = re.compile(r"^postgres(ql)?(\+psycopg)?://")


def database_url(address: str) -> str:
    """An address as SQLAlchemy wants it: `postgresql://` and `postgres://` mean psycopg, which we install.

    Raises:
        AutograderError: it is none. The message does not repeat it, because of the password.
    """
    if POSTGRES.match(address):
        address = POSTGRES.sub("postgresql+psycopg://", address)
        place = re.split(r"\?(?!.*@)", address.partition("://")[2])[0]
        if place.count("@") > 1 or re.search(r"[/#?]", place.rpartition("@")[0]):
            cause = "has an @, /, # or ? in the user's name or password"
            raise AutograderError("the gradebook's address", cause, "write %40, %2F, %23 or %3F there")
    from sqlalchemy import make_url  # only who has a gradebook waits for SQLAlchemy
    from sqlalchemy.exc import ArgumentError

    try:
        make_url(address)
    except (ArgumentError, ValueError):
        cure = "write postgresql://user@host/name, say"
        raise AutograderError("the gradebook's address", "is none", cure) from None
    return address


def has_password(address: str) -> bool:
    """Whether an address holds what others must not read."""
    return re.match(r"^[a-z+]+[0-9]*://[^/?]*:[^/?]*@", address) is not None or "password=" in address


def shown(url: str) -> str:
    """An address without its password."""
    from sqlalchemy import make_url

    if url.startswith("sqlite:"):
        return url.removeprefix("sqlite:///")
    address = make_url(url)
    return address.set(query={}).render_as_string(hide_password=True)  # a query may hold a password, too


def explain(url: str, error: Exception) -> str:
    """What a database or its driver complains about, in one line and without the password."""
    from sqlalchemy import make_url

    lines = str(getattr(error, "orig", None) or error).strip().splitlines() or [type(error).__name__]
    password = make_url(url).password
    return lines[0].replace(str(password), "***") if password else lines[0]
