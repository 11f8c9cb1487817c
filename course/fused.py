"""Fused kernels: one switch that lets finished routines of torch run in place of the text of a pass.

The text of a module is its mathematics, a line for a step, and each line is one pass over memory. torch has
routines that do several steps in one pass. Where such a routine pays, it stands in an aside, a file
`_fused_*.py` in `course/modules/`, beside the formula that it computes, and registers itself for a text. The
text never mentions it.

The switch is off: what runs is what one reads. Inside ``with fused_kernels():`` it is on, and everywhere if
the environment variable ``COURSE_FUSED`` is 1.
"""

import functools
import inspect
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol

import torch

Pass = Callable[..., Any]
"""The forward or the backward of a class of modules."""

KERNELS: dict[Pass, Pass] = {}
"""What runs in place of which text when the switch is on; filled by the asides."""

_switch: ContextVar[bool | None] = ContextVar("fused", default=None)


class Fusible(Protocol):
    """A module, as far as the switch knows it."""

    backward: Pass
    fused: bool
    """Whether kernels ran in the last forward; backward reads what that forward saved."""


@contextmanager
def fused_kernels(on: bool = True) -> Iterator[None]:
    """Inside, modules run as fused kernels where there are some, or with on=False as the text says.

    It is the forward that decides: the backward that belongs to it follows, wherever it is called.
    """
    before = _switch.set(on)
    try:
        yield
    finally:
        _switch.reset(before)


def kernel_for(text: Pass) -> Callable[[Pass], Pass]:
    """Register a function that computes what `text`, a forward or backward, does from the same arguments.

    A forward that does not know a case returns None: the text runs then, and in backward, too. A forward that
    saves anything else than its text saves needs a kernel for its backward.
    """

    def register(kernel: Pass) -> Pass:
        KERNELS[inspect.unwrap(text)] = kernel
        return kernel

    return register


def fusible(text: Pass) -> Pass:
    """The pass that runs `text`, or the kernel that stands for it; never a kernel while torch records.

    A class whose backward has no kernel runs texts only: it may read what the text of forward saves.
    """
    decides, written = text.__name__ == "forward", inspect.unwrap(text)

    @functools.wraps(text)
    def run(module: Fusible, *arguments: Any) -> Any:
        if decides:
            fused = (
                _is_on() and not torch.is_grad_enabled() and inspect.unwrap(type(module).backward) in KERNELS
            )
            if module.fused is not fused:
                module.fused = fused
        if module.fused and written in KERNELS:
            result = KERNELS[written](module, *arguments)
            if result is not None or not decides:
                return result
            module.fused = False
        return text(module, *arguments)

    return run


def _is_on() -> bool:
    on = _switch.get()
    return _in_environment() if on is None else on


@functools.cache  # read once, at the first forward
def _in_environment() -> bool:
    wanted = os.environ.get("COURSE_FUSED", "").strip()
    if wanted not in ("", "0", "1"):
        raise ValueError(
            f"COURSE_FUSED={wanted!r}, expected 1 for fused kernels, or 0: set it to one of them, or unset it"
        )
    return wanted == "1"
