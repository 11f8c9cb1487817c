"""Keeps the screen to ourselves: what nbgrader logs goes to a file."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import traitlets.log


@contextmanager
def quiet(log: Path) -> Iterator[list[str]]:
    """Send nbgrader's log to a file while the block runs.

    Yields:
        the errors logged so far, each the last line of its message: "ValueError: …" of a traceback.
    """
    logger = logging.getLogger(traitlets.log.get_logger().name)
    errors: list[str] = []
    handler = logging.FileHandler(log)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    handler.addFilter(lambda record: _collect(record, errors))
    handlers, propagate, level = logger.handlers, logger.propagate, logger.level
    logger.handlers, logger.propagate = [handler], False
    logger.setLevel(logging.INFO)
    try:
        with warnings.catch_warnings():
            # nbgrader's own use of SQLAlchemy and nbconvert warns; nothing of it is ours
            warnings.simplefilter("ignore")
            yield errors
    finally:
        logger.handlers, logger.propagate = handlers, propagate
        logger.setLevel(level)
        handler.close()


def _collect(record: logging.LogRecord, errors: list[str]) -> bool:
    if record.levelno >= logging.ERROR:
        errors.append((record.getMessage().strip().splitlines() or [""])[-1])
    return True
