"""Recording: reads nodes, values and the order of events out of a graph that has just run forward and backward."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from course.explorer import wording
from course.explorer.trace import Array, Event, Node, ParameterTrace, Read, Trace, Value
from course.graph import Graph
from course.graph import Node as GraphNode
from course.module import argument_names, as_tuple


class Recorder:
    """What happened in `graph`, whose backward was called with `seeds`.

    Runs each node's backward again, for each edge's own part and for the local derivatives: `graph` must be a copy.
    """

    def __init__(self, graph: Graph, seeds: tuple[Tensor, ...], *, given: bool) -> None:
        self.graph, self.given = graph, given
        self.seeds = dict(zip(graph.outputs, seeds, strict=True))
        labels = [wording.display_name(name) for name in graph.outputs]
        self.of = labels[0] if len(labels) == 1 else "L"
        parameters = {name: _parameters(node) for name, node in graph.nodes.items()}  # before backward adds to them again
        self.handed = {name: self._handed_back(node) for name, node in graph.nodes.items()}
        self.nodes = {name: self._node(node, parameters[name]) for name, node in graph.nodes.items()}

    def trace(self) -> Trace:
        """The finished trace."""
        graph = self.graph
        readers = Counter(read.source for node in self.nodes.values() for read in node.reads)
        values = {
            name: Value(
                name,
                wording.display_name(name),
                Array.of(value),
                Array.of(graph.grads[name]) if name in graph.grads else None,
                readers[name],
            )
            for name, value in graph.values.items()
        }
        events = (*self._forward(), *self._backward())
        return Trace(graph.inputs, graph.outputs, tuple(self.nodes.values()), values, self._start(), events)

    def _handed_back(self, node: GraphNode) -> tuple[Tensor | None, ...]:
        """The gradient for each read, None where none flows."""
        if not any(name in self.graph.grads for name in node.outputs):
            return (None,) * len(node.reads)
        return as_tuple(node.module.backward(*(self.graph.grads[name] for name in node.outputs)))

    def _locals(self, node: GraphNode) -> tuple[Any, ...]:
        """∂output/∂read for each read, as numbers, where everything is a number and a gradient flows."""
        around = (*(self.graph.values[name] for name in node.outputs), *self.graph.read(node.name))
        flows = any(grad is not None for grad in self.handed[node.name])
        if len(node.outputs) > 1 or not flows or any(value.dim() for value in around):
            return (None,) * len(node.reads)
        return as_tuple(node.module.backward(torch.ones_like(around[0])))

    def _node(self, node: GraphNode, parameters: tuple[ParameterTrace, ...]) -> Node:
        module, arguments = node.module, argument_names(node.module)
        op = module.symbol or type(module).__name__
        names = dict(zip(arguments, map(_operand, node.reads), strict=False))
        constants = [None if isinstance(read, str) else wording.number_text(read) for read in node.reads]
        operands = [_operand(read) if isinstance(read, str) else None for read in node.reads]
        symbols = module.local if len(module.local) == len(node.reads) else ("",) * len(node.reads)
        names["out"] = wording.display_name(node.outputs[0])
        reads = tuple(
            Read(
                read if isinstance(read, str) else None,
                None if isinstance(read, str) else float(read),
                wording.substitute(symbol, names),
                None if local is None else Array.of(local),
                None if grad is None or not isinstance(read, str) else Array.of(grad),
            )
            for read, symbol, local, grad in zip(node.reads, symbols, self._locals(node), self.handed[node.name], strict=True)
        )
        shown = wording.sign(op, arguments, operands, constants)
        return Node(node.name, wording.display_name(node.name), op, shown, reads, node.outputs, parameters)

    def _start(self) -> Event:
        shows = [(f"value:{name}", Array.of(self.graph.values[name])) for name in self.graph.inputs]
        given = ", ".join(f"{wording.display_name(name)} = {self._text(name)}" for name in self.graph.inputs)
        for node in self.nodes.values():
            shows += [(f"value:{node.id}.{parameter.name}", parameter.value) for parameter in node.parameters]
        return Event("start", None, None, tuple(shows), f"Given: {given}. Press Step to compute the first node.")

    def _text(self, name: str) -> str:
        """A value's numbers in short."""
        return Array.of(self.graph.values[name]).text

    def _forward(self) -> Iterator[Event]:
        for name, node in self.graph.nodes.items():
            arguments, op = argument_names(node.module), self.nodes[name].op
            left = ", ".join(map(wording.display_name, node.outputs))
            formula = wording.applied(op, arguments, [_operand(read) for read in node.reads])
            reads = self.graph.read(name)
            if all(value.dim() == 0 for value in reads):
                numbers = [wording.number_text(value.item()) for value in reads]
                formula += f" = {wording.applied(op, arguments, numbers)}"
            result = ", ".join(self._text(output) for output in node.outputs)
            shows = tuple((f"value:{output}", Array.of(self.graph.values[output])) for output in node.outputs)
            yield Event("forward", name, None, shows, f"{left} = {formula} = {result}")

    def _backward(self) -> Iterator[Event]:
        sums = dict(self.seeds)
        done = Counter(self.seeds.keys())
        paths = done + Counter(
            read.source for node in self.nodes.values() for read in node.reads if read.contribution is not None
        )
        yield self._seed()
        for node in reversed(self.nodes.values()):
            waiting = list(node.parameters) if any(name in self.graph.grads for name in node.outputs) else []
            for position, (read, part) in enumerate(zip(node.reads, self.handed[node.id], strict=True)):
                if read.source is None or part is None:
                    continue
                sums[read.source] = sums[read.source] + part if read.source in sums else part
                done[read.source] += 1
                place = (done[read.source], paths[read.source])
                total = Array.of(sums[read.source])
                sentence = self._edge_sentence(node, read, total, place) + self._also(waiting)
                shows = _edge_shows(node, position, read, total) + _grads(node, waiting)
                waiting = []
                yield Event("backward", node.id, position, shows, sentence)
            if waiting:
                sentence = f"The gradient that arrives at {node.label} ends in its parameters" + self._also(waiting)
                yield Event("backward", node.id, None, _grads(node, waiting), sentence)
        for name in self.graph.inputs:
            if name in self.graph.grads and name not in sums:
                shows = ((f"grad:{name}", Array.of(self.graph.grads[name])),)
                yield Event("backward", None, None, shows, f"{self._by(name)} = 0: no path leads from it to {self.of}")

    def _seed(self) -> Event:
        arrays = {name: Array.of(seed) for name, seed in self.seeds.items()}
        labels = " and ".join(map(self._by, arrays))
        if self.given:
            reason = f"{' and '.join(array.text for array in arrays.values())}: the upstream gradient that was given"
        elif any(array.shape for array in arrays.values()):
            reason = "1 everywhere: backward starts at the output, here at the sum of its numbers"
        else:
            reason = "1: backward starts at the output, which changes one for one with itself"
        last = next((node.id for node in self.nodes.values() if self.graph.outputs[-1] in node.outputs), None)
        shows = tuple((f"grad:{name}", array) for name, array in arrays.items())
        return Event("backward", last, None, shows, f"{labels} = {reason}")

    def _by(self, name: str) -> str:
        return wording.derivative(self.of, wording.display_name(name))

    def _also(self, parameters: list[ParameterTrace]) -> str:
        return f"; also {' and '.join(f'∂{self.of}/∂{found.name}' for found in parameters)}" if parameters else ""

    def _edge_sentence(self, node: Node, read: Read, total: Array, place: tuple[int, int]) -> str:
        assert read.source is not None
        assert read.contribution is not None
        upstream = [Array.of(self.graph.grads[name]) for name in node.outputs if name in self.graph.grads]
        if read.local is not None:
            product = wording.product(upstream[0].text, local_text(read), read.contribution.text)
        else:
            shapes = ", ".join(f"[{wording.shape_text(array.shape)}]" if array.shape else array.text for array in upstream)
            product = wording.jacobian_product(shapes, node.op, read.symbol, read.contribution.text)
        return wording.with_sum(self._by(read.source), product, total.text, place)


def local_text(read: Read) -> str:
    """The local derivative in words: its symbol and its number, once when they are the same."""
    number = read.local.text if read.local is not None else ""
    if number and (not read.symbol or wording.is_number(read.symbol)):
        return number
    return f"{read.symbol} = {number}" if number else read.symbol


def _edge_shows(node: Node, position: int, read: Read, total: Array) -> tuple[tuple[str, Array], ...]:
    assert read.contribution is not None
    edge = f"{node.id}:{position}"
    local = () if read.local is None else ((f"local:{edge}", read.local),)
    return (*local, (f"share:{edge}", read.contribution), (f"grad:{read.source}", total))


def _grads(node: Node, parameters: list[ParameterTrace]) -> tuple[tuple[str, Array], ...]:
    return tuple((f"grad:{node.id}.{parameter.name}", parameter.grad) for parameter in parameters)


def _parameters(node: GraphNode) -> tuple[ParameterTrace, ...]:
    named = node.module.named_parameters()
    return tuple(ParameterTrace(name, Array.of(found.value), Array.of(found.grad)) for name, found in named)


def _operand(read: str | float) -> str:
    return wording.display_name(read) if isinstance(read, str) else wording.number_text(read)
