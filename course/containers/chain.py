"""Chain: a cascade of modules, each reading the output of the one before."""

from collections.abc import Collection, Iterator
from typing import Any

from torch import Tensor

from course.errors import InputError
from course.module import Module, as_tuple


class Chain(Module):
    """a = h_L(… h_2(h_1(x))): forward runs the modules in order, backward in reverse.

    With g_l = ∂L/∂a_l (lecture 05): g_{l−1} = h_l.backward(g_l), from g_L = grad_output down to ∂L/∂x.

    Raises:
        TypeError: something in the chain is not a module.
        ValueError: the chain is empty, or holds one module twice (use ``module.share()`` for the second).
    """

    formula = r"a = h_L \circ \dots \circ h_1 (x)"
    source = "Goodfellow, Bengio, Courville: Deep Learning (2016), section 6.5"
    lecture = 2
    counterpart = "torch.nn.Sequential"

    def __init__(self, *modules: Module) -> None:
        if not modules:
            raise ValueError("a Chain needs at least one module")
        for position, module in enumerate(modules):
            if not isinstance(module, Module):
                raise TypeError(
                    f"position {position} of the chain is a {type(module).__name__}, not a Module"
                )
            if any(module is other for other in modules[:position]):
                raise ValueError(
                    f"{type(module).__name__} stands twice in the chain (again at position {position}); one "
                    f"module remembers "
                    "only its last forward: use module.share() for the second"
                )
        self.modules = list(modules)

    def input_names(self, given: int | Collection[str] | None = None) -> tuple[str, ...]:
        return self.modules[0].input_names(given)

    def named_children(self) -> Iterator[tuple[str, Module]]:
        return ((str(position), module) for position, module in enumerate(self.modules))

    def share(self) -> "Chain":
        return Chain(*(module.share() for module in self.modules))

    def forward(self, *inputs: Tensor) -> Any:
        value: Any = inputs
        for position, module in enumerate(self.modules):
            try:
                value = module(*as_tuple(value))
            except InputError as error:
                raise error.within(f"position {position} of the chain") from error
        self.save()
        return value

    def backward(self, *grad_outputs: Tensor) -> Any:
        grad: Any = grad_outputs
        for module in reversed(self.modules):
            grad = module.backward(*as_tuple(grad))
        return grad

    def __getitem__(self, position: int) -> Module:
        return self.modules[position]

    def __len__(self) -> int:
        return len(self.modules)
