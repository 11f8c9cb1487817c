"""Learning-rate schedules: how the step size changes by epoch, with torch.optim.lr_scheduler's names."""

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable

from course.optim.optimizer import Optimizer, require_range
from course.optim.schedule import Schedule


class LambdaLR(Schedule):
    """η_t = η₀ · lr_lambda(t), whatever else has changed the learning rate."""

    formula = r"\eta_t = \eta_0\, f(t)"
    source = (
        "Vaswani et al.: Attention is all you need, NeurIPS (2017), whose f rises for 4000 steps and "
        "falls as 1/√t"
    )

    def __init__(self, optimizer: Optimizer, lr_lambda: Callable[[int], float], last_epoch: int = -1) -> None:
        self.lr_lambda = lr_lambda
        super().__init__(optimizer, last_epoch)

    def rate(self, epoch: int) -> float:
        return self.base * self.lr_lambda(epoch)

    def carried(self, lr: float, before: float, after: float) -> float:
        return after


class StepLR(Schedule):
    """η_t = η₀ · γ^⌊t / step_size⌋: a step down every `step_size` epochs."""

    formula = r"\eta_t = \eta_0\, \gamma^{\lfloor t / n \rfloor}"
    source = "Szegedy et al.: Going deeper with convolutions, CVPR (2015): 4 % less every 8 epochs"

    def __init__(
        self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        require_range("step_size", step_size, 1)
        require_range("gamma", gamma, 0)
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, epoch: int) -> float:
        return self.base * self.gamma ** (epoch // self.step_size)


class MultiStepLR(Schedule):
    """η_t = η₀ · γ^(number of milestones ≤ t): a step down at every milestone."""

    formula = r"\eta_t = \eta_0\, \gamma^{|\{m \,:\, m \le t\}|}"
    source = (
        "He, Zhang, Ren, Sun: Deep residual learning for image recognition, CVPR (2016): a tenth at "
        "32k and 48k steps"
    )

    def __init__(
        self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        require_range("gamma", gamma, 0)
        self.milestones, self.gamma = tuple(sorted(milestones)), gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, epoch: int) -> float:
        return self.base * self.gamma ** bisect_right(self.milestones, epoch)


class ExponentialLR(Schedule):
    """η_t = η₀ γᵗ."""

    formula = r"\eta_t = \eta_0\, \gamma^t"
    source = (
        "Senior, Heigold, Ranzato, Yang: An empirical study of learning rates in deep neural networks for "
        "speech recognition, "
        "ICASSP (2013)"
    )

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        require_range("gamma", gamma, 0)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, epoch: int) -> float:
        return self.base * self.gamma**epoch


class LinearLR(Schedule):
    """η_t = η₀ · f_t: a warm-up.

    f goes on a straight line from start_factor to end_factor in `total_iters` epochs.
    """

    formula = r"\eta_t = \eta_0 \left(a + (b - a)\, \min(t, n) / n\right)"
    source = "Goyal et al.: Accurate, large minibatch SGD: training ImageNet in 1 hour (2017)"

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if not 0 < start_factor <= 1:
            raise ValueError(f"start_factor={start_factor} is out of range: expected 0 < start_factor ≤ 1")
        if not 0 <= end_factor <= 1:
            raise ValueError(f"end_factor={end_factor} is out of range: expected 0 ≤ end_factor ≤ 1")
        require_range("total_iters", total_iters, 1)
        self.start_factor, self.end_factor, self.total_iters = start_factor, end_factor, total_iters
        super().__init__(optimizer, last_epoch)

    def rate(self, epoch: int) -> float:
        done = min(epoch, self.total_iters) / self.total_iters
        return self.base * (self.start_factor + (self.end_factor - self.start_factor) * done)


class CosineAnnealingLR(Schedule):
    """η_t = η_min + ½ (η₀ − η_min)(1 + cos(π t / T_max)): half a wave.

    It goes from η₀ down to `eta_min` in `T_max` epochs.

    After that it climbs back the same way. Where another schedule has changed lr, the wave scales what lr has
    above η_min.
    """

    formula = r"\eta_t = \eta_{\min} + \tfrac{1}{2} (\eta_0 - \eta_{\min}) (1 + \cos(\pi t / T))"
    source = "Loshchilov, Hutter: SGDR: stochastic gradient descent with warm restarts, ICLR (2017)"

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1) -> None:  # noqa: N803 - torch's name
        require_range("T_max", T_max, 1)
        require_range("eta_min", eta_min, 0)
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer, last_epoch)

    def rate(self, epoch: int) -> float:
        return self.eta_min + (self.base - self.eta_min) * (1 + math.cos(math.pi * epoch / self.T_max)) / 2

    def carried(self, lr: float, before: float, after: float) -> float:
        above = before - self.eta_min
        if not above:  # at the bottom nothing is left to scale
            return lr + after - self.eta_min
        return self.eta_min + (lr - self.eta_min) * (after - self.eta_min) / above
