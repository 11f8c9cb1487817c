"""The graphs that the explorer's tests look at, each with its inputs and the same function in torch."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from course import Graph, generator
from course.modules import Add, Copy, EuclideanLoss, Exp, Linear, Max, Multiply, Negate, Reciprocal, Sigmoid, Subtract


@dataclass
class Case:
    graph: Graph
    inputs: dict[str, Any]
    reference: Callable[..., torch.Tensor]


def product() -> Case:
    graph = Graph("x", "y", "z")
    graph.add("q", Add(), "x", "y")
    graph.add("f", Multiply(), "q", "z")
    return Case(graph, {"x": -2, "y": 5, "z": -4}, lambda x, y, z: (x + y) * z)


def neuron() -> Case:
    graph = Graph("w0", "x0", "w1", "x1", "w2")
    graph.add("a", Multiply(), "w0", "x0")
    graph.add("b", Multiply(), "w1", "x1")
    graph.add("c", Add(), "a", "b")
    graph.add("s", Add(), "c", "w2")
    graph.add("n", Negate(), "s")
    graph.add("e", Exp(), "n")
    graph.add("d", Add(), "e", 1.0)
    graph.add("f", Reciprocal(), "d")
    inputs = {"w0": 2, "x0": -1, "w1": -3, "x1": -2, "w2": -3}
    return Case(graph, inputs, lambda w0, x0, w1, x1, w2: torch.sigmoid(w0 * x0 + w1 * x1 + w2))


def fraction() -> Case:
    """F = (x + σ(y)) / (σ(x) + (x + y)²): x, y and s are read more than once, s twice by one node."""
    graph = Graph("x", "y")
    graph.add("sy", Sigmoid(), "y")
    graph.add("num", Add(), "x", "sy")
    graph.add("sx", Sigmoid(), "x")
    graph.add("s", Add(), "x", "y")
    graph.add("sq", Multiply(), "s", "s")
    graph.add("den", Add(), "sx", "sq")
    graph.add("r", Reciprocal(), "den")
    graph.add("f", Multiply(), "num", "r")
    sigmoid = torch.sigmoid
    return Case(graph, {"x": 3, "y": -4}, lambda x, y: (x + sigmoid(y)) / (sigmoid(x) + (x + y) ** 2))


def layer() -> Case:
    rng = generator(1)
    linear = Linear(3, 2, rng=rng)
    graph = Graph("x", "target")
    graph.add("h", linear, "x")
    graph.add("p", Sigmoid(), "h")
    graph.add("loss", EuclideanLoss(), "p", "target")
    x = torch.randn(4, 3, generator=rng, device=rng.device).double()
    target = torch.rand(4, 2, generator=rng, device=rng.device).double()
    graph.to(dtype=torch.float64)

    def reference(x: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        predicted = torch.sigmoid(x @ linear.weight.value.T + linear.bias.value)
        return 0.5 * (target - predicted).square().sum(dim=1)

    return Case(graph, {"x": x, "target": target}, reference)


def copies() -> Case:
    """A node with two outputs, constants on either side, an input that nothing reads."""
    graph = Graph("x", "unused")
    graph.add("twins", Copy(2), "x", outputs=("left", "right"))
    graph.add("low", Subtract(), 1.0, "left")
    graph.add("m", Max(), "low", "right")
    graph.add("out", Multiply(), "m", -3)
    return Case(graph, {"x": 0.75, "unused": 1}, lambda x, unused: torch.maximum(1 - x, x) * -3)


ALL = {make.__name__: make for make in (product, neuron, fraction, layer, copies)}
