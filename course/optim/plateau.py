"""A learning rate that falls when the loss no longer does."""

import math
from typing import Literal, SupportsFloat

from course.optim.optimizer import Optimizer
from course.optim.schedule import Schedule, require_optimizer


class ReduceLROnPlateau(Schedule):
    """η ← max(factor · η, min_lr) when a metric has not improved for more than `patience` epochs.

    Each epoch's metric is handed over by ``step(metrics)``.

    An improvement is a value below (mode "min") or above (mode "max") the best so far by more than
    `threshold`, relative to the best or absolute (`threshold_mode` "rel" or "abs"). For `cooldown` epochs
    after a reduction nothing is counted.
    """

    formula = r"\eta \leftarrow \max(\gamma\, \eta,\ \eta_{\min})"
    source = (
        "He, Zhang, Ren, Sun: Deep residual learning for image recognition, CVPR (2016): a tenth when "
        "the error plateaus"
    )

    def __init__(
        self,
        optimizer: Optimizer,
        mode: Literal["min", "max"] = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: Literal["rel", "abs"] = "rel",
        cooldown: int = 0,
        min_lr: float = 0.0,
        eps: float = 1e-8,
    ) -> None:
        if not 0 <= factor < 1:
            raise ValueError(f"factor={factor} does not reduce: expected 0 ≤ factor < 1")
        if mode not in ("min", "max") or threshold_mode not in ("rel", "abs"):
            raise ValueError(
                f"mode={mode!r}, threshold_mode={threshold_mode!r}: expected 'min' or 'max', 'rel' or 'abs'"
            )
        self.optimizer, self.mode, self.factor, self.patience = (
            require_optimizer(optimizer),
            mode,
            factor,
            patience,
        )
        self.threshold, self.threshold_mode, self.cooldown = threshold, threshold_mode, cooldown
        self.min_lr, self.eps = min_lr, eps
        self.best = math.inf if mode == "min" else -math.inf
        self.bad_epochs = self.cooling = 0

    def step(self, metrics: SupportsFloat) -> None:
        """Take in the metric of one epoch: a number, or a tensor that holds one."""
        if self._improves(float(metrics)):
            self.best, self.bad_epochs = float(metrics), 0
        else:
            self.bad_epochs += 1
        if self.cooling:
            self.cooling, self.bad_epochs = self.cooling - 1, 0
        if self.bad_epochs > self.patience:
            reduced = max(self.optimizer.lr * self.factor, self.min_lr)
            if self.optimizer.lr - reduced > self.eps:  # not worth it otherwise
                self.optimizer.lr = reduced
            self.cooling, self.bad_epochs = self.cooldown, 0

    def _improves(self, metric: float) -> bool:
        sign = 1 if self.mode == "max" else -1
        if self.threshold_mode == "rel":
            return sign * metric > sign * self.best * (1 + sign * self.threshold)
        return sign * metric > sign * self.best + self.threshold
