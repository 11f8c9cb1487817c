"""What a correct variant is, and the list into which hand-written ones enter themselves."""

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from torch import Generator

from course import generator
from course.module import Module

Made = tuple[Module, tuple[Any, ...], Callable[..., Any] | None]
"""A module, inputs it accepts, and an independent way to compute its output (or None)."""


@dataclass(frozen=True)
class Variant:
    """A module whose backward is right though written otherwise than the library's."""

    label: str
    """The module, the example in brackets, and the way it is written: "Softmax (columns): through numpy and
    back"."""
    make: Callable[[Generator], Made]


_entered: list[tuple[type[Module], str, tuple[int, ...]]] = []


def by_hand(how: str, *positions: int) -> Callable[[type], type]:
    """Enter a class that computes what its base does, on the base's examples at these positions (or on all).

    Examples build their modules through the class that is asked for them, so that a subclass gets instances
    of its own.
    """

    def enter(kind: type) -> type:
        _entered.append((kind, how, positions))
        return kind

    return enter


def variants_by_hand() -> Iterator[Variant]:
    """Every class that was entered, on each of its examples."""
    for kind, how, positions in _entered:
        for position, name in enumerate(example_names(kind)):
            if not positions or position in positions:
                yield Variant(f"{name}: {how}", functools.partial(example_of, kind, position))


def example_names(kind: type[Module]) -> list[str]:
    """A name for each example of a class: the module's library name, the example's label in brackets."""
    library = next(
        base for base in kind.__mro__ if base.__module__.startswith("course.") or base.__base__ is Module
    )
    labels = [example.label for example in kind.examples(generator(0))]
    return [library.__name__.lstrip("_") + (f" ({label})" if label else "") for label in labels]


def example_of(kind: type[Module], position: int, rng: Generator) -> Made:
    """The example of a class at a position, as the parts of a variant."""
    example = list(kind.examples(rng))[position]
    assert type(example.module) is kind, (
        f"an example of {kind.__name__} built a {type(example.module).__name__}"
    )
    return example.module, example.inputs, example.reference
