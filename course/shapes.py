"""Shapes in signatures: reads ``x: Float[Tensor, "batch in_features"]`` once.

Every input is then checked against it.

An axis name stands for one size within a call. Where the module has an attribute of that name
(`in_features`), it stands for that number. ``*shape`` is any number of axes, ``#`` marks axes that broadcast,
a digit is a size of its own.
"""

import inspect
import types
import typing
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from course.errors import DtypeError, InputCountError, InputError, RankError, SizeError


@dataclass(frozen=True)
class Axes:
    """One jaxtyping annotation: the kinds of number it admits, and its axes."""

    kind: str
    dtypes: frozenset[torch.dtype]
    before: tuple[str, ...]
    middle: str | None
    """The axis that stands for any number of axes, without its star; None when there is none."""
    after: tuple[str, ...]
    broadcasts: bool
    """Whether the axes in the middle may be broadcast."""

    @classmethod
    def of(cls, annotation: Any) -> "Axes":
        """Read an annotation such as ``Float[Tensor, "*batch features"]``."""
        words = annotation.dim_str.split()
        dtypes = frozenset(
            d for name in annotation.dtypes if isinstance(d := getattr(torch, name, None), torch.dtype)
        )
        star = next((i for i, word in enumerate(words) if word == "..." or "*" in word), None)
        middle = None if star is None else words[star].strip("*#")
        before, after = (words, []) if star is None else (words[:star], words[star + 1 :])
        broadcasts = star is not None and "#" in words[star]
        return cls(annotation.dtype.__name__, dtypes, tuple(before), middle, tuple(after), broadcasts)

    def match(self, value: Tensor, sizes: dict[str, Any], module: Any, argument: str) -> None:
        """Check one tensor, and note the sizes of the axes named here in `sizes`."""
        if value.dtype not in self.dtypes:
            wanted = {"Float": "floating-point numbers", "Bool": "true or false"}.get(
                self.kind, "whole numbers"
            )
            raise DtypeError(
                f"{_name(module)}: argument '{argument}' holds {_plain(value.dtype)}, expected {wanted}"
            )
        shape = value.shape
        rank, before, after = len(shape), len(self.before), len(self.after)
        if (rank != before) if self.middle is None else (rank < before + after):
            raise RankError(
                self._message(value, sizes, module, argument, f"it has {_count(rank, 'axis', 'axes')}")
            )
        for i, axis in enumerate(self.before):
            self._fix(axis, shape[i], i, value, sizes, module, argument)
        if self.middle is not None:
            for i, axis in enumerate(self.after, start=rank - after):
                self._fix(axis, shape[i], i, value, sizes, module, argument)
            self._fix_middle(tuple(shape[before : rank - after]), value, sizes, module, argument)

    def _fix(
        self, axis: str, size: int, position: int, value: Tensor, sizes: dict, module: Any, argument: str
    ) -> None:
        if axis[0] == "#":
            if size == 1:
                return
            axis = axis[1:]
        known = sizes.get(axis)
        if known is None:
            known = _size(axis, module)
            if known is None:
                known = size
            sizes[axis] = known
        if size != known:
            where = f"axis {position} is {size} where {axis} is {known}"
            raise SizeError(self._message(value, sizes, module, argument, where))

    def _fix_middle(
        self, shape: tuple[int, ...], value: Tensor, sizes: dict, module: Any, argument: str
    ) -> None:
        if not self.middle or self.middle == "...":
            return
        key = "*" + self.middle
        known = sizes.setdefault(key, shape)
        if known == shape:
            return
        if not self.broadcasts:
            raise SizeError(self._message(value, sizes, module, argument))
        try:
            sizes[key] = tuple(torch.broadcast_shapes(known, shape))
        except RuntimeError:
            other = (
                f"has shape {tuple(value.shape)}, which does not broadcast with {self.text(sizes, module)}"
            )
            raise SizeError(f"{_name(module)}: argument '{argument}' {other}") from None

    def _message(self, value: Tensor, sizes: dict, module: Any, argument: str, where: str = "") -> str:
        both = f"has shape {tuple(value.shape)}, expected {self.text(sizes, module)}"
        return f"{_name(module)}: argument '{argument}' {both}" + (f": {where}" if where else "")

    def text(self, sizes: dict[str, Any] | None = None, module: Any = None) -> str:
        """The axes as a reader would write them, with sizes where they are known: (batch, in_features=3)."""
        sizes = sizes or {}
        words = [self._word(axis, sizes, module) for axis in self.before]
        if self.middle is not None:
            known = sizes.get(f"*{self.middle}")
            words += (
                [f"*{self.middle}" if self.middle.isidentifier() else "…"]
                if known is None
                else map(str, known)
            )
        words += [self._word(axis, sizes, module) for axis in self.after]
        return f"({words[0]},)" if len(words) == 1 and words[0][0] not in "*…" else f"({', '.join(words)})"

    @staticmethod
    def _word(axis: str, sizes: dict[str, Any], module: Any) -> str:
        known = sizes.get(axis)
        if known is None and module is not None:
            known = _size(axis, module)
        return axis if known is None or axis.isdigit() else f"{axis}={known}"


