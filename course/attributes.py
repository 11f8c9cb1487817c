"""Attributes: the parameters, buffers and modules that a module holds, also in lists, tuples and dicts."""

import copy
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

T = TypeVar("T")

COLLECTIONS = (list, tuple, dict)

PASSING = frozenset({"saved", "output_shapes", "_accepted", "_inputs"})
"""Attributes in which a run of forward leaves something, which is no part of the module: see Guarded."""


def held(holder: object, *kinds: type[T]) -> Iterator[tuple[str, T]]:
    """(name, value) of every attribute of these kinds, in the order in which they were set.

    What lies in a list, a tuple or a dict is called as in torch.nn's ModuleList: ``blocks.0``. What is an
    attribute itself has that name alone, so that ``self.all = [self.first, self.second]`` adds no names.
    """
    named: set[int] = set()
    for name, value in vars(holder).items():
        if isinstance(value, kinds):
            yield name, value
        elif isinstance(value, COLLECTIONS) and name not in PASSING:
            named = named or {id(attribute) for attribute in vars(holder).values()}
            for place, item in _inside(name, value, kinds):
                if id(item) not in named:
                    named.add(id(item))
                    yield place, item


def replaced(value: Any, kind: type[T], new: Callable[[T], Any]) -> Any:
    """The value with new(item) for every item of a kind in it; itself where there is none."""
    if isinstance(value, kind):
        return new(value)
    if not isinstance(value, COLLECTIONS) or next(_inside("", value, (kind,)), None) is None:
        return value
    if isinstance(value, dict):
        made = copy.copy(value)
        made.update((key, replaced(item, kind, new)) for key, item in value.items())
        return made
    items = [replaced(item, kind, new) for item in value]
    return items if isinstance(value, list) else tuple(items)


def _inside(name: str, collection: Any, kinds: tuple[type[T], ...]) -> Iterator[tuple[str, T]]:
    for key, item in collection.items() if isinstance(collection, dict) else enumerate(collection):
        if isinstance(item, kinds):
            yield f"{name}.{key}", item
        elif isinstance(item, COLLECTIONS):
            yield from _inside(f"{name}.{key}", item, kinds)
