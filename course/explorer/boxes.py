"""Boxes: rectangles around labels, and a search for free room."""

import math
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple


class Box(NamedTuple):
    """A rectangle by its top left corner."""

    x: float
    y: float
    width: float
    height: float

    @classmethod
    def around(cls, center: float, middle: float, width: float, height: float) -> "Box":
        """The rectangle around a point."""
        return cls(center - width / 2, middle - height / 2, width, height)

    @property
    def right(self) -> float:
        """The x of the right side."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """The y of the lower side."""
        return self.y + self.height

    @property
    def center(self) -> float:
        """The x halfway between the sides."""
        return self.x + self.width / 2

    @property
    def middle(self) -> float:
        """The y halfway between top and bottom."""
        return self.y + self.height / 2

    def overlaps(self, other: "Box") -> bool:
        """Whether the two share any area; sides may touch, up to rounding."""
        across = min(self.right, other.right) - max(self.x, other.x)
        down = min(self.bottom, other.bottom) - max(self.y, other.y)
        return across > 1e-6 and down > 1e-6


class Room:
    """The boxes that are taken, kept by column, so that a free place is found quickly in a wide drawing."""

    COLUMN = 120.0

    def __init__(self, taken: Iterable[Box] = ()) -> None:
        self._columns: dict[int, list[Box]] = defaultdict(list)
        for box in taken:
            self.take(box)

    def take(self, box: Box) -> None:
        """Add a box."""
        for column in self._across(box.x, box.right):
            self._columns[column].append(box)

    def overlaps(self, box: Box) -> bool:
        """Whether a box meets any that is taken."""
        return any(
            box.overlaps(other)
            for column in self._across(box.x, box.right)
            for other in self._columns[column]
        )

    def free(self, wanted: Box, reach: float) -> Box:
        """The box nearest to `wanted` that overlaps nothing, as `free_box` finds it."""
        columns = self._across(wanted.x - reach, wanted.right + reach)
        return free_box(wanted, [box for column in columns for box in self._columns[column]], reach)

    def find(self, wanted: Box, reach: float) -> Box:
        """The free box nearest to `wanted`, as `free` gives it, which is then taken."""
        free = self.free(wanted, reach)
        self.take(free)
        return free

    def _across(self, left: float, right: float) -> range:
        return range(math.floor(left / self.COLUMN), math.floor(right / self.COLUMN) + 1)


def free_box(wanted: Box, taken: Iterable[Box], reach: float) -> Box:
    """The box nearest to `wanted` that overlaps nothing `taken`.

    It is moved sideways by at most `reach`, and up or down at will.
    """
    wide, top, foot = wanted.width, wanted.y, wanted.bottom
    first, last = wanted.x - reach, wanted.right + reach
    # Each box: the verticals between which it stands, and the ends of the way up or down on which it is met.
    met = [
        (x, x + width, y - foot, y + height - top)
        for x, y, width, height in taken
        if x < last and first < x + width
    ]
    best, least = wanted, math.inf
    for order, part in enumerate((0.0, 0.5, -0.5, 1.0, -1.0)):
        x = wanted.x + part * reach
        start, end = x + 1e-6, x + wide - 1e-6
        # Where it may not go up or down, as open intervals of the way.
        blocked = [(low, high) for left, right, low, high in met if left < end and start < right]
        if not any(low + 1e-9 < 0 < high - 1e-9 for low, high in blocked):
            ways = (0.0,)
        else:
            ways = (_least_way(blocked), -_least_way([(-high, -low) for low, high in blocked]))
        for way in ways:
            cost = abs(way) + order * 1e-3 + (way > 0) * 1e-4
            if cost < least:
                best, least = Box(x, wanted.y + way, wanted.width, wanted.height), cost
        if least < 1:
            break
    return best


def _least_way(blocked: Iterable[tuple[float, float]]) -> float:
    """The least way, 0 or above, that lies in no blocked interval; at an end is outside, up to rounding."""
    way = 0.0
    for low, high in sorted(blocked):
        if low + 1e-9 < way < high - 1e-9:
            way = high
    return way
