"""Momentum: a ball that rolls downhill, and remembers where it was going."""

import math
from collections.abc import Iterable

from torch import Tensor

from course.module import Parameter
from course.optim.optimizer import Memory, Optimizer, require_range


class Momentum(Optimizer):
    """v ← μ v + (1 − τ) g, then θ ← θ − η v; torch.optim.SGD with momentum.

    v starts as the first gradient. `momentum` is μ, `dampening` τ. With nesterov=True the step looks ahead:
    θ ← θ − η (g + μ v).

    Raises:
        ValueError: nesterov with a dampening, or without momentum.
    """

    formula = r"v \leftarrow \mu v + (1 - \tau)\, g, \quad \theta \leftarrow \theta - \eta\, v"
    source = "Sutskever, Martens, Dahl, Hinton: On the importance of initialization and momentum, ICML (2013)"

    def __init__(
        self,
        parameters: Iterable[Parameter],
        lr: float = 1e-3,
        momentum: float = 0.9,
        dampening: float = 0.0,
        *,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        maximize: bool = False,
    ) -> None:
        super().__init__(parameters, lr, weight_decay=weight_decay, maximize=maximize)
        require_range("momentum", momentum, 0)
        if nesterov and (dampening or not momentum):
            raise ValueError(
                f"nesterov needs a momentum and no dampening, got momentum={momentum}, dampening={dampening}"
            )
        if not math.isfinite(dampening):
            raise ValueError(f"dampening={dampening} is out of range: expected a finite number")
        self.momentum, self.dampening, self.nesterov = momentum, dampening, nesterov

    def update(self, parameter: Parameter, grad: Tensor, memory: Memory) -> None:
        if not self.momentum:  # nothing to remember, and, as in torch, nothing dampened
            parameter.value.add_(grad, alpha=-self.lr)
            return
        if not memory:
            memory["velocity"] = grad.clone()
        else:
            memory["velocity"].mul_(self.momentum).add_(grad, alpha=1 - self.dampening)
        velocity = memory["velocity"]
        if self.nesterov:
            parameter.value.add_(grad, alpha=-self.lr).add_(velocity, alpha=-self.lr * self.momentum)
        else:
            parameter.value.add_(velocity, alpha=-self.lr)
