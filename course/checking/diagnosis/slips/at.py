"""What a list of wrong formulas is written with: the arrays of one case, and how a formula is stated."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from course.checking.diagnosis.mistakes import Hypothesis, Mistake
from course.checking.diagnosis.suspect import Suspect
from course.module import Module

Slip = tuple[str, Hypothesis]
"""The name of the tensor whose gradient is meant, and what the wrong formula gives for it."""

Formula = Tensor | Callable[[], Tensor]
"""Numbers, or how they are computed: what cannot be, for shapes that do not fit, is no prediction."""

_LISTS: dict[str, list[Callable[["At"], Iterator[Slip | None]]]] = {}


class At:
    """The arrays of one case, all in float64: at["x"] is an input or parameter by its name.

    Attributes:
        module: the true module, for its options.
        grad: the gradient that arrived at the (first) output.
        grads: those of all outputs.
        out: the (first) output.
        outs: all outputs.
    """

    def __init__(self, suspect: Suspect) -> None:
        truth = suspect.truth
        self.module: Any = truth.module
        self._tensors = dict(zip(truth.names, truth.inputs, strict=True)) | truth.tensors
        self.outs, self.grads = truth.expected, truth.grad_outputs
        self.out, self.grad = self.outs[0], self.grads[0]

    def __getitem__(self, name: str) -> Any:
        return self._tensors[name]

    def __contains__(self, name: str) -> bool:
        return name in self._tensors

    def option(self, name: str, default: Any) -> Any:
        """An option of the module; the default where a student's own class has no such option."""
        return getattr(self.module, name, default)

    def sizes(self, name: str, axes: int, default: int | None = None) -> tuple[int, ...]:
        """An option with a size for each axis, which may be given as one number for all."""
        sizes = self.option(name, default)
        return (sizes,) * axes if isinstance(sizes, int) else tuple(sizes)

    def slip(
        self,
        tensor: str,
        predicted: Formula,
        mistake: Mistake,
        what: str,
        prior: float = 0.95,
        key: str = "",
    ) -> Slip | None:
        """A wrong formula for the gradient of `tensor`; None where it cannot be computed here.

        Args:
            predicted: the numbers it gives, or a function that computes them.
            what: what was computed, and what is wrong with it, in half a sentence.
            prior: how sure an exact agreement makes us; below 0.8 where another common mistake gives the
                same.
            key: the same in every case, where `what` is not.
        """
        try:
            values = predicted if isinstance(predicted, Tensor) else predicted()
            numbers = values.detach().cpu().double().numpy()
        except (RuntimeError, ValueError, IndexError, TypeError, KeyError, AttributeError):
            return None
        return tensor, Hypothesis(mistake, what, numbers, prior, key)

    def gradient_of(
        self, tensor: str, forward: Callable[[Tensor], Tensor], grad: Tensor | None = None
    ) -> Tensor:
        """The gradient of another forward, as a function of that tensor, for the gradient that arrived."""
        leaf = self._tensors[tensor].detach().clone().requires_grad_()
        with torch.enable_grad():
            out = forward(leaf)
            upstream = self.grad if grad is None else grad
            assert upstream is not None
            (gradient,) = torch.autograd.grad(out, leaf, upstream.expand_as(out))
        return gradient

    def drain(self, listed: Callable[["At"], Iterator[Slip | None]]) -> Iterator[Slip]:
        """The slips of one list, as far as it fits this case."""
        try:
            yield from filter(None, listed(self))
        except (RuntimeError, ValueError, IndexError, TypeError, KeyError, AttributeError):
            return  # a student's own class of that name has other inputs or options


def slips(
    *modules: str,
) -> Callable[[Callable[[At], Iterator[Slip | None]]], Callable[[At], Iterator[Slip | None]]]:
    """Say that a list of wrong formulas is about the modules of these names."""

    def register(listed: Callable[[At], Iterator[Slip | None]]) -> Callable[[At], Iterator[Slip | None]]:
        for name in modules:
            _LISTS.setdefault(name, []).append(listed)
        return listed

    return register


def lists_for(module: Module) -> list[Callable[[At], Iterator[Slip | None]]]:
    """The lists for a module's class and for those that it inherits from, the nearest first."""
    names = [cls.__name__ for cls in type(module).__mro__]
    return list(dict.fromkeys(listed for name in names for listed in _LISTS.get(name, ())))
