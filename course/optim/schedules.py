"""Learning-rate schedules: how the step size changes from epoch to epoch. Names and arguments are torch's."""

import math
from collections.abc import Callable, Sequence
from typing import Literal

from course.optim.optimizer import Optimizer


class Schedule:
    """Sets ``optimizer.lr`` to `rate(epoch)`, at once to that of epoch 0 and then in every `step()`, once an epoch.

    A subclass writes `rate`, in closed form, with η₀ = `self.base`, the optimizer's learning rate at the start.
    """

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer, self.base, self.epoch = optimizer, optimizer.lr, 0
        optimizer.lr = self.rate(0)

    def rate(self, epoch: int) -> float:
        """The learning rate in an epoch, counted from 0."""
        raise NotImplementedError

    def step(self) -> None:
        """Go on to the next epoch."""
        self.epoch += 1
        self.optimizer.lr = self.rate(self.epoch)


class LambdaLR(Schedule):
    """η_t = η₀ · lr_lambda(t)."""

    def __init__(self, optimizer: Optimizer, lr_lambda: Callable[[int], float]) -> None:
        self.lr_lambda = lr_lambda
        super().__init__(optimizer)

    def rate(self, epoch: int) -> float:
        return self.base * self.lr_lambda(epoch)


class StepLR(Schedule):
    """η_t = η₀ · γ^⌊t / step_size⌋: a step down every `step_size` epochs."""

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1) -> None:
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer)

    def rate(self, epoch: int) -> float:
        return self.base * self.gamma ** (epoch // self.step_size)


class MultiStepLR(Schedule):
    """η_t = η₀ · γ^(number of milestones ≤ t): a step down at every milestone."""

    def __init__(self, optimizer: Optimizer, milestones: Sequence[int], gamma: float = 0.1) -> None:
        self.milestones, self.gamma = tuple(milestones), gamma
        super().__init__(optimizer)

    def rate(self, epoch: int) -> float:
        return self.base * self.gamma ** sum(milestone <= epoch for milestone in self.milestones)


class ExponentialLR(Schedule):
    """η_t = η₀ γᵗ."""

    def __init__(self, optimizer: Optimizer, gamma: float) -> None:
        self.gamma = gamma
        super().__init__(optimizer)

    def rate(self, epoch: int) -> float:
        return self.base * self.gamma**epoch


class LinearLR(Schedule):
    """η_t = η₀ · f_t, where f goes on a straight line from start_factor to end_factor in `total_iters` epochs: a warm-up."""

    def __init__(
        self, optimizer: Optimizer, start_factor: float = 1 / 3, end_factor: float = 1.0, total_iters: int = 5
    ) -> None:
        self.start_factor, self.end_factor, self.total_iters = start_factor, end_factor, total_iters
        super().__init__(optimizer)

    def rate(self, epoch: int) -> float:
        done = min(epoch, self.total_iters) / self.total_iters
        return self.base * (self.start_factor + (self.end_factor - self.start_factor) * done)


class CosineAnnealingLR(Schedule):
    """η_t = η_min + ½ (η₀ − η_min)(1 + cos(π t / T_max)): half a wave from η₀ down to `eta_min` in `T_max` epochs.

    Source: Loshchilov, Hutter: SGDR: stochastic gradient descent with warm restarts, ICLR (2017).
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0) -> None:  # noqa: N803 - torch's name
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer)

    def rate(self, epoch: int) -> float:
        return self.eta_min + (self.base - self.eta_min) * (1 + math.cos(math.pi * epoch / self.T_max)) / 2


class ReduceLROnPlateau:
    """η ← max(factor · η, min_lr) when a metric has not improved for more than `patience` epochs; ``step(metric)``.

    An improvement is a value below (mode "min") or above (mode "max") the best so far by more than `threshold`, relative to the
    best or absolute (`threshold_mode` "rel" or "abs"). For `cooldown` epochs after a reduction nothing is counted.
    """

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
        if factor >= 1:
            raise ValueError(f"factor={factor} does not reduce: expected a number below 1")
        if mode not in ("min", "max") or threshold_mode not in ("rel", "abs"):
            raise ValueError(f"mode={mode!r}, threshold_mode={threshold_mode!r}: expected 'min' or 'max', 'rel' or 'abs'")
        self.optimizer, self.mode, self.factor, self.patience = optimizer, mode, factor, patience
        self.threshold, self.threshold_mode, self.cooldown = threshold, threshold_mode, cooldown
        self.min_lr, self.eps = min_lr, eps
        self.best = math.inf if mode == "min" else -math.inf
        self.bad_epochs = self.cooling = 0

    def step(self, metric: float) -> None:
        """Take in the metric of one epoch."""
        if self._improves(float(metric)):
            self.best, self.bad_epochs = float(metric), 0
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
