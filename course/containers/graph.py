"""Graph: modules as named nodes of a directed acyclic graph."""

import functools
import inspect
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from course.errors import InputCountError, InputError, did_you_mean
from course.module import Module, as_tuple


@dataclass(frozen=True)
class Node:
    """One module in a graph: what it reads (names, or constant numbers) and the names of its outputs."""

    name: str
    module: Module
    reads: tuple[str | float, ...]
    outputs: tuple[str, ...]


class Graph(Module):
    """A network as a directed acyclic graph: ``Graph("x", "y")`` and ``add(name, module, *reads)`` per node.

    A node reads only what exists before it, so the order of adding is a topological order and no cycle can be
    built. After forward, which runs in that order, `values[name]` holds every value. A graph is a module
    itself.

    Backward runs in reverse order, and `grads[name]` holds every gradient after it. A value that several
    nodes read (fan-out) gets the sum of their gradients: ∂L/∂v = Σ_readers ∂L/∂a_reader · ∂a_reader/∂v.

    Args:
        inputs: names of the inputs, in forward's order.
        outputs: names of the values that forward returns; the last node's when left out.
    """

    formula = r"v_i = h_i(v_{j_1}, v_{j_2}, \dots), \quad j < i"
    source = "Bauer: Computational graphs and rounding error, SIAM J. Numer. Anal. 11 (1974)"
    lecture = 2

    def __init__(self, *inputs: str, outputs: str | Iterable[str] = ()) -> None:
        repeated = {name for name in inputs if inputs.count(name) > 1}
        if not inputs or repeated:
            raise ValueError(f"a Graph needs distinct input names, got {inputs}")
        self.inputs = inputs
        self.nodes: dict[str, Node] = {}
        self.grads: dict[str, Tensor] = {}
        self._outputs = (outputs,) if isinstance(outputs, str) else tuple(outputs)

    @property
    def values(self) -> dict[str, Tensor]:
        """Every input's and node's value in the last forward pass, by name."""
        return self.saved

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of the values that forward returns; the last node's, where none are set."""
        if self._outputs:
            for name in self._outputs:
                _require_known(name, "the graph's output", self._readable())
            return self._outputs
        if not self.nodes:
            raise ValueError("the graph has no nodes yet: graph.add(name, module, *reads)")
        return list(self.nodes.values())[-1].outputs

    @outputs.setter
    def outputs(self, names: Iterable[str]) -> None:
        self._outputs = tuple(names)

    def add(self, name: str, module: Module, *reads: str | float, outputs: tuple[str, ...] = ()) -> None:
        """Add a node that applies `module` to what it `reads`: names of inputs or earlier nodes, or numbers.

        Args:
            outputs: names for the outputs of a module that returns several; the node's own name when left
                out.

        Raises:
            ValueError: the name is taken, a read name does not exist, the node reads itself, the number of
                inputs does not fit the module, or the module is in the graph already.
        """
        outputs = outputs or (name,)
        known = self._readable()
        for taken in {name, *outputs} & {*known, *self.nodes}:
            raise ValueError(f"the name '{taken}' is taken in this graph: choose another")
        for read in reads:
            if read == name or read in outputs:
                raise ValueError(
                    f"node '{name}' reads itself: a graph has no cycles. Unroll the loop in time, one node "
                    f"for each step"
                )
            if isinstance(read, str):
                _require_known(read, f"node '{name}'", known)
        _require_arity(name, module, len(reads))
        for other in self.nodes.values():
            if other.module is module:
                raise ValueError(
                    f"node '{name}' uses the same module as node '{other.name}'; one module remembers only "
                    f"its last forward: "
                    "use module.share() to share parameters"
                )
        self.nodes[name] = Node(name, module, reads, outputs)

    def forward(self, *inputs: Tensor) -> Any:
        if len(inputs) != len(self.inputs):
            raise InputCountError(
                f"the graph takes {len(self.inputs)} inputs {self.inputs}, got {len(inputs)}"
            )
        returned = self.outputs
        values: dict[str, Tensor] = dict(zip(self.inputs, inputs, strict=True))
        for node in self.nodes.values():
            try:
                results = as_tuple(node.module(*self.inputs_of(node, values)))
            except InputError as error:
                raise error.within(f"node '{node.name}'") from error
            if len(results) != len(node.outputs):
                raise ValueError(
                    f"node '{node.name}' returned {len(results)} values for the names {node.outputs}"
                )
            values.update(zip(node.outputs, results, strict=True))
        self.save(**values)
        self.grads = {}
        return values[returned[0]] if len(returned) == 1 else tuple(values[name] for name in returned)

    def backward(self, *grad_outputs: Tensor) -> Any:
        grads: dict[str, Tensor] = {}
        for name, grad in zip(self.outputs, grad_outputs, strict=True):
            self._accumulate(grads, name, grad)
        for node in reversed(self.nodes.values()):
            if not any(name in grads for name in node.outputs):
                continue  # no path from this node to the output
            arriving = (grads.setdefault(name, torch.zeros_like(self.values[name])) for name in node.outputs)
            for read, grad in zip(node.reads, as_tuple(node.module.backward(*arriving)), strict=True):
                if isinstance(read, str) and grad is not None:
                    self._accumulate(grads, read, grad)
        self.grads = grads
        input_grads = tuple(self._input_grad(name) for name in self.inputs)
        return input_grads[0] if len(input_grads) == 1 else input_grads

    @staticmethod
    def _accumulate(grads: dict[str, Tensor], name: str, grad: Tensor) -> None:
        grads[name] = grads[name] + grad if name in grads else grad

    def _input_grad(self, name: str) -> Tensor | None:
        value = self.values[name]
        if not value.is_floating_point():
            return None
        return self.grads.setdefault(name, torch.zeros_like(value))

    def read(self, name: str) -> tuple[Tensor, ...]:
        """The inputs of a node in the last forward pass."""
        return tuple(self.inputs_of(self.nodes[name], self.values))

    def inputs_of(self, node: Node, values: Mapping[str, Tensor]) -> Iterator[Tensor]:
        """What a node reads, out of values by name; plain numbers become tensors like the others."""
        like = next((values[read] for read in node.reads if isinstance(read, str)), None)
        for read in node.reads:
            yield values[read] if isinstance(read, str) else torch.as_tensor(read).to(like)

    def input_names(self, given: int | Collection[str] | None = None) -> tuple[str, ...]:
        return (
            super().input_names(given)
            if isinstance(given, int) and given != len(self.inputs)
            else self.inputs
        )

    def named_children(self) -> Iterator[tuple[str, Module]]:
        return ((node.name, node.module) for node in self.nodes.values())

    def share(self) -> "Graph":
        twin = type(self)(*self.inputs, outputs=self._outputs)
        for node in self.nodes.values():
            twin.nodes[node.name] = Node(node.name, node.module.share(), node.reads, node.outputs)
        return twin

    def _readable(self) -> list[str]:
        return [*self.inputs, *(name for node in self.nodes.values() for name in node.outputs)]


def _require_known(name: str, reader: str, known: Sequence[str]) -> None:
    if name in known:
        return
    hint = did_you_mean(name, known, f"there are {known}")
    rule = "a node reads only what was added before it; a loop is unrolled in time"
    raise ValueError(f"{reader} reads '{name}', which does not exist; {hint} ({rule})")


def _require_arity(name: str, module: Module, given: int) -> None:
    if isinstance(module, Graph):
        if given != len(module.inputs):
            raise InputCountError(
                f"node '{name}': the graph takes {len(module.inputs)} inputs {module.inputs}, got {given}"
            )
        return
    signature = _signature(type(module).forward)
    try:
        signature.bind(module, *range(given))
    except TypeError:
        wanted = ", ".join(list(signature.parameters)[1:])
        raise InputCountError(
            f"node '{name}': {type(module).__name__} takes ({wanted}), got {given} inputs to read"
        ) from None


_signature = functools.cache(inspect.signature)
