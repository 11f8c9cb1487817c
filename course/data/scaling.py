"""Scaling: numbers of very different sizes brought to one, and back."""

from dataclasses import dataclass
from typing import Self

from torch import Tensor


@dataclass(frozen=True)
class Scaling:
    """A mean and a deviation for each feature, by which numbers are standardized and brought back."""

    mean: Tensor
    deviation: Tensor

    @classmethod
    def of(cls, values: Tensor) -> Self:
        """The mean and the deviation over the examples (dividing by their number).

        A constant feature is only centered.
        """
        deviation = values.std(dim=0, correction=0)
        constant = deviation <= 1e-6 * values.abs().amax(dim=0)  # what rounding leaves of a deviation of 0
        return cls(values.mean(dim=0), deviation.masked_fill(constant, 1.0))

    def apply(self, values: Tensor) -> Tensor:
        """(values − mean) / deviation."""
        return (values - self.mean) / self.deviation

    def undo(self, values: Tensor) -> Tensor:
        """Values · deviation + mean."""
        return values * self.deviation + self.mean
