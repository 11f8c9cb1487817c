"""One operation of forward with the numbers that it had: its true rule, and what a sentence calls it."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_flatten, tree_unflatten

Gradients = Sequence[Tensor | None]
"""The gradients that arrive at the results of a step."""


class Step:
    """One operation of forward.

    Attributes:
        name: torch's name of the operation.
        args: what it was called with, and in `kwargs` by name.
        quote: the expression of the source that asked for it.
        place: where it stands, for a sentence.
        index: its number among the steps.
        reads: the numbers of the values that it reads, as far as a gradient flows to them.
        operands: all tensors that it reads; `sides` says which of them each of `reads` is.
        writes: the numbers of its results; None for those without a gradient.
        called: what those values are called in a sentence.
        read_once: the inputs and parameters that no other step reads.
        arrived: the true gradients of its results.
    """

    def __init__(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], quote: str) -> None:
        self.function, self.args, self.kwargs, self.quote = function, args, kwargs, quote
        self.name: str = function._opname
        self.place, self.index = f"`{quote}`", -1
        self.reads: list[int] = []
        self.called: list[str] = []
        self.read_once: frozenset[int] = frozenset()
        self.writes: list[int | None] = []
        self.arrived: list[Tensor | None] = []
        self._flat, self._spec = tree_flatten((args, kwargs))
        self._at: list[int] = []
        places = [i for i, leaf in enumerate(self._flat) if isinstance(leaf, Tensor)]
        self.operands: list[Tensor] = [self._flat[i] for i in places]
        self._operand_at = {at: side for side, at in enumerate(places)}

    @property
    def sides(self) -> list[int]:
        """For each of `reads`, which of the operands it is."""
        return [self._operand_at[at] for at in self._at]

    def gradient_of(self, position: int) -> str:
        """What a sentence calls the gradient that it hands on to one input."""
        called = self.called[position]
        if self.reads[position] in self.read_once:
            return f"the gradient of {called}"
        return f"in {self.place}, the gradient " + (
            "that is handed on" if self.quote in called else f"of {called}"
        )

    def link(self, numbers: Mapping[int, int]) -> None:
        """Find what it reads among the values through which a gradient flows, by the tensors' identities."""
        for position, leaf in enumerate(self._flat):
            if isinstance(leaf, Tensor) and id(leaf) in numbers:
                self._at.append(position)
                self.reads.append(numbers[id(leaf)])

    @cached_property
    def inputs(self) -> list[Tensor]:
        """What it reads, in the order of `reads`."""
        return [self._flat[position].detach() for position in self._at]

    @cached_property
    def out(self) -> Tensor:
        """Its first result."""
        return self.outputs[0].detach()

    @property
    def outputs(self) -> tuple[Any, ...]:
        """Its results, in the order of `writes`."""
        return self._recorded[1]

    @cached_property
    def _recorded(self) -> tuple[list[Tensor], tuple[Any, ...]]:
        return self._record(self.inputs)

    def _record(self, inputs: Sequence[Tensor]) -> tuple[list[Tensor], tuple[Any, ...]]:
        leaves = [tensor.detach().requires_grad_() for tensor in inputs]
        with torch.enable_grad():
            return leaves, self.compute(leaves)

    def compute(self, inputs: Sequence[Tensor]) -> tuple[Any, ...]:
        """Its results for other inputs."""
        flat = list(self._flat)
        for position, tensor in zip(self._at, inputs, strict=True):
            flat[position] = tensor
        args, kwargs = tree_unflatten(flat, self._spec)
        results = self.function(*args, **kwargs)
        return tuple(results) if isinstance(results, tuple | list) else (results,)

    @cached_property
    def right(self) -> list[Tensor]:
        """What its rule hands on to each input."""
        return self.pull_back(self.arrived)

    def pull_back(self, grads: Gradients, at: Sequence[Tensor] | None = None) -> list[Tensor]:
        """What its rule hands on to each input, for other gradients of the results.

        Args:
            at: other inputs than those it had.
        """
        leaves, outputs = self._recorded if at is None else self._record(at)
        pairs = [(o, g) for o, g in zip(outputs, grads, strict=True) if g is not None and flows(o)]
        if not pairs:
            return [torch.zeros_like(leaf) for leaf in leaves]
        return list(
            torch.autograd.grad(
                [o for o, _ in pairs],
                leaves,
                [g for _, g in pairs],
                retain_graph=at is None,
                allow_unused=True,
                materialize_grads=True,
            )
        )

    def push_forward(self, tangents: Sequence[Tensor]) -> list[Tensor | None]:
        """How its results move when its inputs move; the rule of the reverse rule tells."""
        leaves, outputs = self._recorded
        moving = [o for o in outputs if flows(o)]
        with torch.enable_grad():
            upstream = [torch.zeros_like(o, requires_grad=True) for o in moving]
            options: dict[str, Any] = {"allow_unused": True, "materialize_grads": True}
            pulled = torch.autograd.grad(
                moving, leaves, upstream, create_graph=True, retain_graph=True, **options
            )
            terms = [(p * t).sum() for p, t in zip(pulled, tangents, strict=True) if p.requires_grad]
            if not terms:
                return [torch.zeros_like(o) if flows(o) else None for o in outputs]
            moved = iter(torch.autograd.grad(torch.stack(terms).sum(), upstream, **options))
        return [next(moved) if flows(o) else None for o in outputs]


def flows(value: Any) -> bool:
    """Whether a gradient flows back from a result."""
    return isinstance(value, Tensor) and value.requires_grad
