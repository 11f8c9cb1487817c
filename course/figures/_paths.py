"""Paths and edges of layered networks, counted: what `path_counts` draws.

It also draws the derivative of one network along all its paths.
"""

import itertools
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from course.containers.chain import Chain
from course.containers.graph import Graph
from course.device import generator, tensor
from course.module import as_tuple
from course.modules import Concatenate, Linear, Tanh


@dataclass(frozen=True, kw_only=True)
class Cost:
    """One network: how many edges and paths it has, ∂y/∂x both ways, and the seconds that each way took."""

    edges: int
    paths: int
    by_paths: float
    by_backward: float
    paths_seconds: float
    backward_seconds: float


def layered(width: int, layers: int, seed: int = 0) -> Graph:
    """A number x, then layers of `width` neurons (linear and tanh), then one neuron y.

    Each neuron reads all of the layer before.
    """
    rng = generator(seed)
    graph, before = Graph("x"), ["x"]
    for layer in range(1, layers + 2):
        names = [f"h{layer},{unit}" for unit in range(width)] if layer <= layers else ["y"]
        for name in names:
            graph.add(name, Chain(Concatenate(), Linear(len(before), 1, rng=rng), Tanh()), *before)
        before = names
    return graph


@cache
def cost(width: int, layers: int) -> Cost:
    """Count and measure one network.

    The local derivatives on its edges are ready before the clock starts for the paths.
    """
    graph, grad_output = layered(width, layers), tensor([1.0])
    graph(tensor([0.5]))
    local = {
        (str(read), name): grad.item()
        for name, node in graph.nodes.items()
        for read, grad in zip(node.reads, as_tuple(node.module.backward(grad_output)), strict=True)
    }
    steps = [["x"], *([f"h{layer},{unit}" for unit in range(width)] for layer in range(1, layers + 1)), ["y"]]
    summed, paths_seconds = _timed(lambda: sum_over_paths(steps, local))
    gradient, backward_seconds = _timed(lambda: graph.backward(grad_output))
    return Cost(
        edges=len(local),
        paths=count_paths(graph),
        by_paths=summed,
        by_backward=gradient.item(),
        paths_seconds=paths_seconds,
        backward_seconds=backward_seconds,
    )


def count_paths(graph: Graph) -> int:
    """How many ways lead from x to y: as many as lead to all that y reads together, and so on back to x."""
    ways = {"x": 1}
    for name, node in graph.nodes.items():
        ways[name] = sum(ways[read] for read in node.reads if isinstance(read, str))
    return ways["y"]


def sum_over_paths(steps: list[list[str]], local: dict[tuple[str, str], float]) -> float:
    """Σ over all paths of the product of the local derivatives along the path, one path after the other."""
    return sum(
        math.prod(map(local.__getitem__, itertools.pairwise(path))) for path in itertools.product(*steps)
    )


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """What the work gives, and the seconds it takes: the shortest of seven tries, of one if that is long."""
    result, tries = None, []
    while not tries or (len(tries) < 7 and tries[0] < 0.05):
        began = time.perf_counter()
        result = work()
        tries.append(time.perf_counter() - began)
    return result, min(tries)
