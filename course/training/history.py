"""History: what a training went through, epoch by epoch."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from course.figure import Figure


@dataclass
class History:
    """One number an epoch, as in ``history.train["loss"]`` or ``history.learning_rates``.

    Another example is ``history.validation["accuracy"]``.

    `train` holds means over the epoch's batches, taken while the model was learning (and dropping out);
    `validation` what it was worth at the end of the epoch, in eval mode.
    """

    train: dict[str, list[float]] = field(default_factory=dict)
    validation: dict[str, list[float]] = field(default_factory=dict)
    learning_rates: list[float] = field(default_factory=list)
    best_epoch: int | None = None
    """The epoch, counted from 1, with the lowest validation loss, if there was a validation."""
    stopped: str = ""
    """Why training ended before its last epoch; empty if it did not."""
    seconds: float = 0.0

    def add(self, train: dict[str, float], validation: dict[str, float], learning_rate: float) -> None:
        """Take in one epoch."""
        for kept, new in ((self.train, train), (self.validation, validation)):
            for name, number in new.items():
                kept.setdefault(name, []).append(number)
        self.learning_rates.append(learning_rate)
        if validation:
            losses = [math.inf if math.isnan(loss) else loss for loss in self.validation["loss"]]
            self.best_epoch = losses.index(min(losses)) + 1

    def plot(self) -> Figure:
        """The learning curves as a figure."""
        # Here, because matplotlib takes a while to import, and grading draws nothing.
        from course.training.curves import draw_curves

        return draw_curves(self)

    def __len__(self) -> int:
        return len(self.learning_rates)

    def __repr__(self) -> str:
        if not len(self):
            return f"History(no epoch; {self.stopped})" if self.stopped else "History(no epoch)"
        metrics = [f"{name} {numbers[-1]:.4g}" for name, numbers in self.train.items()]
        metrics += [f"validation {name} {numbers[-1]:.4g}" for name, numbers in self.validation.items()]
        ends = [f"best epoch {self.best_epoch}"] * (self.best_epoch is not None) + [self.stopped] * bool(
            self.stopped
        )
        epochs = f"{len(self)} epochs in {self.seconds:.1f} s: {', '.join(metrics)}"
        return f"History({'; '.join([epochs, *ends])})"
