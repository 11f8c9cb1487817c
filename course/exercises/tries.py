"""Tries: how often an exercise was tried in this session, which decides how many hints are shown.

Nothing is kept on disk.
"""

import inspect
from types import CodeType
from typing import Any

_seen: dict[str, set[Any]] = {}


def count_try(name: str, answer: Any) -> int:
    """How many different answers have failed, with this one; the same code checked twice is one try."""
    tried = _seen.setdefault(name, set())
    tried.add(_fingerprint(answer))
    return len(tried)


def forget_tries() -> None:
    """Start over."""
    _seen.clear()


def _fingerprint(answer: Any) -> Any:
    """What an answer computes: the code of its functions, whatever object they are in."""
    members = vars(answer).values() if isinstance(answer, type) else (answer,)
    functions = [inspect.unwrap(member) for member in members if callable(member)]
    codes = tuple(_code(function.__code__) for function in functions if hasattr(function, "__code__"))
    return codes or repr(answer)


def _code(code: CodeType) -> Any:
    constants = tuple(_code(c) if isinstance(c, CodeType) else repr(c) for c in code.co_consts)
    return code.co_code, code.co_names, code.co_varnames, constants
