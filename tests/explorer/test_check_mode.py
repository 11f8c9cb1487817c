"""Check mode: a wrong backward is marked on the edge where it goes wrong, and nothing else is."""

import pytest
import torch

from course import Graph, generator
from course.explorer import explore, trace
from course.modules import Add, Linear, Multiply, Sigmoid, Tanh
from tests.explorer import graphs


def wrong_places(traced) -> set[str]:
    edges = {f"{node.id}<-{read.source}" for node in traced.nodes for read in node.reads if read.wrong}
    parameters = {parameter.key for node in traced.nodes for parameter in node.parameters if parameter.wrong}
    return edges | parameters | {f"sum {value.name}" for value in traced.values.values() if value.wrong}


class Swapped(Multiply):
    def backward(self, grad_output):
        return grad_output * self.saved["x"], grad_output * self.saved["y"]


class MeanBias(Linear):
    def backward(self, grad_output):
        self.weight.grad += grad_output.T @ self.saved["x"]
        self.bias.grad += grad_output.mean(dim=0)
        return grad_output @ self.weight.value


class LosesFanOut(Graph):
    def backward(self, *grad_outputs):
        grads = dict(zip(self.outputs, grad_outputs, strict=True))
        for node in reversed(self.nodes.values()):
            back = node.module.backward(*(grads[name] for name in node.outputs))
            for read, grad in zip(node.reads, back if isinstance(back, tuple) else (back,), strict=True):
                grads[read] = grad  # the sum of a fan-out is forgotten
        self.grads = grads
        return tuple(grads[name] for name in self.inputs)


@pytest.mark.parametrize("name", graphs.ALL)
def test_right_backwards_are_not_marked(name):
    case = graphs.ALL[name]()
    traced = trace(case.graph, case.inputs, check=True)
    assert traced.checked
    assert wrong_places(traced) == set()
    assert not any(event.marks for event in traced.events)


def test_swapped_factors_are_marked_on_both_edges():
    graph = Graph("x", "y", "z")
    graph.add("q", Add(), "x", "y")
    graph.add("f", Swapped(), "q", "z")
    traced = trace(graph, {"x": -2.0, "y": 5.0, "z": -4.0}, check=True)
    assert wrong_places(traced) == {"f<-q", "f<-z"}
    assert traced.nodes[1].reads[0].wrong == "yours 3, numeric −4.00"
    marked = [event for event in traced.events if event.marks]
    assert [event.marks for event in marked] == [("wrong:f:0",), ("wrong:f:1",)]
    assert marked[0].sentence.endswith("Wrong: yours 3, numeric −4.00")


def test_without_check_mode_nothing_is_compared():
    graph = Graph("x", "y")
    graph.add("f", Swapped(), "x", "y")
    traced = trace(graph, {"x": 2.0, "y": 5.0})
    assert not traced.checked
    assert wrong_places(traced) == set()


def test_a_wrong_parameter_gradient_is_marked():
    rng = generator(0)
    graph = Graph("x")
    graph.add("h", MeanBias(3, 2, rng=rng), "x")
    graph.add("p", Sigmoid(), "h")
    x = torch.randn(4, 3, generator=rng, device=rng.device)
    traced = trace(graph, {"x": x}, check=True)
    assert wrong_places(traced) == {"h.bias"}
    assert any("wrong:h.bias" in event.marks for event in traced.events)


def test_a_lost_fan_out_is_marked_at_the_value():
    graph = LosesFanOut("x", "y")
    graph.add("p", Multiply(), "x", "y")
    graph.add("f", Add(), "p", "x")
    traced = trace(graph, {"x": 2.0, "y": 5.0}, check=True)
    assert wrong_places(traced) == {"sum x"}
    assert traced.values["x"].wrong == "yours 5, the paths add up to 6"


def test_float32_is_checked_in_float64():
    rng = generator(0)
    graph = Graph("x")
    graph.add("h", Linear(3, 2, rng=rng), "x")
    graph.add("t", Tanh(), "h")
    traced = trace(graph, {"x": torch.randn(4, 3, generator=rng, device=rng.device)}, check=True)
    assert wrong_places(traced) == set()
    assert graph.nodes["h"].module.weight.value.dtype == torch.float32


def test_large_tensors_are_sampled():
    rng = generator(0)
    graph = Graph("x")
    graph.add("h", Linear(60, 50, rng=rng), "x")
    graph.add("t", Tanh(), "h")
    assert (
        wrong_places(trace(graph, {"x": torch.randn(30, 60, generator=rng, device=rng.device)}, check=True))
        == set()
    )


def test_the_picture_holds_the_marks():
    graph = Graph("x", "y")
    graph.add("f", Swapped(), "x", "y")
    drawn = explore(graph, check=True, x=2.0, y=5.0).to_svg()
    assert 'data-key="wrong:f:0"' in drawn
    assert "yours 2, numeric 5.00" in drawn
