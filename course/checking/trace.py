"""A forward pass as data, so that another process can follow it: operations by name, what each one reads.

Nothing that is followed can do more than compute: only operations that are listed here, on few numbers.
"""

import itertools
import linecache
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_any, tree_map

import course.checking
from course.modes import any_numbers, recording
from course.module import as_tuple

Line = dict[str, Any]
"""One operation: its `name` and `overload`, `inputs` and `options`, and the `quote` that asked for it."""

LONGEST = 48
"""A longer expression is cut off here."""

MOST_LINES = 150
MOST_NUMBERS = 20_000
"""Nothing longer is followed, nor a result with more numbers than this."""

KNOWN = frozenset(
    (
        *("add", "sub", "rsub", "mul", "div", "neg", "pow", "reciprocal", "square", "sqrt", "rsqrt", "abs"),
        *("exp", "expm1", "log", "log1p", "log2", "sin", "cos", "tan", "atan", "sinh", "cosh", "tanh", "erf"),
        *("sigmoid", "log_sigmoid_forward", "softplus", "relu", "silu", "mish", "gelu", "elu", "leaky_relu"),
        *("hardtanh", "clamp", "clamp_min", "clamp_max", "maximum", "minimum", "where", "sign", "sgn"),
        *("gt", "ge", "lt", "le", "eq", "ne", "logical_not", "bitwise_not", "zeros_like", "ones_like"),
        *("sum", "mean", "amax", "amin", "prod", "logsumexp", "linalg_vector_norm", "cumsum"),
        *("_softmax", "_log_softmax", "mm", "addcmul", "lerp", "_to_copy"),
        *("view", "_unsafe_view", "unsqueeze", "squeeze", "expand", "t", "transpose", "permute"),
        *("clone", "alias", "detach", "select", "slice", "cat", "stack"),
    )
)
"""Torch's names of what is followed: each gives a tensor of numbers, and changes nothing in place."""

_OUTSIDE = tuple(
    str(Path(package.__file__).parent) for package in (torch, course.checking) if package.__file__
)
_quoted: ContextVar[str] = ContextVar("_quoted", default="")


def trace(function: Callable[..., Any], tensors: Sequence[Tensor]) -> list[Line]:
    """What `function` asks torch for; the last line has its results.

    Raises:
        ValueError: that cannot be told as data.
    """
    with recording(), any_numbers(), torch.no_grad():
        writer = _Writer(tensors)
        with writer:
            results = as_tuple(function(*tensors))
    return [*writer.lines, {"results": [writer.told(result) for result in results]}]


def follow(lines: Sequence[Line], tensors: Sequence[Tensor]) -> tuple[Any, ...]:
    """The results for these tensors; on the device "meta", nothing but sizes is computed.

    Raises:
        ValueError, RuntimeError, TypeError, KeyError, IndexError, AttributeError: these lines cannot be
            followed.
    """
    if not 1 < len(lines) <= MOST_LINES:
        raise ValueError("there is nothing to follow, or too much")
    values = list(tensors)

    def read(leaf: Any) -> Any:
        if not isinstance(leaf, str):
            return torch.from_numpy(leaf).to(tensors[0].device) if isinstance(leaf, np.ndarray) else leaf
        return values[int(leaf)] if leaf.isdigit() else getattr(torch, {"f8": "float64"}[leaf])

    for line in lines[:-1]:
        if line["name"] not in KNOWN:
            raise ValueError(f"{line['name']} is not followed")
        operation = getattr(getattr(torch.ops.aten, line["name"]), line["overload"])
        if operation._schema.is_mutable:
            raise ValueError(f"{line['name']} would change what it is given")
        inputs, options = tree_map(read, (line["inputs"], line["options"]))
        with quoting(line["quote"]):
            made = as_tuple(operation(*inputs, **options))
        if any(tensor.numel() > MOST_NUMBERS for tensor in made):
            raise ValueError("a result is too large")
        values += made
    return tuple(map(read, lines[-1]["results"]))


class _Writer(TorchDispatchMode):
    """Writes down each operation that depends on the given tensors."""

    def __init__(self, tensors: Sequence[Tensor]) -> None:
        super().__init__()
        self.lines: list[Line] = []
        self._values: list[Any] = list(tensors)  # kept, so that ids stay unique
        self._numbers = {id(tensor): number for number, tensor in enumerate(tensors)}

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        if tree_any(lambda leaf: id(leaf) in self._numbers, (args, kwargs)):
            if func._schema.is_mutable or func._opname not in KNOWN:
                raise ValueError(f"{func._opname} is not followed")
            inputs, options = tree_map(self.told, (args, kwargs))
            line = {"name": func._opname, "overload": func._overloadname, "inputs": list(inputs)}
            self.lines.append(line | {"options": options, "quote": expression()})
            for made in as_tuple(result):
                self._numbers[id(made)] = len(self._values)
                self._values.append(made)
        return result

    def told(self, leaf: Any) -> Any:
        """A value by its number, another tensor by its numbers, and what travels as it is."""
        if id(leaf) in self._numbers:
            return str(self._numbers[id(leaf)])
        if isinstance(leaf, Tensor):
            return leaf.detach().cpu().numpy()
        if leaf is torch.float64:
            return "f8"
        if leaf is None or isinstance(leaf, bool | int | float):
            return leaf
        raise ValueError(f"a {type(leaf).__name__} cannot travel")


@contextmanager
def quoting(quote: str) -> Iterator[None]:
    """Inside, what is computed was asked for by that expression."""
    token = _quoted.set("".join(filter(str.isprintable, str(quote)))[:LONGEST])
    try:
        yield
    finally:
        _quoted.reset(token)


def expression() -> str:
    """The expression of the source that is being computed, in the innermost function outside of torch."""
    if quote := _quoted.get():
        return quote
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and frame.f_code.co_filename.startswith(_OUTSIDE):
        frame = frame.f_back
    if frame is None:
        return "forward"
    first, last, start, end = next(
        itertools.islice(frame.f_code.co_positions(), frame.f_lasti // 2, None), (None,) * 4
    )
    if first is None or last is None:
        return "forward"
    lines = [linecache.getline(frame.f_code.co_filename, n).encode() for n in range(first, last + 1)]
    lines[-1] = lines[-1][:end]
    lines[0] = lines[0][start:]
    text = " ".join(b" ".join(lines).decode().split())
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