@dataclass(frozen=True)
class Argument:
    """One argument of a forward: its name, whether it may be left out, and its shapes (none: unchecked)."""

    name: str
    optional: bool
    axes: tuple[Axes, ...]


class Signature:
    """The arguments of a forward or backward, ready to check what comes in."""

    def __init__(self, method: Callable[..., Any]) -> None:
        self.signature = inspect.signature(method)
        parameters = [*self.signature.parameters.values()][1:]  # without self
        self.arguments = tuple(
            _argument(p) for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
        )
        self.rest = next((_argument(p) for p in parameters if p.kind is p.VAR_POSITIONAL), None)
        self.required = sum(not argument.optional for argument in self.arguments)

    @property
    def has_optional(self) -> bool:
        """Whether some argument may be left out."""
        return self.required < len(self.arguments)

    def positional(self, inputs: tuple[Any, ...], options: dict[str, Any]) -> tuple[Any, ...]:
        """The inputs in order, those given by name included; the defaults stand in for what lies between.

        Raises:
            InputCountError: there is no argument of that name, or it is given twice.
        """
        try:
            bound = self.signature.bind(None, *inputs, **options)
        except TypeError as error:
            raise InputCountError(str(error)) from None
        last = max(
            position for position, argument in enumerate(self.arguments) if argument.name in bound.arguments
        )
        bound.apply_defaults()
        return tuple(bound.arguments[argument.name] for argument in self.arguments[: last + 1])

    def names(self, given: int | Collection[str] | None = None) -> tuple[str, ...]:
        """The arguments' names; with the inputs at hand, a name for each: see Module.input_names."""
        known = tuple(argument.name for argument in self.arguments)
        if given is None:
            return known
        if isinstance(given, int):
            return (
                known[:given]
                if self.required <= given <= len(known)
                else tuple(f"x{i}" for i in range(given))
            )
        if self.rest is not None:
            return tuple(given)
        return tuple(
            argument.name for argument in self.arguments if not argument.optional or argument.name in given
        )

    def check(self, module: Any, inputs: Sequence[Any], dtype: torch.dtype | None) -> None:
        """Let pass only inputs that fit the signature, floating-point ones in `dtype` when one is given.

        Raises:
            InputCountError: too many or too few.
            DtypeError: no tensor, or one that holds another kind of number.
            RankError: too many or too few axes.
            SizeError: an axis of the wrong size.
        """
        if len(inputs) < self.required or (len(inputs) > len(self.arguments) and not self.rest):
            names = ", ".join(a.name for a in (*self.arguments, *([self.rest] if self.rest else [])))
            raise InputCountError(
                f"{_name(module)} takes ({names}), got {_count(len(inputs), 'input', 'inputs')}"
            )
        sizes: dict[str, Any] = {}
        for position, value in enumerate(inputs):
            argument = self.arguments[position] if position < len(self.arguments) else self.rest
            assert argument is not None
            if not argument.axes or (value is None and argument.optional):
                continue
            if not isinstance(value, Tensor):
                what = f"argument '{argument.name}' is a {type(value).__name__}, not a tensor"
                raise DtypeError(f"{_name(module)}: {what}: make one with course.tensor({argument.name})")
            if dtype is not None and value.dtype != dtype and value.dtype.is_floating_point:
                both = f"holds {_plain(value.dtype)}, but the module's parameters hold {_plain(dtype)}"
                cure = f"pass {argument.name}.to({dtype}), or module.to(dtype={value.dtype})"
                raise DtypeError(f"{_name(module)}: argument '{argument.name}' {both}: {cure}")
            _match_any(argument, value, sizes, module)


def _match_any(argument: Argument, value: Tensor, sizes: dict[str, Any], module: Any) -> None:
    """Match the first of the allowed shapes that fits; the error is that of the one that came nearest."""
    if len(argument.axes) == 1:
        argument.axes[0].match(value, sizes, module, argument.name)
        return
    errors: list[InputError] = []
    for axes in argument.axes:
        trial = dict(sizes)
        try:
            axes.match(value, trial, module, argument.name)
        except InputError as error:
            errors.append(error)
        else:
            sizes.update(trial)
            return
    nearness = (SizeError, RankError, DtypeError)
    raise min(errors, key=lambda error: nearness.index(type(error)))


def _argument(parameter: inspect.Parameter) -> Argument:
    annotation = parameter.annotation
    choices = (
        typing.get_args(annotation)
        if typing.get_origin(annotation) in (types.UnionType, typing.Union)
        else (annotation,)
    )
    axes = tuple(Axes.of(choice) for choice in choices if hasattr(choice, "dim_str"))
    return Argument(parameter.name, parameter.default is not parameter.empty, axes)


def _size(axis: str, module: Any) -> int | None:
    if axis.isdigit():
        return int(axis)
    known = getattr(module, axis, None)
    return known if type(known) is int else None


def _name(module: Any) -> str:
    return type(module).__name__


def _count(number: int, singular: str, plural: str) -> str:
    return f"{number} {singular if number == 1 else plural}"


def _plain(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
