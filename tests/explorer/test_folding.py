"""Folding: a part as one node, with the same gradients around it and its own vector–Jacobian product."""

import pytest
import torch

from course import Chain, Graph, Module, generator, tensor
from course.explorer import explore, trace
from course.explorer.folding import MANY
from course.modules import Add, Linear, Multiply, Negate, Sigmoid, Tanh
from tests.explorer import graphs

SIGMA = {"σ": ["n", "e", "d", "f"]}


def test_the_neuron_folds_into_one_sigmoid():
    case = graphs.neuron()
    flat, traced = trace(case.graph, case.inputs), trace(case.graph, case.inputs, fold=SIGMA)
    assert [node.id for node in traced.nodes] == ["a", "b", "c", "s", "σ"]
    folded = traced.nodes[-1]
    assert (folded.folds, folded.sign, folded.parents, folded.outputs) == (4, "σ", ("s",), ("f",))
    s = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
    torch.sigmoid(s).backward()
    assert folded.reads[0].local.numbers[0] == pytest.approx(s.grad.item(), rel=1e-12)
    assert folded.reads[0].contribution.numbers[0] == pytest.approx(s.grad.item(), rel=1e-12)
    for name in traced.values:
        assert traced.values[name].grad == flat.values[name].grad
    sentence = next(
        event.sentence for event in traced.events if event.node == "σ" and event.phase == "forward"
    )
    assert sentence == "f = σ(s) = σ(1) = 0.731"


def test_folding_and_unfolding_give_back_the_same_trace():
    case = graphs.mlp()
    explorer = explore(case.graph, **case.inputs)
    before = explorer.trace
    assert [part.id for part in before.parts] == ["a3"]
    explorer.fold("a3")
    assert [node.id for node in explorer.trace.nodes] == ["a1", "a2", "a3", "a4"]
    assert explorer.trace.values["a2"].grad == before.values["a2"].grad
    explorer.unfold("a3")
    assert explorer.trace == before
    with pytest.raises(ValueError, match="there is no part 'a9': there are a3"):
        explorer.fold("a9")


def test_a_part_read_from_several_places_sums_what_it_hands_back():
    graph = Graph("x", "y")
    graph.add("p", Multiply(), "x", "y")
    graph.add("q", Add(), "p", "x")
    graph.add("r", Multiply(), "q", "y")
    traced = trace(graph, {"x": 2.0, "y": 3.0}, fold={"all": ["p", "q", "r"]})
    (node,) = traced.nodes
    assert {read.source: read.contribution.numbers[0] for read in node.reads} == {"x": 12.0, "y": 14.0}
    assert {read.source: read.local.numbers[0] for read in node.reads} == {"x": 12.0, "y": 14.0}


class Constant(Module):
    def forward(self):
        self.save()
        return tensor(2.0)

    def backward(self, grad_output):
        return ()


def test_nodes_that_read_nothing_are_drawn_and_fold():
    graph = Graph("x")
    graph.add("c", Constant())
    graph.add("d", Negate(), "c")
    graph.add("f", Multiply(), "d", "x")
    explorer = explore(graph, fold={"p": ["c", "d"]}, x=tensor(3.0))
    assert [(node.id, node.parents) for node in explorer.trace.nodes] == [("p", ()), ("f", ("d", "x"))]
    assert explorer.trace.events[0].sentence == "d = p() = −2"
    explorer.unfold("p")
    assert [(node.id, node.parents) for node in explorer.trace.nodes] == [
        ("c", ()),
        ("d", ("c",)),
        ("f", ("d", "x")),
    ]
    assert explorer.trace.values["x"].grad.numbers == (-2.0,)


def test_large_networks_are_folded_at_first():
    rng = generator(0)
    block = [Chain(Linear(2, 2, rng=rng), Tanh(), Linear(2, 2, rng=rng), Tanh()) for _ in range(12)]
    explorer = explore(Chain(*block), x=[[0.5, -0.5]])
    assert MANY < 12 * 4
    assert [node.folds for node in explorer.trace.nodes] == [4] * 12
    explorer.unfold("a2")
    assert len(explorer.trace.nodes) == 15
    explorer.set(x=[[0.1, 0.2]])
    assert len(explorer.trace.nodes) == 15  # what was opened stays open


def test_nodes_of_a_part_are_brought_together():
    graph = Graph("x", "y")
    graph.add("a", Sigmoid(), "x")
    graph.add("b", Sigmoid(), "y")
    graph.add("c", Tanh(), "a")
    graph.add("d", Add(), "c", "b")
    traced = trace(graph, {"x": 1.0, "y": 2.0}, fold={"part": ["a", "c"]})
    assert [node.id for node in traced.nodes] == ["b", "part", "d"]


@pytest.mark.parametrize(
    ("fold", "message"),
    [
        ({"p": ["a", "zz"]}, "names 'zz', which is no node: there are a, b, c"),
        ({"a": ["a", "b"]}, "the name 'a' is taken"),
        ({"p": ["a"]}, "nothing to fold below two"),
        ({"p": ["a", "c"]}, "comes back through 'b'"),
        ({"p": ["a", "b"], "q": ["b", "c"]}, "cuts through part 'p'"),
    ],
)
def test_impossible_parts_say_why(fold, message):
    graph = Graph("x")
    graph.add("a", Tanh(), "x")
    graph.add("b", Tanh(), "a")
    graph.add("c", Tanh(), "b")
    with pytest.raises(ValueError, match=message):
        trace(graph, {"x": 1.0}, fold=fold)


def test_a_folded_part_tells_where_it_breaks_off():
    class Bad(Tanh):
        def forward(self, x):
            raise ZeroDivisionError("by zero")

    network = Chain(Chain(Tanh(), Bad(), Tanh()), Tanh())
    explorer = explore(network, x=1.0)
    explorer.fold("a1")
    assert explorer.trace.nodes[0].note == "a2: ZeroDivisionError: by zero"


def test_a_part_that_breaks_off_backward_shows_its_error_where_it_breaks_off():
    class TwoGradients(Tanh):
        def backward(self, grad_output):
            return grad_output, grad_output

    graph = Graph("x")
    graph.add("a", TwoGradients(), "x")
    graph.add("b", Multiply(), "a", "x")
    traced = trace(graph, {"x": 2.0}, fold={"p": ["a", "b"]})
    assert traced.nodes[0].note == "a: ValueError: backward returned 2 gradients for 1 inputs"
    assert [event.phase for event in traced.events] == ["forward", "backward", "backward", "failure"]
    assert [event.marks for event in traced.events] == [(), (), (), ("note:p",)]
