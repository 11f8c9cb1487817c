"""What a module refuses, a class for each cause. Messages name the argument, what came, what was expected."""

import difflib
from collections.abc import Iterable
from typing import Self


class SavedError(RuntimeError):
    """Backward came before forward: nothing is saved yet."""


class NoBackwardError(RuntimeError):
    """A module has no backward of its own, where torch is not to differentiate in its place."""


class InputError(ValueError):
    """A module was given something that it cannot compute with."""

    def within(self, place: str) -> Self:
        """The same error, said of a node in a graph or a module in a chain."""
        return type(self)(f"{place}: {self}")


class DeviceError(InputError):
    """A tensor lies where the course does not compute, or a device was asked for that is not there."""


class DtypeError(InputError, TypeError):
    """The wrong kind of number: float64 for float32, floating point for whole numbers, or not a tensor."""


class RankError(InputError):
    """A tensor has too many or too few axes."""


class SizeError(InputError):
    """An axis is longer or shorter than the module, or another input, needs it."""


class InputCountError(InputError, TypeError):
    """Too many or too few inputs."""


def did_you_mean(name: str, known: Iterable[str], otherwise: str = "") -> str:
    """The tail of an error line: "did you mean 'weight'?", or `otherwise` where no known name is near.

    Upper and lower case count as equal.
    """
    by_lower_case = {word.lower(): word for word in known}
    nearest = difflib.get_close_matches(name.lower(), by_lower_case, n=1)
    return f"did you mean '{by_lower_case[nearest[0]]}'?" if nearest else otherwise
