"""Explaining an exception of a student's code: what it was, in which line, and what it usually means."""

import ast
import linecache
import re
import traceback
from collections.abc import Iterable
from contextlib import suppress
from math import prod
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import Tensor

from course.errors import InputError
from course.module import Module, Parameter
from course.saved import Saved

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
    said = f"{stage} raised {what}{line_of(error)}{_meaning(stage, error, message)}"
    shapes = _shapes(error, message)
    return f"{said}{' ' if said.endswith('?') else '. '}{shapes}" if shapes else said


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
        found = re.search(r"has shape \((.*)\), but the output it belongs to has shape \((.*)\)", message)
        given, whole = (_sizes(sizes) for sizes in found.groups()) if found else ((), ())
        if whole and given == whole[1:]:
            return (
                ": it is one row of what it should be. A backward with one gradient returns a tensor, and a "
                "loop over a tensor (zip, unpacking) takes its rows"
            )
        return ""
    if isinstance(error, TypeError) and "positional argument" in message:
        return (
            f": {stage} must take self and one argument for each "
            f"{'input' if stage == 'forward' else 'output'}"
        )
    if isinstance(error, NameError):
        return ": is it spelled as where it was made?"
    if isinstance(error, AttributeError) and isinstance(error.obj, Module) and error.name in error.obj.saved:
        return f": what forward saved is in self.saved[{error.name!r}]"
    if isinstance(error, TypeError | AttributeError) and "Parameter" in message:
        return ": a parameter's numbers are in its .value, its gradient in its .grad"
    if not isinstance(error, RuntimeError):
        return ""
    if "Boolean value of Tensor" in message:
        return ": `if`, `and` and a < b < c take one answer, a tensor has many: use a mask, or torch.where"
    if "bitwise_xor" in message:
        return ": in Python ** is the power, ^ is not"
    if "need to be at least 1D" in message:
        return ": @ multiplies matrices, * multiplies numbers one by one, and single numbers have no rows"
    if "shapes cannot be multiplied" in message:
        return ": a transpose is missing or one too many, or the factors of @ are in the wrong order"
    if found := re.search(r"shape \[(.*)\] doesn't match the broadcast shape \[(.*)\]", message):
        gradient, added = (prod(_sizes(sizes)) for sizes in found.groups())
        if gradient == added:
            return ": what is added has an axis more than the gradient: which shape should it have?"
        return ": more numbers are added than the gradient has: which axes must be summed first?"
    if any(words in message for words in MISFIT):
        return ": two shapes do not fit"
    return ""


def _sizes(text: str) -> tuple[int, ...]:
    return tuple(int(size) for size in text.split(",") if size.strip())


MISFIT = (
    "must match the size",
    "does not broadcast with",
    "inconsistent tensor size",
    "Sizes of tensors must match",
    "size mismatch",
)
"""What torch's messages about shapes have in them."""


def _shapes(error: BaseException, message: str) -> str:
    """The shapes of the tensors that the failing line names, where shapes are what it failed for."""
    own = _own_frame(error)
    misfit = any(words in message for words in (*MISFIT, "shapes cannot be multiplied", "broadcast shape"))
    if not misfit or own is None or not isinstance(error, RuntimeError):
        return ""
    frame, _, text = own
    with suppress(SyntaxError, ValueError, RuntimeError):
        nodes = list(ast.walk(ast.parse(text)))
        named = {
            ast.unparse(node): tuple(value.shape)
            for node in nodes
            if isinstance(value := _read(node, frame), Tensor)
        }
        lost = {ast.unparse(node): left for node in nodes if (left := _reduced(node, frame)) is not None}
        shapes = ", ".join(f"{name}: {shape}" for name, shape in (named | lost).items())
        why = ""
        if lost and MISFIT[0] in message and _fit(named.values()):
            why = f"`{next(iter(lost))}` has lost an axis: is it the right one, and should keepdim keep it? "
        return f"{why}Shapes: {shapes}" if shapes else ""
    return ""


REDUCTIONS = ("sum", "mean", "amax", "amin", "max", "min", "logsumexp", "norm", "prod", "var", "std")
"""Methods that make an axis vanish, unless keepdim is set."""


def _reduced(node: ast.AST, frame: FrameType) -> tuple[int, ...] | None:
    """The shape of such a call along one axis, where it lost that axis; it is worked out, not called."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return None
    options = {keyword.arg: keyword.value for keyword in node.keywords}
    given = () if node.func.attr == "norm" else node.args  # there, a power comes first
    axes = [*given, *(options[name] for name in ("dim", "axis") if name in options)]
    shape = _shape(node.func.value, frame)
    if node.func.attr not in REDUCTIONS or "keepdim" in options or len(axes) != 1 or not shape:
        return None
    axis = _number(axes[0], frame)
    if axis is None or not -len(shape) <= axis < len(shape):
        return None
    return tuple(size for place, size in enumerate(shape) if place != axis % len(shape))


def _shape(node: ast.AST, frame: FrameType) -> tuple[int, ...] | None:
    """The shape of what is known, or of what is computed of it number by number."""
    if isinstance(node, ast.BinOp) and not isinstance(node.op, ast.MatMult):
        sides = [_shape(side, frame) for side in (node.left, node.right)]
        return tuple(torch.broadcast_shapes(*(side for side in sides if side is not None)))
    if isinstance(node, ast.UnaryOp):
        return _shape(node.operand, frame)
    value = _read(node, frame)
    return tuple(value.shape) if isinstance(value, Tensor) else None


def _fit(shapes: Iterable[tuple[int, ...]]) -> bool:
    with suppress(RuntimeError):
        torch.broadcast_shapes(*shapes)
        return True
    return False


def _number(node: ast.AST, frame: FrameType) -> int | None:
    """A whole number that is written out, or that a module keeps."""
    with suppress(ValueError):
        number = ast.literal_eval(ast.unparse(node))
        return number if type(number) is int else None
    number = _read(node, frame)
    return number if type(number) is int else None


def _read(node: ast.AST, frame: FrameType) -> Any:
    """What a name, something saved or a part of a parameter was in that frame; None of anything else."""
    if isinstance(node, ast.Name):
        return frame.f_locals.get(node.id, frame.f_globals.get(node.id))
    if isinstance(node, ast.Attribute):
        owner = _read(node.value, frame)
        if isinstance(owner, Module):
            return owner.saved if node.attr == "saved" else vars(owner).get(node.attr)
        if isinstance(owner, Parameter) and node.attr in ("value", "grad"):
            return getattr(owner, node.attr)
        return owner.T if isinstance(owner, Tensor) and owner.dim() == 2 and node.attr == "T" else None
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        owner = _read(node.value, frame)
        return owner.get(str(node.slice.value)) if isinstance(owner, Saved) else None
    return None
