"""Mistakes in running a graph backward: gradients overwritten, nodes in wrong order, an edge left out.

Each amounts to edges along which no gradient flows: torch.autograd says what is left when they are cut.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import groupby

import numpy as np
from torch import Tensor

from course.checking.diagnosis.mistakes import Hypothesis, Mistake
from course.checking.diagnosis.suspect import Suspect, same
from course.checking.truth import by_autograd
from course.containers.graph import Graph, Node
from course.modes import recording
from course.module import as_tuple

Edges = set[tuple[str, int]]
"""Each edge is the name of the node that reads, and the position among its reads."""


def graphs(suspect: Suspect) -> Iterator[Hypothesis]:
    """Run the true graph backward in the ways that go wrong."""
    graph = suspect.truth.module
    if not isinstance(graph, Graph) or suspect.name not in graph.inputs:
        return
    read = {name for node in _visit(graph, deque.pop) for name in node.reads}
    early = "a node ran before its whole gradient had arrived: a node may run once all its readers have"
    forwards = "the nodes ran in forward's order: backward goes from the last to the first"
    last, first = (
        f"a value that is read twice keeps the {which} gradient only: add them up"
        for which in ("last", "first")
    )
    for mistake, what, cut, overwritten, prior in (
        (Mistake.OVERWRITTEN, last, _rivals(graph, 0), read, 0.95),
        (Mistake.WRONG_ORDER, early, _too_late(_visit(graph, deque.popleft)), (), 0.93),
        (Mistake.WRONG_ORDER, early, _too_late(_visit(graph, deque.pop)), (), 0.93),
        (Mistake.WRONG_ORDER, forwards, _too_late(list(graph.nodes.values())), (), 0.93),
        (Mistake.OVERWRITTEN, first, _rivals(graph, -1), read, 0.95),
    ):
        gradients = _without(cut, graph, suspect, overwritten)
        if gradients is not None:
            yield Hypothesis(mistake, what, gradients[suspect.name], prior)
            turned = dict(zip(graph.inputs, (gradients[name] for name in graph.inputs[::-1]), strict=True))
            if mistake is Mistake.OVERWRITTEN and _are_given(turned, suspect):
                both = f"two things: {what}; and the gradients of the inputs come back in the opposite order"
                yield Hypothesis(mistake, both, turned[suspect.name], prior - 0.05)
    for node in graph.nodes.values():
        for name in dict.fromkeys(name for name in node.reads if isinstance(name, str)):
            gradients = _without({edge for edge, other in _edges([node]) if other == name}, graph, suspect)
            if gradients is not None:
                what = f"the path from '{name}' to '{node.name}' is left out"
                yield Hypothesis(Mistake.PATH_LOST, what, gradients[suspect.name], 0.93)
    handed = "every node gets grad_output itself: each has a gradient of its own, that of what it computes"
    for nodes in (list(graph.nodes.values()), _visit(graph, deque.pop)):
        gradients = _all_alike(nodes, graph, suspect)
        if gradients is not None:
            yield Hypothesis(Mistake.WRONG_FACTOR, handed, gradients[suspect.name], 0.93)


def _without(
    cut: Edges, graph: Graph, suspect: Suspect, overwritten: Collection[str | float] = ()
) -> dict[str, np.ndarray] | None:
    """The gradients when nothing flows along some edges, nor starts at the outputs that are `overwritten`."""

    def forward(*moving: Tensor) -> tuple[Tensor, ...]:
        values = dict(zip(graph.inputs, suspect.truth.inputs, strict=True)) | dict(
            zip(suspect.truth.moving, moving, strict=True)
        )
        for node in graph.nodes.values():
            reads = [
                v.detach() if (node.name, i) in cut else v
                for i, v in enumerate(graph.inputs_of(node, values))
            ]
            values.update(zip(node.outputs, as_tuple(node.module.forward(*reads)), strict=True))
        return tuple(values[name] for name in graph.outputs)

    pairs = zip(graph.outputs, suspect.truth.grad_outputs, strict=True)
    with recording():
        return by_autograd(
            forward, suspect.truth.moving, [None if name in overwritten else grad for name, grad in pairs]
        )


def _are_given(gradients: Mapping[str, np.ndarray], suspect: Suspect) -> bool:
    """Whether backward gave just these gradients."""
    return all(
        given is not None and same(given, gradients[name])
        for name, given in suspect.grads.items()
        if name in gradients
    )


def _all_alike(nodes: Collection[Node], graph: Graph, suspect: Suspect) -> dict[str, np.ndarray] | None:
    """The gradients when each of these nodes gets grad_output: an input hears of its own readers only."""
    grad, several = suspect.truth.grad_outputs[0], any(len(node.outputs) > 1 for node in nodes)
    values = dict(zip(graph.inputs, suspect.truth.inputs, strict=True))
    for node in graph.nodes.values():
        values.update(
            zip(node.outputs, as_tuple(node.module.forward(*graph.inputs_of(node, values))), strict=True)
        )
    if grad is None or several or any(values[node.name].shape != grad.shape for node in nodes):
        return None

    def forward(*moving: Tensor) -> tuple[Tensor, ...]:
        now = values | dict(zip(suspect.truth.moving, moving, strict=True))
        return tuple(node.module.forward(*graph.inputs_of(node, now)) for node in nodes)

    with recording():
        return by_autograd(forward, suspect.truth.moving, [grad] * len(nodes))


def _edges(nodes: list[Node]) -> list[tuple[tuple[str, int], str]]:
    """Every edge with the name of the value that is read."""
    return [
        ((node.name, i), name) for node in nodes for i, name in enumerate(node.reads) if isinstance(name, str)
    ]


def _rivals(graph: Graph, kept: int) -> Edges:
    """Of the edges that read one value all but one: that of its first reader (0) or of its last (-1)."""
    leading = _visit(graph, deque.pop)
    nodes = [node for node in graph.nodes.values() if node in leading]
    pairs = sorted(_edges(nodes), key=lambda pair: pair[1])  # of each value, the readers stay in order
    cut: Edges = set()
    for _, alike in groupby(pairs, key=lambda pair: pair[1]):
        edges = [edge for edge, _ in alike]
        reader = [edge for edge in edges if edge[0] == edges[kept][0]]
        # its own reads take turns, first to last
        cut.update(edge for edge in edges if edge != reader[-1 - kept])
    return cut


def _too_late(order: list[Node]) -> Edges:
    """The edges whose gradient arrives when the node that made the value has run already."""
    ran = {name: time for time, node in enumerate(order) for name in node.outputs}
    times = {node.name: time for time, node in enumerate(order)}
    return {edge for edge, name in _edges(order) if name in ran and ran[name] < times[edge[0]]}


def _visit(graph: Graph, take: Callable[[deque[str]], str]) -> list[Node]:
    """The nodes that lead to the outputs, each once: nearest first, or one path to its end first."""
    makers = {output: node for node in graph.nodes.values() for output in node.outputs}
    waiting, order = deque(graph.outputs), []
    while waiting:
        node = makers.get(take(waiting))
        if node is not None and node not in order:
            order.append(node)
            waiting.extend(name for name in node.reads if isinstance(name, str))
    return order
