"""Modes: what forward and backward do differently inside a with-block."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar

import torch

RECORDING: ContextVar[bool] = ContextVar("recording", default=False)
"""Whether torch records what forward computes."""
ANY_NUMBERS: ContextVar[bool] = ContextVar("any_numbers", default=False)
"""Whether forward takes inputs that do not fit its signature."""
RELEASING: ContextVar[bool] = ContextVar("releasing", default=False)
"""Whether backward lets go of what forward saved."""
_FALLING_BACK: ContextVar[object | None] = ContextVar("falling_back", default=None)


@contextmanager
def _switched_on(mode: ContextVar[bool]) -> Iterator[None]:
    before = mode.set(True)
    try:
        yield
    finally:
        mode.reset(before)


def release_saved() -> AbstractContextManager[None]:
    """Inside, each backward lets go of what its forward saved, as torch does: it can run only once.

    Outside, what was saved stays, so that backward can be called again and the explorer can show it.
    """
    return _switched_on(RELEASING)


@contextmanager
def recording() -> Iterator[None]:
    """Inside, forward is recorded by torch, so that torch.autograd can differentiate it."""
    with _switched_on(RECORDING), torch.enable_grad():
        yield


def any_numbers() -> AbstractContextManager[None]:
    """Inside, forward takes whatever it is given, complex numbers too.

    This is for a check that steps off the real line.
    """
    return _switched_on(ANY_NUMBERS)


@contextmanager
def falling_back(module: object | None) -> Iterator[None]:
    """Inside, torch differentiates for this module, which has no backward of its own; None: for no module."""
    before = _FALLING_BACK.set(module)
    try:
        yield
    finally:
        _FALLING_BACK.reset(before)


def falls_back_now() -> object | None:
    """The module without a backward of its own that torch is differentiating just now, if there is one."""
    return _FALLING_BACK.get()
