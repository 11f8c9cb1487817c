"""Mistakes in running a whole graph backward: gradients overwritten, nodes in the wrong order, an edge left out."""

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from course.diagnosis.case import Case
from course.diagnosis.mistakes import Hypothesis
from course.graph import Graph, Node
from course.module import as_tuple, recording

Grads = dict[str, Tensor]


def graphs(case: Case) -> Iterator[Hypothesis]:
    """Run the true graph backward in the ways that go wrong."""
    graph = case.truth.module
    if not isinstance(graph, Graph) or case.name not in graph.inputs:
        return
    walk = _Walk(graph, case)
    for name, what, run, prior in (
        ("overwritten", "a value that is read twice keeps the last gradient only: add them up", walk.keep_last, 0.95),
        (
            "wrong order",
            "a node ran before its whole gradient had arrived: a node may run once all its readers have",
            walk.breadth,
            0.93,
        ),
        (
            "wrong order",
            "a node ran before its whole gradient had arrived: a node may run once all its readers have",
            walk.depth,
            0.93,
        ),
        ("wrong order", "the nodes ran in forward's order: backward goes from the last to the first", walk.forwards, 0.93),
        ("overwritten", "a value that is read twice keeps the first gradient only: add them up", walk.keep_first, 0.95),
    ):
        found = run().get(case.name)
        if found is not None:
            yield Hypothesis(name, what, found.numpy(), prior)
    for node in graph.nodes.values():
        for read in dict.fromkeys(read for read in node.reads if isinstance(read, str)):
            found = walk.without(node.name, read).get(case.name)
            if found is not None:
                what = f"the path from '{read}' to '{node.name}' is left out"
                yield Hypothesis("path lost", what, found.numpy(), 0.93)


class _Walk:
    """Ways to run a graph backward, each giving the gradients by name; zero where none arrives."""

    def __init__(self, graph: Graph, case: Case) -> None:
        self.graph, self.truth = graph, case.truth
        self.values: dict[str, Any] = dict(zip(graph.inputs, case.truth.inputs, strict=True))
        for node in graph.nodes.values():
            self.values.update(zip(node.outputs, as_tuple(node.module.forward(*graph._read(node, self.values))), strict=True))

    def _start(self) -> Grads:
        return {name: torch.zeros_like(self.values[name]) for name in self.graph.inputs} | dict(
            zip(self.graph.outputs, self.truth.grad_outputs, strict=True)
        )

    def _local(self, node: Node, grads: Grads) -> Iterator[tuple[str, Tensor]]:
        """The gradients that one node sends to what it reads, from what has arrived at it."""
        leaves = [v.detach().clone().requires_grad_(v.is_floating_point()) for v in self.graph._read(node, self.values)]
        with recording():
            outputs = as_tuple(node.module.forward(*leaves))
            arriving = [grads.get(name, torch.zeros_like(o)) for name, o in zip(node.outputs, outputs, strict=True)]
            floats = [leaf for leaf in leaves if leaf.requires_grad]
            found = iter(torch.autograd.grad(outputs, floats, arriving, allow_unused=True, materialize_grads=True))
        for read, leaf in zip(node.reads, leaves, strict=True):
            grad = next(found) if leaf.requires_grad else None
            if isinstance(read, str) and grad is not None:
                yield read, grad.detach()

    def _run(self, nodes: list[Node], add: Callable[[Grads, str, Tensor, str], None]) -> Grads:
        grads = self._start()
        arrived: set[str] = set(self.graph.outputs)
        for node in nodes:
            for read, grad in self._local(node, grads) if arrived & set(node.outputs) else ():
                add(grads, read, grad, node.name)
                arrived.add(read)
        return grads

    def _reversed(self) -> list[Node]:
        return list(self.graph.nodes.values())[::-1]

    def keep_last(self) -> Grads:
        """Assign in place of adding."""
        return self._run(self._reversed(), lambda grads, read, grad, node: grads.update({read: grad}))

    def keep_first(self) -> Grads:
        """Skip what has a gradient already."""
        seen: set[str] = set()

        def add(grads: Grads, read: str, grad: Tensor, node: str) -> None:
            if read not in seen:
                seen.add(read)
                grads[read] = grad

        return self._run(self._reversed(), add)

    def forwards(self) -> Grads:
        """From the first node to the last."""
        return self._run(self._reversed()[::-1], _sum)

    def without(self, name: str, lost: str) -> Grads:
        """All but one edge."""
        return self._run(
            self._reversed(),
            lambda grads, read, grad, node: None if (node, read) == (name, lost) else _sum(grads, read, grad, node),
        )

    def breadth(self) -> Grads:
        """Each node once, nearest to the output first."""
        return self._run(self._visit(deque.popleft), _sum)

    def depth(self) -> Grads:
        """Each node once, following one path to its end first."""
        return self._run(self._visit(deque.pop), _sum)

    def _visit(self, take: Callable[[deque[str]], str]) -> list[Node]:
        makers = {output: node for node in self.graph.nodes.values() for output in node.outputs}
        waiting, order = deque(self.graph.outputs), []
        while waiting:
            node = makers.get(take(waiting))
            if node is not None and node not in order:
                order.append(node)
                waiting.extend(read for read in node.reads if isinstance(read, str))
        return order


def _sum(grads: Grads, read: str, grad: Tensor, node: str) -> None:
    grads[read] = grads[read] + grad if read in grads else grad
