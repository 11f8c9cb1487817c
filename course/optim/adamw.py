"""AdamW: Adam with a weight decay that its division does not touch."""

from collections.abc import Iterable

from torch import Tensor

from course.module import Parameter
from course.optim.adam import Adam
from course.optim.optimizer import Memory


class AdamW(Adam):
    """θ ← (1 − η λ) θ, and then Adam's step on the bare gradient; λ = `weight_decay`.

    In Adam the decay is part of the gradient, and so divided by √ŝ: numbers with large gradients decay less.
    Here all decay alike.
    """

    formula = (
        r"\theta \leftarrow (1 - \eta \lambda)\, \theta - \eta\, \frac{\hat m}{\sqrt{\hat s} + "
        r"\varepsilon}"
    )
    source = "Loshchilov, Hutter: Decoupled weight decay regularization, ICLR (2019)"

    def __init__(
        self,
        parameters: Iterable[Parameter],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        *,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            parameters, lr, betas, eps, weight_decay=weight_decay, amsgrad=amsgrad, maximize=maximize
        )

    def direction(self, parameter: Parameter) -> Tensor:
        return -parameter.grad if self.maximize else parameter.grad

    def update(self, parameter: Parameter, grad: Tensor, memory: Memory) -> None:
        parameter.value.mul_(1 - self.lr * self.weight_decay)
        super().update(parameter, grad, memory)
