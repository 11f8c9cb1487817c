"""Boxes: rectangles around labels, and a search for free room."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Box:
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
        """The right side's x."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """The lower side's y."""
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


def free_box(wanted: Box, taken: Iterable[Box], reach: float) -> Box:
    """The box nearest to `wanted` that overlaps nothing `taken`: moved sideways by up to `reach`, up or down at will."""
    left, right = wanted.x - reach, wanted.right + reach
    taken = [box for box in taken if box.x < right and left < box.right]  # nothing else can ever be met
    step = 3.0
    sideways = [0.0, *(sign * part * reach for part in (0.5, 1.0) for sign in (1, -1))]
    for ring in range(2000):  # 2000 × 3 px: further than any drawing is high
        for dy in (-ring * step, ring * step):
            for dx in sideways:
                moved = Box(wanted.x + dx, wanted.y + dy, wanted.width, wanted.height)
                if not any(moved.overlaps(box) for box in taken):
                    return moved
    raise ValueError("no room for a label: the drawing is higher than 12,000 pixels")
