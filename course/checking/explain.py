"""Explaining an exception of a student's code: what it was, in which line, and what it usually means."""

import linecache
import traceback
from pathlib import Path
from types import FrameType

import torch

from course.errors import InputError

LIBRARY = str(Path(__file__).parents[1])
"""The folder of the package `course`."""


def explain(stage: str, error: BaseException) -> str:
    """One sentence on an exception that a stage, such as backward, raised."""
    if is_unwritten(error):
        left = _left_over(error)
        return (
            f"{stage} ends at {left}: delete it, your answer is above"
            if left
            else f"{stage} is not written yet"
        )
    message = (str(error).strip().splitlines() or [""])[0]
    what = f"{type(error).__name__}: {message}".removesuffix(": ")
    return f"{stage} raised {what}{line_of(error)}{_meaning(stage, error, message)}"


def is_unwritten(error: BaseException) -> bool:
    """Whether an answer is missing; torch raises this class, too, where a dtype cannot do something."""
    return isinstance(error, NotImplementedError) and "not implemented for" not in str(error)


def line_of(error: BaseException) -> str:
    """The last line of code outside the library that was running: (line 7: `return g @ x`)."""
    own = _own_frame(error)
    return f" (line {own[1]}: `{own[2]}`)" if own else ""


def _own_frame(error: BaseException) -> tuple[FrameType, int, str] | None:
    """The last frame outside the library, torch and other packages, with its line's number and text."""
    for frame, number in reversed([*traceback.walk_tb(error.__traceback__)]):
        file = frame.f_code.co_filename
        text = linecache.getline(file, number).strip()
        if text and not file.startswith((LIBRARY, torch.__path__[0])) and "/site-packages/" not in file:
            return frame, number, text
    return None


def _left_over(error: BaseException) -> str:
    """The line of a stub that still stands below an answer; empty where there is no answer above it."""
    own = _own_frame(error)
    if own is None or not own[2].startswith("raise NotImplementedError"):
        return ""
    frame, number, text = own
    code = frame.f_code
    lines = [linecache.getline(code.co_filename, n).strip() for n in range(code.co_firstlineno, number)]
    marked = [place for place, line in enumerate(lines) if STUB in line]
    # below the marker stands the answer; where that is gone, the answer has taken its place
    answer = lines[marked[-1] + 1 :] if marked else [line for line in lines if line.startswith("return")]
    return f"line {number}, `{text}`" if any(line and not line.startswith("#") for line in answer) else ""


STUB = "YOUR CODE HERE"
"""What nbgrader writes above the line that raises."""


def _meaning(stage: str, error: BaseException, message: str) -> str:
    """What a beginner can make of an error message of Python's or torch's."""
    if isinstance(error, InputError):
        return ""
    if isinstance(error, TypeError) and "positional argument" in message:
        return (
            f": {stage} must take self and one argument for each "
            f"{'input' if stage == 'forward' else 'output'}"
        )
    if isinstance(error, NameError):
        return ": is it spelled as where it was made?"
    if isinstance(error, TypeError | AttributeError) and "Parameter" in message:
        return ": a parameter's numbers are in its .value, its gradient in its .grad"
    if not isinstance(error, RuntimeError):
        return ""
    if "bitwise_xor" in message:
        return ": in Python ** is the power, ^ is not"
    if "shapes cannot be multiplied" in message:
        return ": a transpose is missing, or the factors of @ are in the wrong order"
    if "doesn't match the broadcast shape" in message:
        return ": more numbers are added than the gradient has: which axes must be summed first?"
    if "must match the size" in message:
        return ": two shapes do not fit, print them just before this line"
    return ""
