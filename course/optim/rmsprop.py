"""RMSProp: every number its own step, divided by the size of its recent gradients."""

from collections.abc import Iterable

import torch
from torch import Tensor

from course.module import Parameter
from course.optim.optimizer import Memory, Optimizer, require_range


class RMSProp(Optimizer):
    """s ← α s + (1 − α) g², then θ ← θ − η g / (√s + ε); torch.optim.RMSprop.

    With centered=True, m ← α m + (1 − α) g and √(s − m²), the deviation, takes the place of √s. With a
    momentum μ, v ← μ v + g / (√s + ε) and θ ← θ − η v.
    """

    formula = (
        r"s \leftarrow \alpha s + (1 - \alpha)\, g^2, \quad \theta \leftarrow \theta - \eta\, g / (\sqrt{s} "
        r"+ \varepsilon)"
    )
    source = "Tieleman, Hinton: Lecture 6.5, Neural Networks for Machine Learning, Coursera (2012)"

    def __init__(
        self,
        parameters: Iterable[Parameter],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        *,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        maximize: bool = False,
    ) -> None:
        super().__init__(parameters, lr, weight_decay=weight_decay, maximize=maximize)
        require_range("alpha", alpha, 0, below=1)
        for name, value in (("eps", eps), ("momentum", momentum)):
            require_range(name, value, 0)
        self.alpha, self.eps, self.momentum, self.centered = alpha, eps, momentum, centered

    def update(self, parameter: Parameter, grad: Tensor, memory: Memory) -> None:
        if not memory:
            names = ["square", *["mean"] * self.centered, *["velocity"] * bool(self.momentum)]
            memory.update({name: torch.zeros_like(parameter.value) for name in names})
        square = memory["square"].mul_(self.alpha).addcmul_(grad, grad, value=1 - self.alpha)
        if self.centered:
            mean = memory["mean"].lerp_(grad, 1 - self.alpha)
            # Gradients that hardly change have next to no variance: rounding must not take it below 0, where
            # the root is NaN.
            size = square.addcmul(mean, mean, value=-1).clamp_(min=0).sqrt_().add_(self.eps)
        else:
            size = square.sqrt().add_(self.eps)
        if self.momentum:
            parameter.value.add_(memory["velocity"].mul_(self.momentum).addcdiv_(grad, size), alpha=-self.lr)
        else:
            parameter.value.addcdiv_(grad, size, value=-self.lr)
