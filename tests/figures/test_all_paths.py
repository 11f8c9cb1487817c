"""All paths: their products add up to the gradient, as on paper, and the lines drawn are the paths."""

import math

import pytest
import torch

from course.containers.graph import Graph
from course.device import tensor
from course.figures.all_paths import all_paths
from course.figures.gate_patterns import show
from course.figures.graph_paths import paths, three_inputs
from course.modules import Add, Multiply, Tanh

POINTS = [(2.0, -1.0, 0.5), (-3.0, 2.5, -1.25), (0.0, 0.0, 0.0)]


def on_paper(x, y, z):
    """The gradient of xy(y + z) + (y + z) sin z."""
    return {
        "x": y * (y + z),
        "y": x * (2 * y + z) + math.sin(z),
        "z": x * y + math.sin(z) + (y + z) * math.cos(z),
    }


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize(("start", "count"), [("x", 1), ("y", 3), ("z", 3)])
def test_products_add_up_to_the_gradient_on_paper(start, count, point):
    graph = three_inputs()
    output = graph(*(tensor(number, torch.float64) for number in point))
    found = paths(graph, start)
    assert len(found) == count
    assert sum(path.product for path in found) == pytest.approx(on_paper(*point)[start], abs=1e-12)
    backward = dict(zip("xyz", graph.backward(torch.ones_like(output)), strict=True))
    assert backward[start].item() == pytest.approx(on_paper(*point)[start], abs=1e-12)
    assert all(path.nodes[0] == start and path.nodes[-1] == "f" for path in found)
    assert all(
        set(graph.nodes[after].reads) >= {before}
        for path in found
        for before, after in zip(path.nodes, path.nodes[1:], strict=False)
    )


def test_a_node_that_reads_twice_gives_two_paths():
    graph = Graph("x")
    graph.add("t", Tanh(), "x")
    graph.add("s", Multiply(), "t", "t")
    graph.add("f", Add(), "s", "x")
    graph(tensor(0.3, torch.float64))
    found = paths(graph, "x")
    assert [path.nodes for path in found] == [("x", "t", "s", "f")] * 2 + [("x", "f")]
    tanh = math.tanh(0.3)
    assert sum(path.product for path in found) == pytest.approx(2 * tanh * (1 - tanh**2) + 1)


@pytest.mark.parametrize("start", ["x", "y", "z"])
def test_the_picture_carries_the_numbers(start):
    figure = all_paths(start, *POINTS[1])
    (axes,) = figure.axes
    texts = [text.get_text() for text in axes.texts]
    gradient = show(on_paper(*POINTS[1])[start])
    assert f"sum = {gradient}" in texts
    assert f"backward: ∂f/∂{start} = {gradient}" in texts
    graph = three_inputs()
    graph(*(tensor(number, torch.float64) for number in POINTS[1]))
    found = paths(graph, start)
    assert {f"= {show(path.product)}" for path in found} <= {
        "= " + text.rpartition("= ")[2] for text in texts
    }
    drawn = {line.get_label() for line in axes.lines if "→" in str(line.get_label())}
    assert drawn == {" → ".join(path.nodes) for path in found}
    assert gradient in figure.alt


def test_shared_edges_show_both_paths_side_by_side():
    (axes,) = all_paths("y").axes
    along = [
        line.get_ydata() for line in axes.lines if [*line.get_xdata()] == pytest.approx([0, 2.3], abs=1e-9)
    ]
    (first, _), (second, _) = [
        heights for heights in along if heights[0] == heights[1] and abs(heights[0]) < 0.5
    ]
    assert abs(first - second) > 0.1


def test_an_unknown_start_is_explained():
    with pytest.raises(ValueError, match="no path starts at 'w'"):
        all_paths("w")
