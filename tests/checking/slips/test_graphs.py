"""Graphs that run backward in a wrong way, node by node."""

import pytest
import torch

from course.checks import check_module
from course.containers.graph import Graph
from course.modules import Add, Multiply, Sin

from .wrong import rand


class EachTheSame(Graph):
    def backward(self, grad_output):
        grads = {name: torch.zeros_like(value) for name, value in self.values.items()}
        for node in list(self.nodes.values())[::-1]:
            found = node.module.backward(grad_output)
            for name, grad in zip(node.reads, found if isinstance(found, tuple) else (found,), strict=True):
                grads[name] = grads[name] + grad
        return tuple(grads[name] for name in self.inputs)


class AddedInto(Graph):
    def backward(self, grad_output):
        grads = {self.outputs[0]: grad_output}
        for node in reversed(self.nodes.values()):
            if node.name not in grads:
                continue
            found = node.module.backward(grads[node.name])
            for name, grad in zip(node.reads, found if isinstance(found, tuple) else (found,), strict=True):
                if grads.setdefault(name, grad) is not grad:
                    grads[name].add_(grad)
        return tuple(grads[name] for name in self.inputs)


class ForgetsAndTurns(Graph):
    def backward(self, grad_output):
        grads = {self.outputs[0]: grad_output}
        for node in reversed(self.nodes.values()):
            found = node.module.backward(grads[node.name])
            grads |= dict(zip(node.reads, found if isinstance(found, tuple) else (found,), strict=True))
        return tuple(grads[name] for name in self.inputs[::-1])


@pytest.mark.parametrize(
    ("kind", "last", "other", "name", "words", "tensors"),
    [
        (
            EachTheSame,
            Multiply,
            "product",
            "wrong factor",
            "every node gets grad_output itself",
            {"∂L/∂x", "∂L/∂y"},
        ),
        (AddedInto, Add, "x", "saved changed", "grad_output is changed in place", {"∂L/∂y"}),
        (
            ForgetsAndTurns,
            Add,
            "product",
            "overwritten",
            "come back in the opposite order",
            {"∂L/∂x", "∂L/∂y"},
        ),
    ],
)
def test_the_way_back_through_a_graph_is_named(kind, last, other, name, words, tensors):
    graph = kind("x", "y")
    graph.add("bent", Sin(), "x")
    graph.add("first", Add(), "bent", "y")
    graph.add("product", Multiply(), "first", "x")
    graph.add("f", last(), "first", other)
    told = {
        label: mistake
        for label, mistake in check_module(graph, (rand(4, 3), rand(4, 3, seed=1))).mistakes.items()
        if label in ("∂L/∂x", "∂L/∂y")
    }
    assert set(told) >= tensors
    assert {told[label].name for label in tensors} == {name}
    assert all(words in told[label].what for label in tensors)
