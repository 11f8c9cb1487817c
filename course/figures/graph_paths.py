"""Paths through a graph, each with the local derivatives along it."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from course.containers.graph import Graph
from course.module import as_tuple
from course.modules import Add, Multiply, Sin


@dataclass(frozen=True)
class Path:
    """One way from an input to the output: the nodes it visits, and the local derivative of each step."""

    nodes: tuple[str, ...]
    factors: tuple[float, ...]

    @property
    def product(self) -> float:
        """What this path adds to the gradient."""
        return math.prod(self.factors)


def three_inputs() -> Graph:
    """The graph of f = xy·(y + z) + (y + z)·sin z: one path leads from x to f, three each from y and z."""
    graph = Graph("x", "y", "z")
    graph.add("p", Multiply(), "x", "y")
    graph.add("q", Add(), "y", "z")
    graph.add("r", Sin(), "z")
    graph.add("u", Multiply(), "p", "q")
    graph.add("v", Multiply(), "q", "r")
    graph.add("f", Add(), "u", "v")
    return graph


def paths(graph: Graph, start: str) -> list[Path]:
    """Every path from the input `start` to the graph's output, after a forward pass.

    The local derivatives are the modules' own.
    """
    readers: dict[str, list[tuple[str, float]]] = {}
    for node in graph.nodes.values():
        local = as_tuple(node.module.backward(torch.ones_like(graph.values[node.name])))
        for name, derivative in zip(node.reads, local, strict=True):
            readers.setdefault(str(name), []).append((node.name, derivative.item()))

    def walk(name: str) -> Iterator[Path]:
        if name == graph.outputs[0]:
            yield Path((name,), ())
        for reader, derivative in readers.get(name, []):
            yield from (Path((name, *rest.nodes), (derivative, *rest.factors)) for rest in walk(reader))

    return list(walk(start))
