"""The explorer's layout: layers, order, straight lines, and room for every label."""

from itertools import combinations

import pytest

from course import Graph
from course.explorer import trace
from course.explorer.boxes import Box, free_box
from course.explorer.layout import layout
from course.explorer.ordering import crossings, order, spread, straighten
from course.explorer.slots import input_id, links_of, skeleton, slots_of
from course.modules import Add, Sigmoid
from tests.explorer import graphs


def drawn(name):
    case = graphs.ALL[name]()
    traced = trace(case.graph, case.inputs)
    return traced, layout(traced)


@pytest.mark.parametrize("name", graphs.ALL)
def test_no_label_meets_another_and_all_lie_inside(name):
    _, places = drawn(name)
    boxes = [node.body for node in places.nodes] + [node.name for node in places.nodes if not node.is_input]
    boxes += [box for stem in places.stems for box in (stem.value, stem.grad)]
    boxes += [
        box for parameter in places.parameters for box in (parameter.title, parameter.value, parameter.grad)
    ]
    boxes += [edge.share for edge in places.edges if edge.share]
    assert not [pair for pair in combinations(boxes, 2) if pair[0].overlaps(pair[1])]
    for edge in places.edges:
        assert edge.local is None or not any(edge.local.overlaps(box) for box in boxes)
    for box in [*boxes, *(edge.local for edge in places.edges if edge.local)]:
        assert places.frame.x <= box.x
        assert box.right <= places.frame.right
        assert places.frame.y <= box.y
        assert box.bottom <= places.frame.bottom


@pytest.mark.parametrize("name", graphs.ALL)
def test_edges_run_from_left_to_right_and_end_at_their_node(name):
    traced, places = drawn(name)
    assert len(places.edges) == sum(len(node.parents) for node in traced.nodes)
    bodies = {node.id: node.body for node in places.nodes if not node.is_input}
    for edge in places.edges:
        xs = [x for x, _ in edge.points]
        assert xs == sorted(xs)
        body, (x, y) = bodies[edge.node], edge.points[-1]
        assert body.x <= x <= body.center
        assert body.y < y < body.bottom


def test_main_chain_is_straight_and_inputs_stand_beside_their_reader():
    _, places = drawn("neuron")
    bodies = {node.id: node.body for node in places.nodes}
    heights = {bodies[name].middle for name in "csnedf"}
    assert max(heights) - min(heights) < 1
    assert bodies[input_id("x0")].x < bodies["a"].x
    assert bodies["a"].right < bodies[input_id("w2")].right < bodies["s"].x


def test_a_value_read_twice_by_one_node_has_two_edges_apart():
    _, places = drawn("fraction")
    first, second = (edge for edge in places.edges if edge.node == "sq")
    assert abs(first.points[-1][1] - second.points[-1][1]) > 8
    assert first.share is not None
    assert not first.share.overlaps(second.share)


def test_long_edges_keep_clear_of_nodes():
    graph = Graph("x", "y")
    last = "x"
    for step in range(6):
        graph.add(f"a{step}", Sigmoid(), last)
        last = f"a{step}"
    graph.add("f", Add(), last, "x")
    places = layout(trace(graph, {"x": 1, "y": 1}))
    long = next(edge for edge in places.edges if edge.source == "x" and edge.node == "f")
    bodies = [node.body for node in places.nodes if node.id not in (input_id("x"), "f")]
    for (x1, y1), (x2, _) in zip(long.points[1:-1:2], long.points[2:-1:2], strict=True):
        assert not any(Box(x1, y1 - 1, x2 - x1, 2).overlaps(body) for body in bodies)


@pytest.mark.parametrize("name", ["product", "neuron", "fraction"])
def test_places_do_not_depend_on_the_numbers(name):
    case = graphs.ALL[name]()
    first, second = (trace(case.graph, dict.fromkeys(case.inputs, number)) for number in (1.0, -0.37))
    assert layout(first) == layout(second)
    assert skeleton(first) == skeleton(second)
    wide = trace(case.graph, {name: [1.0, 2.0] for name in case.inputs})
    assert skeleton(wide) != skeleton(first)


def test_order_removes_crossings():
    links = [("a", "q"), ("b", "p"), ("a", "r")]
    layers = {"a": 0, "b": 0, "p": 1, "q": 1, "r": 1}
    assert crossings([["a", "b"], ["p", "q", "r"]], links) == 2
    assert crossings(order(layers, links), links) == 0


def test_heights_are_spread_by_weighted_least_squares():
    assert spread([0, 0], [1, 1], [10]) == [-5, 5]
    assert spread([0, 0], [3, 1], [8]) == [-2, 6]
    assert spread([0, 50], [1, 1], [10]) == [0, 50]
    rows, links = [["a", "b"], ["c"]], [("a", "c"), ("b", "c")]
    ys = straighten(rows, [[20], []], links, {"a": False, "b": False, "c": False})
    assert ys["b"] - ys["a"] == pytest.approx(20)
    assert ys["c"] == pytest.approx((ys["a"] + ys["b"]) / 2)


def test_free_box_moves_only_when_it_must():
    wanted = Box(0, 0, 10, 10)
    assert free_box(wanted, [Box(10, 0, 5, 5)], reach=0) == wanted
    moved = free_box(wanted, [Box(-20, 5, 40, 40)], reach=0)
    assert moved.bottom <= 5
    assert moved.x == 0


# The baseline: no edges cross in the drawing of any of the graphs, but for one pair in that of the fraction.
CROSSINGS = {"fraction": 1}


@pytest.mark.parametrize("name", graphs.ALL)
def test_edges_cross_no_more_than_the_baseline(name):
    case = graphs.ALL[name]()
    traced = trace(case.graph, case.inputs)
    slots = slots_of(traced)
    links = [link for path in links_of(traced, slots).values() for link in path]
    declared: list[list[str]] = [[] for _ in range(max(slot.layer for slot in slots.values()) + 1)]
    for slot in slots.values():
        declared[slot.layer].append(slot.id)
    crossed = crossings(order({slot.id: slot.layer for slot in slots.values()}, links), links)
    assert crossed <= CROSSINGS.get(name, 0)
    assert crossed <= crossings(declared, links)  # sorting the layers makes nothing worse
