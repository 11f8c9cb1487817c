"""The graphs that the explorer's tests look at, each with its inputs and the same function in torch."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F

from course import Chain, Graph, Parameter, Residual, Unroll, generator
from course.modules import (
    Add,
    Conv2d,
    Copy,
    EuclideanLoss,
    Exp,
    GlobalAvgPool2d,
    Linear,
    LSTMCell,
    Max,
    Multiply,
    Negate,
    Reciprocal,
    ReLU,
    RNNCell,
    Sigmoid,
    Square,
    Subtract,
    Sum,
    Tanh,
)


@dataclass
class Case:
    graph: Any
    inputs: dict[str, Any]
    reference: Callable[..., torch.Tensor]
    """The same function in torch, on the same parameters."""
    folded: bool = False
    """Whether the explorer folds it at first."""


def value_of(parameter: Parameter | None) -> torch.Tensor:
    """The value of a bias that is there: layers can be made without one."""
    assert parameter is not None
    return parameter.value


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
        predicted = torch.sigmoid(x @ linear.weight.value.T + value_of(linear.bias))
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


def mlp() -> Case:
    """A network with batches; its middle is a chain within a chain."""
    rng = generator(2)
    first, middle, last = Linear(4, 6, rng=rng), Linear(6, 6, rng=rng), Linear(6, 3, rng=rng)
    network = Chain(first, Tanh(), Chain(middle, ReLU()), last).to(dtype=torch.float64)
    x = torch.randn(5, 4, generator=rng, device=rng.device).double()

    def reference(x: torch.Tensor) -> torch.Tensor:
        hidden = torch.tanh(F.linear(x, first.weight.value, value_of(first.bias)))
        hidden = torch.relu(F.linear(hidden, middle.weight.value, value_of(middle.bias)))
        return F.linear(hidden, last.weight.value, value_of(last.bias))

    return Case(network, {"x": x}, reference)


def rbf() -> Case:
    """A radial basis function network as a cascade: (x − μ)², exp(−βa), u·a, Σ."""
    graph = Graph("x", "mu", "beta", "u", "y")
    graph.add("d", Subtract(), "x", "mu")
    graph.add("a1", Square(), "d")
    graph.add("m", Multiply(), "beta", "a1")
    graph.add("n", Negate(), "m")
    graph.add("a2", Exp(), "n")
    graph.add("a3", Multiply(), "u", "a2")
    graph.add("a4", Sum(), "a3")
    graph.add("e", Subtract(), "a4", "y")
    graph.add("loss", Square(), "e")
    double = {"dtype": torch.float64, "device": generator(0).device}
    inputs = {
        "x": torch.full((4,), 0.5, **double), "mu": torch.tensor([-1.0, 0.0, 1.0, 2.0], **double),
        "beta": torch.full((4,), 1.5, **double), "u": torch.tensor([0.5, -1.0, 2.0, 0.25], **double),
        "y": 1.0,
    }  # fmt: skip
    return Case(
        graph, inputs, lambda x, mu, beta, u, y: ((u * torch.exp(-beta * (x - mu) ** 2)).sum() - y) ** 2
    )


def rnn() -> Case:
    """A recurrent cell over eight steps."""
    rng = generator(3)
    cell = RNNCell(2, 3, rng=rng).to(dtype=torch.float64)
    xs = {f"x{t}": torch.randn(1, 2, generator=rng, device=rng.device).double() for t in range(1, 9)}
    start = torch.zeros(1, 3, dtype=torch.float64, device=rng.device)

    def reference(h0: torch.Tensor, **xs: torch.Tensor) -> torch.Tensor:
        h, total = h0, torch.zeros_like(h0)
        for x in xs.values():
            h = torch.tanh(
                F.linear(x, cell.weight_ih.value, value_of(cell.bias_ih))
                + F.linear(h, cell.weight_hh.value, value_of(cell.bias_hh))
            )
            total = total + h
        return total

    return Case(Unroll(cell).graph(8), {**xs, "h0": start}, reference)


def lstm() -> Case:
    """The same with an LSTM cell, which has two states."""
    rng = generator(4)
    cell = LSTMCell(2, 3, rng=rng).to(dtype=torch.float64)
    xs = {f"x{t}": torch.randn(1, 2, generator=rng, device=rng.device).double() for t in range(1, 9)}
    zeros = torch.zeros(1, 3, dtype=torch.float64, device=rng.device)

    def reference(h0: torch.Tensor, c0: torch.Tensor, **xs: torch.Tensor) -> torch.Tensor:
        h, c, total = h0, c0, 0.0
        for x in xs.values():
            gates = F.linear(x, cell.weight_ih.value, value_of(cell.bias_ih))
            gates = gates + F.linear(h, cell.weight_hh.value, value_of(cell.bias_hh))
            i, f, g, o = gates.chunk(4, dim=1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            total = total + h
        return total + c

    return Case(Unroll(cell).graph(8), {**xs, "h0": zeros, "c0": zeros.clone()}, reference)


def residual_cnn() -> Case:
    """A small convolutional network with a residual block."""
    rng = generator(5)
    first, inner = Conv2d(1, 2, 3, padding=1, rng=rng), Conv2d(2, 2, 3, padding=1, rng=rng)
    head = Linear(2, 3, rng=rng)
    network = Chain(first, ReLU(), Residual(Chain(inner, ReLU())), GlobalAvgPool2d(), head).to(
        dtype=torch.float64
    )
    image = torch.randn(1, 1, 6, 6, generator=rng, device=rng.device).double()

    def reference(x: torch.Tensor) -> torch.Tensor:
        a = torch.relu(F.conv2d(x, first.weight.value, value_of(first.bias), padding=1))
        a = a + torch.relu(F.conv2d(a, inner.weight.value, value_of(inner.bias), padding=1))
        return F.linear(a.mean(dim=(2, 3)), head.weight.value, value_of(head.bias))

    return Case(network, {"x": image}, reference)


class Cube:
    """A student's first class: only forward and backward."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.x = x
        return x**3

    def backward(self, grad_output: torch.Tensor) -> torch.Tensor:
        return grad_output * 3 * self.x**2


def students_class() -> Case:
    return Case(Cube(), {"x": [[1.0, -2.0], [0.5, 3.0]]}, lambda x: x**3)


def torch_function() -> Case:
    """A plain function of torch tensors, with a number, an operation in place and a fan-out."""

    def f(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        z = torch.exp(x) * y
        z += 1
        return (1 - torch.tanh(z) * z).sum()

    return Case(f, {"x": [1.0, 0.2], "y": [0.1, -0.2]}, f)


SCALARS = (product, neuron, fraction, copies)
TENSORS = (layer, mlp, rbf, rnn, lstm, residual_cnn, students_class, torch_function)
ALL = {make.__name__: make for make in (*SCALARS, *TENSORS)}
