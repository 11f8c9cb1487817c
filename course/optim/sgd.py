"""Stochastic gradient descent: a small step downhill."""

from collections.abc import Iterable

from torch import Tensor

from course.module import Parameter
from course.optim.optimizer import Memory, Optimizer


class SGD(Optimizer):
    """θ ← θ − η g, with g = ∂L/∂θ and the learning rate η = `lr`. Momentum has a module of its own."""

    formula = r"\theta \leftarrow \theta - \eta\, g"
    source = "Robbins, Monro: A stochastic approximation method, Annals of Mathematical Statistics 22 (1951)"

    def __init__(
        self,
        parameters: Iterable[Parameter],
        lr: float = 1e-3,
        *,
        weight_decay: float = 0.0,
        maximize: bool = False,
    ) -> None:
        super().__init__(parameters, lr, weight_decay=weight_decay, maximize=maximize)

    def update(self, parameter: Parameter, grad: Tensor, memory: Memory) -> None:
        parameter.value.add_(grad, alpha=-self.lr)
