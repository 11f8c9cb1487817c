"""Adam: momentum, and every number its own step, both corrected for their start at zero."""

from collections.abc import Iterable

import torch
from torch import Tensor

from course.module import Parameter
from course.optim.optimizer import Memory, Optimizer, require_range


class Adam(Optimizer):
    """m ← β₁ m + (1 − β₁) g and s ← β₂ s + (1 − β₂) g², then θ ← θ − η m̂ / (√ŝ + ε).

    m̂ = m / (1 − β₁ᵗ) and ŝ = s / (1 − β₂ᵗ) undo, in step t, the pull of the zeros that m and s start from.
    With amsgrad=True the largest s so far takes the place of s.
    """

    formula = r"\theta \leftarrow \theta - \eta\, \frac{\hat m}{\sqrt{\hat s} + \varepsilon}"
    source = "Kingma, Ba: Adam: a method for stochastic optimization, ICLR (2015)"

    def __init__(
        self,
        parameters: Iterable[Parameter],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        *,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        maximize: bool = False,
    ) -> None:
        super().__init__(parameters, lr, weight_decay=weight_decay, maximize=maximize)
        if len(betas) != 2:
            raise ValueError(f"betas={betas} has {len(betas)} numbers: expected two, β₁ and β₂, 0 ≤ β < 1")
        for name, beta in zip(("betas[0]", "betas[1]"), betas, strict=True):
            require_range(name, beta, 0, below=1)
        require_range("eps", eps, 0)
        self.betas, self.eps, self.amsgrad = tuple(betas), eps, amsgrad

    def update(self, parameter: Parameter, grad: Tensor, memory: Memory) -> None:
        if not memory:
            names = ["mean", "square", *["largest"] * self.amsgrad]
            memory.update({name: torch.zeros_like(parameter.value) for name in names}, step=0)
        beta1, beta2 = self.betas
        memory["step"] += 1
        mean = memory["mean"].lerp_(grad, 1 - beta1)  # β₁ m + (1 − β₁) g
        square = memory["square"].mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
        if self.amsgrad:
            square = torch.maximum(memory["largest"], square, out=memory["largest"])
        correction1, correction2 = 1 - beta1 ** memory["step"], 1 - beta2 ** memory["step"]
        size = square.sqrt().div_(correction2**0.5).add_(self.eps)
        parameter.value.addcdiv_(mean, size, value=-self.lr / correction1)
