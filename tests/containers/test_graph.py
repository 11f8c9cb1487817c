"""Graphs: the course's worked numbers, fan-out and order, and errors that help."""

import copy
import pickle

import pytest
import torch

from course import Chain, Graph, Residual, tensor
from course.checks import check_module
from course.modules import (
    Add,
    Copy,
    CosineUnit,
    EuclideanLoss,
    Exp,
    Linear,
    Multiply,
    Negate,
    Reciprocal,
    Sigmoid,
)


def product_of_sum() -> Graph:
    graph = Graph("x", "y", "z")
    graph.add("q", Add(), "x", "y")
    graph.add("f", Multiply(), "q", "z")
    return graph


def neuron_in_steps() -> Graph:
    graph = Graph("w0", "x0", "w1", "x1", "w2")
    graph.add("p0", Multiply(), "w0", "x0")
    graph.add("p1", Multiply(), "w1", "x1")
    graph.add("sum", Add(), "p0", "p1")
    graph.add("s", Add(), "sum", "w2")
    graph.add("negated", Negate(), "s")
    graph.add("power", Exp(), "negated")
    graph.add("denominator", Add(), "power", 1)
    graph.add("f", Reciprocal(), "denominator")
    return graph


def test_product_of_a_sum():
    graph = product_of_sum()
    assert graph(tensor(-2), tensor(5), tensor(-4)).item() == -12
    grads = graph.backward(tensor(1.0))
    assert [grad.item() for grad in grads] == [-4, -4, 3]
    assert graph.values["q"].item() == 3
    assert graph.grads["q"].item() == -4


def test_sigmoid_neuron_in_steps_and_in_one():
    short = Graph("w0", "x0", "w1", "x1", "w2")
    short.add("p0", Multiply(), "w0", "x0")
    short.add("p1", Multiply(), "w1", "x1")
    short.add("sum", Add(), "p0", "p1")
    short.add("s", Add(), "sum", "w2")
    short.add("f", Sigmoid(), "s")
    for graph in (neuron_in_steps(), short):
        f = graph(*(torch.tensor(v, dtype=torch.float64) for v in (2.0, -1.0, -3.0, -2.0, -3.0)))
        grads = [grad.item() for grad in graph.backward(torch.ones((), dtype=torch.float64))]
        assert f.item() == pytest.approx(0.7310585786, abs=1e-10)
        assert grads == pytest.approx([-0.1966119, 0.3932239, -0.3932239, -0.5898358, 0.1966119], abs=1e-7)


def test_worked_graph_with_fan_out():
    graph = Graph("x", "y")
    graph.add("σy", Sigmoid(), "y")
    graph.add("numerator", Add(), "x", "σy")
    graph.add("σx", Sigmoid(), "x")
    graph.add("sum", Add(), "x", "y")
    graph.add("square", Multiply(), "sum", "sum")
    graph.add("denominator", Add(), "σx", "square")
    graph.add("inverse", Reciprocal(), "denominator")
    graph.add("f", Multiply(), "numerator", "inverse")
    f = graph(torch.tensor(3.0, dtype=torch.float64), torch.tensor(-4.0, dtype=torch.float64))
    dx, dy = graph.backward(torch.ones((), dtype=torch.float64))
    assert (f.item(), dx.item(), dy.item()) == pytest.approx(
        (1.5456448841, 2.0595697956, 1.5922327515), abs=1e-10
    )


@pytest.mark.parametrize("make", [product_of_sum, neuron_in_steps])
def test_a_graph_is_a_module(make):
    graph = make()
    inputs = tuple(torch.randn(3, dtype=torch.float64) for _ in graph.inputs)
    assert check_module(graph, inputs).passed
    outer = Graph(*graph.inputs)
    outer.add("inner", graph, *graph.inputs)
    outer.add("twice", Multiply(), "inner", 2)
    report = check_module(outer, inputs)
    assert report.passed, str(report)


def test_a_network_with_loss_and_parameters():
    graph = Graph("x", "target")
    graph.add("a", Linear(3, 2), "x")
    graph.add("h", Sigmoid(), "a")
    graph.add("wave", CosineUnit(), "h")
    graph.add("loss", EuclideanLoss(), "wave", "target")
    report = check_module(graph, (torch.randn(4, 3), torch.randn(4, 2)))
    assert report.passed, str(report)
    assert [name for name, _ in graph.named_parameters()] == ["a.weight", "a.bias", "wave.theta"]


def test_several_outputs_of_a_node_and_of_the_graph():
    graph = Graph("x", outputs=("left", "f"))
    graph.add("fork", Copy(), "x", outputs=("left", "right"))
    graph.add("f", Multiply(), "right", "x")
    x = torch.tensor([3.0])
    left, f = graph(x)
    assert (left.item(), f.item()) == (3, 9)
    assert graph.backward(torch.tensor([10.0]), torch.tensor([1.0])).item() == 16


def test_side_branches_and_unused_inputs():
    graph = Graph("x", "unused", outputs="f")
    graph.add("f", Negate(), "x")
    graph.add("aside", Exp(), "x")
    graph(torch.ones(2), torch.ones(3))
    dx, dunused = graph.backward(torch.ones(2))
    assert dx.tolist() == [-1, -1]
    assert dunused.tolist() == [0, 0, 0]


