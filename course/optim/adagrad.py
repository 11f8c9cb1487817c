"""Adagrad: every number its own step, divided by the size of all its gradients so far."""

from collections.abc import Iterable

import torch
from torch import Tensor

from course.module import Parameter
from course.optim.optimizer import Memory, Optimizer, require_range


class Adagrad(Optimizer):
    """s ← s + g², then θ ← θ − η_t g / (√s + ε), with η_t = η / (1 + (t − 1) · lr_decay) in step t."""

    formula = (
        r"s \leftarrow s + g^2, \quad \theta \leftarrow \theta - \frac{\eta\, g}{\sqrt{s} + "
        r"\varepsilon}"
    )
    source = (
        "Duchi, Hazan, Singer: Adaptive subgradient methods, Journal of Machine Learning Research 12 (2011)"
    )

    def __init__(
        self,
        parameters: Iterable[Parameter],
        lr: float = 1e-2,
        lr_decay: float = 0.0,
        *,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
        maximize: bool = False,
    ) -> None:
        super().__init__(parameters, lr, weight_decay=weight_decay, maximize=maximize)
        given = {"lr_decay": lr_decay, "initial_accumulator_value": initial_accumulator_value, "eps": eps}
        for name, value in given.items():
            require_range(name, value, 0)
        self.lr_decay, self.initial_accumulator_value, self.eps = lr_decay, initial_accumulator_value, eps

    def update(self, parameter: Parameter, grad: Tensor, memory: Memory) -> None:
        if not memory:
            memory.update(square=torch.full_like(parameter.value, self.initial_accumulator_value), step=0)
        rate = self.lr / (1 + memory["step"] * self.lr_decay)
        memory["step"] += 1
        size = memory["square"].addcmul_(grad, grad).sqrt().add_(self.eps)
        parameter.value.addcdiv_(grad, size, value=-rate)
