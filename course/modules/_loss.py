"""What the losses share: what becomes of the many numbers L_i."""

from typing import ClassVar

from course.module import Module


class _Loss(Module):
    """A loss with a number L_i for each element or row, of which the "mean" or the "sum" is taken, or "none".

    With g = ∂L/∂output, the gradient ∂L/∂L_i is g/n for a mean over n numbers, g for a sum, and g_i for
    "none", where each L_i is an output by itself.

    Raises:
        ValueError: there is no such reduction.
    """

    reductions: ClassVar[tuple[str, ...]] = ("none", "mean", "sum")

    def __init__(self, reduction: str = "mean") -> None:
        if reduction not in self.reductions:
            known = ", ".join(map(repr, self.reductions))
            raise ValueError(
                f"{type(self).__name__}: there is no reduction {reduction!r}: choose one of {known}"
            )
        self.reduction = reduction
