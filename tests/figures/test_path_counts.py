"""Paths and edges: counted by walking them.

The gradient is the same by all paths, by backward and by torch.autograd.
"""

import itertools

import networkx
import numpy as np
import pytest
import torch

from course.figures._paths import cost, count_paths, layered, sum_over_paths
from course.figures.path_counts import path_counts


@pytest.mark.parametrize(("width", "layers"), [(2, 1), (3, 3), (4, 4)])
def test_counts_are_networkxs(width, layers):
    graph = layered(width, layers)
    copy = networkx.DiGraph([(read, name) for name, node in graph.nodes.items() for read in node.reads])
    assert cost(width, layers).edges == copy.number_of_edges()
    assert count_paths(graph) == len(list(networkx.all_simple_paths(copy, "x", "y"))) == width**layers


@pytest.mark.parametrize(("width", "layers"), [(2, 6), (3, 4), (4, 2)])
def test_all_paths_backward_and_autograd_agree(width, layers):
    found = cost(width, layers)
    graph = layered(width, layers)
    with torch.enable_grad():
        x = torch.tensor([0.5], requires_grad=True)
        values = [x]
        for names in _layers(graph, width):
            values = [_neuron(graph.nodes[name].module, values) for name in names]
        (grad,) = torch.autograd.grad(values[0], x)
    assert found.by_backward == pytest.approx(grad.item(), rel=1e-4, abs=1e-7)
    assert found.by_paths == pytest.approx(grad.item(), rel=1e-4, abs=1e-7)


def _layers(graph, width):
    names = list(graph.nodes)
    return [*(names[start : start + width] for start in range(0, len(names) - 1, width)), names[-1:]]


def _neuron(chain, values):
    linear = chain[1]
    return torch.tanh(torch.cat(values) @ linear.weight.value.T + linear.bias.value)


def test_a_sum_over_paths_by_hand():
    local = {("x", "a"): 2.0, ("x", "b"): 3.0, ("a", "y"): 5.0, ("b", "y"): 7.0}
    assert sum_over_paths([["x"], ["a", "b"], ["y"]], local) == 2 * 5 + 3 * 7


def test_many_paths_take_longer_than_backward():
    found = cost(4, 8)
    assert found.paths == 65536
    assert found.edges == 4 + 7 * 16 + 4
    assert found.paths_seconds > 3 * found.backward_seconds


def test_curves_carry_the_data():
    figure = path_counts(3, 4)
    network, counts, times = figure.axes
    costs = [cost(3, layers) for layers in range(1, 10)]
    np.testing.assert_allclose(10 ** counts.lines[0].get_ydata(), [3**layers for layers in range(1, 10)])
    np.testing.assert_allclose(10 ** counts.lines[2].get_ydata(), [c.edges for c in costs])
    np.testing.assert_allclose(10 ** times.lines[0].get_ydata(), [c.paths_seconds * 1000 for c in costs])
    np.testing.assert_allclose(10 ** times.lines[2].get_ydata(), [c.backward_seconds * 1000 for c in costs])
    assert counts.lines[1].get_xdata().tolist() == [4]
    assert len(network.collections[0].get_segments()) == costs[3].edges
    assert len(network.lines[1].get_xdata()) == 3 * 4 + 2
    path = np.stack(network.lines[0].get_data(), axis=1)
    drawn = {tuple(np.ravel(segment).round(6)) for segment in network.collections[0].get_segments()}
    assert {tuple(np.ravel(pair).round(6)) for pair in itertools.pairwise(path)} <= drawn, (
        "the marked path runs on edges"
    )


@pytest.mark.parametrize("wrong", [{"width": 5}, {"layers": 0}, {"layers": 10}])
def test_what_would_take_too_long_is_refused(wrong):
    with pytest.raises(ValueError, match="paths can be walked"):
        path_counts(**wrong)
