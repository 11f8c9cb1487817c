"""Saved: what a forward leaves for the backward after it."""

from typing import Any

from course.errors import SavedError


class Saved(dict[str, Any]):
    """What forward saved, by name; it knows whether there was a forward at all.

    Raises:
        SavedError: something is read, and there was no forward.
        KeyError: something is read that forward did not save.
    """

    filled = False

    def __missing__(self, name: str) -> Any:
        if not self.filled:
            raise SavedError("nothing is saved yet: call forward before backward")
        parameter = f"a parameter is self.{name}.value"
        raise KeyError(
            f"forward saved no '{name}', only {sorted(self)}: {parameter}; else forward must save it"
        )