def test_backward_leaves_the_given_gradient_alone():
    graph = Graph("x")
    graph.add("f", Add(), "x", "x")
    grad = torch.ones(2)
    graph(torch.ones(2))
    assert graph.backward(grad).tolist() == [2, 2]
    assert grad.tolist() == [1, 1]


@pytest.mark.parametrize(
    ("reads", "message"),
    [
        (("targt", "x"), "node 'f' reads 'targt', which does not exist; did you mean 'target'"),
        (("zzzz", "x"), r"which does not exist; there are \['x', 'target'\].*a loop is unrolled"),
        (("x", "f"), "node 'f' reads itself: a graph has no cycles. Unroll the loop"),
        (("x",), r"node 'f': Add takes \(x, y\), got 1 inputs to read"),
    ],
)
def test_a_wrong_node_is_refused_where_it_is_added(reads, message):
    graph = Graph("x", "target")
    with pytest.raises(ValueError, match=message):
        graph.add("f", Add(), *reads)
    assert not graph.nodes


def test_other_mistakes_are_named():
    graph = Graph("x")
    with pytest.raises(ValueError, match="no nodes yet"):
        graph(torch.ones(1))
    module = Negate()
    graph.add("a", module, "x")
    with pytest.raises(ValueError, match="the name 'a' is taken"):
        graph.add("a", Negate(), "x")
    with pytest.raises(ValueError, match=r"same module as node 'a'.*module\.share"):
        graph.add("b", module, "a")
    graph.add("b", module.share(), "a")
    with pytest.raises(ValueError, match=r"takes 1 inputs .* got 2"):
        graph(torch.ones(1), torch.ones(1))
    with pytest.raises(ValueError, match="the graph takes 1 inputs"):
        Graph("y").add("inner", graph, "y", "y")
    with pytest.raises(ValueError, match="distinct input names"):
        Graph("x", "x")
    with pytest.raises(ValueError, match="the graph's output reads 'ff'"):
        _ = Graph("x", outputs="ff").outputs
    with pytest.raises(RuntimeError, match="call forward before backward"):
        product_of_sum().backward(tensor(1.0))


def network() -> Graph:
    """Nested, with a shared module, fan-out and fan-in."""
    inner = Graph("x", "y")
    inner.add("left", Linear(3, 2), "x")
    inner.add("right", Linear(3, 2, bias=False), "y")
    inner.add("a", Add(), "left", "right")
    graph = Graph("x", "y")
    graph.add("merged", inner, "x", "y")
    graph.add("first", inner.nodes["left"].module.share(), "y")
    graph.add("gated", Multiply(), "merged", "first")
    graph.add("f", Residual(Chain(Sigmoid(), Linear(2, 2))), "gated")
    return graph


def test_nested_graphs_with_shared_parameters_against_autograd():
    graph = network().to(dtype=torch.float64)
    assert [name for name, _ in graph.named_parameters()] == [
        "merged.left.weight", "merged.left.bias", "merged.right.weight", "f.module.1.weight",
        "f.module.1.bias",
    ]  # fmt: skip
    x, y = torch.randn(4, 3, dtype=torch.float64), torch.randn(4, 3, dtype=torch.float64)
    graph(x, y)
    grad = torch.randn(4, 2, dtype=torch.float64)
    grads = [*graph.backward(grad), *(p.grad for p in graph.parameters())]
    leaves = [t.clone().requires_grad_() for t in (x, y, *(p.value for p in graph.parameters()))]
    (x, y, w, b, v, w2, b2), linear = leaves, torch.nn.functional.linear
    gated = (linear(x, w, b) + linear(y, v)) * linear(y, w, b)
    f = gated + linear(torch.sigmoid(gated), w2, b2)
    for ours, theirs in zip(grads, torch.autograd.grad(f, leaves, grad), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize(
    "clone", [copy.deepcopy, lambda g: pickle.loads(pickle.dumps(g))], ids=["deepcopy", "pickle"]
)
def test_a_graphs_state_survives_copying_between_forward_and_backward(clone):
    graph, x, y = network(), torch.randn(4, 3), torch.randn(4, 3)
    graph(x, y)
    twin, grad = clone(graph), torch.randn(4, 2)
    torch.testing.assert_close(twin.backward(grad), graph.backward(grad))
    torch.testing.assert_close([p.grad for p in twin.parameters()], [p.grad for p in graph.parameters()])
    before = graph(x, y).clone()
    for parameter in twin.parameters():
        parameter.value.zero_()
    torch.testing.assert_close(graph(x, y), before)
    # what was shared is shared in the copy
    assert len(list(twin.parameters())) == len(list(graph.parameters())) == 5


def test_a_state_dict_goes_from_graph_to_graph():
    first, second, x, y = network(), network(), torch.randn(4, 3), torch.randn(4, 3)
    second.load_state_dict(first.state_dict())
    torch.testing.assert_close(second(x, y), first(x, y))
