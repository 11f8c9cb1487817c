"""What can be explored: networks within networks, loops, a student's class, plain torch.

What is said of the rest is tested, too.
"""

import pytest
import torch

from course import Chain, Graph, Module, Residual, Unroll, generator, tensor
from course.explorer import explore, trace
from course.modules import Add, Linear, LSTMCell, Multiply, ReLU, RNNCell, Tanh
from tests.explorer import graphs


def test_what_is_inside_becomes_nodes_in_parts():
    rng = generator(0)
    block = Graph("a", "b")
    block.add("s", Add(), "a", "b")
    block.add("t", Tanh(), "s")
    network = Graph("x")
    network.add("h", Chain(Linear(3, 3, rng=rng), Residual(Chain(Linear(3, 3, rng=rng), ReLU()))), "x")
    network.add("g", block, "h", "x")
    traced = trace(network, {"x": tensor([[1.0, 2.0, -1.0]])})
    assert [node.id for node in traced.nodes] == ["h/a1", "h/a2/h/a1", "h/a2/h/a2", "h/a2/a", "g/s", "g/t"]
    assert {part.id: (part.size, part.around) for part in traced.parts} == {
        "h": (4, ()), "h/a2": (3, ("h",)), "h/a2/h": (2, ("h", "h/a2")), "g": (2, ()),
    }  # fmt: skip
    assert traced.nodes[4].parents == ("h", "x")
    assert traced.outputs == ("g",)
    assert traced.values["h/a2/h/a1"].label == "a₁"
    assert not network.saved.filled  # the network itself was not touched


def test_a_loop_is_its_steps():
    rng = generator(1)
    cell = RNNCell(2, 3, rng=rng)
    x, h0 = torch.randn(4, 1, 2, generator=rng, device=rng.device), tensor([[0.0, 0.0, 0.0]])
    traced = trace(Unroll(cell), {"x": x, "h0": h0})
    assert [node.id for node in traced.nodes] == ["h1", "h2", "h3", "h4"]
    assert [parameter.uses for parameter in traced.shared] == [4] * 4
    assert all(not node.parameters and len(node.shared) == 4 for node in traced.nodes)
    # The gradient of a shared parameter is summed as the steps are gone back through.
    key = "grad:shared.weight_hh"
    sums = [array for event in traced.events for name, array in event.shows if name == key]
    assert len(sums) == 4
    unrolled = Unroll(cell)
    unrolled.forward(x, h0)
    cell.zero_grad()
    unrolled.backward(torch.ones(4, 1, 3, device=rng.device))
    torch.testing.assert_close(
        torch.tensor(sums[-1].numbers), cell.weight_hh.grad.flatten().double(), rtol=1e-5, atol=1e-7, check_device=False,
        check_dtype=False,
    )  # fmt: skip
    with pytest.raises(ValueError, match="no value is given for 'c0'"):
        trace(Unroll(LSTMCell(2, 3)), {"x": x, "h0": h0})


def test_torch_modules_fold_by_their_names():
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Linear(3, 4),
        torch.nn.Sequential(torch.nn.ReLU(), torch.nn.Linear(4, 2)),
        torch.nn.Softmax(dim=1),
    )
    x = torch.randn(2, 3)
    traced = trace(network, {"input": x})
    assert [node.op for node in traced.nodes] == ["linear", "relu", "linear", "softmax"]
    assert [part.id for part in traced.parts] == ["1"]
    assert [parameter.name for parameter in traced.nodes[0].parameters] == ["weight", "bias"]
    leaf = x.clone().requires_grad_()
    network(leaf)[:, 0].sum().backward()
    seed = torch.zeros(2, 2)
    seed[:, 0] = 1
    again = trace(network, {"input": x}, seed)
    torch.testing.assert_close(
        torch.tensor(again.values["input"].grad.numbers), leaf.grad.flatten(), rtol=1e-4, atol=1e-6
    )
    weights = torch.tensor(again.nodes[0].parameters[0].grad.numbers)
    torch.testing.assert_close(weights, network[0].weight.grad.flatten(), rtol=1e-4, atol=1e-6)


def test_numbers_in_a_torch_function_are_drawn_in_its_nodes():
    traced = trace(lambda x: 3 - x * 2, {"x": 5.0})
    assert [node.sign for node in traced.nodes] == ["×2", "3−"]
    assert [event.sentence for event in traced.events[:2]] == [
        "v₁ = x × 2 = 5 × 2 = 10",
        "v₂ = 3 − v₁ = 3 − 10 = −7",
    ]
    assert traced.values["x"].grad.numbers == (-2,)


def test_a_function_that_leaves_torch_has_no_graph():
    with pytest.raises(ValueError, match="no graph to draw"):
        trace(lambda x: torch.tensor(x.item() * 2), {"x": 1.0})


def test_things_without_a_forward_are_refused():
    with pytest.raises(TypeError, match="needs forward and backward"):
        trace(object(), {"x": 1.0})


def test_a_graph_that_has_run_needs_no_inputs():
    case = graphs.product()
    with pytest.raises(ValueError, match="the graph has never run"):
        explore(case.graph)
    case.graph(tensor(-2.0), tensor(5.0), tensor(-4.0))
    assert explore(case.graph).trace.values["f"].value.numbers == (-12.0,)


class Mismatch(Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.save(x=x)
        return x @ torch.ones(5, 3, dtype=x.dtype, device=x.device)

    def backward(self, grad_output: torch.Tensor) -> torch.Tensor:
        return grad_output


def test_a_forward_that_breaks_off_is_marked_at_its_node():
    graph = Graph("x")
    graph.add("h", Tanh(), "x")
    graph.add("bad", Mismatch(), "h")
    graph.add("out", Tanh(), "bad")
    traced = trace(graph, {"x": [[1.0, 2.0]]})
    assert "cannot be multiplied" in traced.failure
    assert [bool(node.note) for node in traced.nodes] == [False, True, False]
    assert traced.values["out"].value is None
    assert [event.phase for event in traced.events] == ["forward", "failure"]
    assert "forward of bad (Mismatch) breaks off: RuntimeError" in traced.events[-1].sentence
    assert traced.events[-1].marks == ("note:bad",)


class WrongShape(Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.save(x=x)
        return x.sum()

    def backward(self, grad_output: torch.Tensor) -> torch.Tensor:
        return grad_output


def test_a_backward_that_breaks_off_keeps_what_came_before():
    graph = Graph("x")
    graph.add("h", WrongShape(), "x")
    graph.add("out", Tanh(), "h")
    traced = trace(graph, {"x": [1.0, 2.0]})
    assert traced.failure == "ValueError: backward returned shape () for 'x', which has shape (2,)"
    assert traced.values["h"].grad is not None
    assert traced.values["x"].grad is None
    assert traced.events[-1].phase == "failure"


def test_the_first_number_that_is_not_finite_is_marked():
    case = graphs.fraction()
    traced = trace(case.graph, {"x": float("inf"), "y": 1.0})
    assert [node.id for node in traced.nodes if node.note] == []  # it came in with the inputs
    graph = Graph("x", "y")
    graph.add("p", Multiply(), "x", "y")
    graph.add("q", Multiply(), "p", "p")
    graph.add("f", Multiply(), "q", "x")
    traced = trace(graph, {"x": 1e200, "y": 1.0})
    assert [(node.id, node.note) for node in traced.nodes if node.note] == [
        ("q", "here an infinite number appears first")
    ]
    assert next(event for event in traced.events if event.node == "q").sentence.endswith("appears first")


def test_too_many_nodes_say_what_to_fold():
    graph, read = Graph("x"), "x"
    for number in range(2500):
        graph.add(f"n{number}", Tanh(), read)
        read = f"n{number}"
    with pytest.raises(
        ValueError, match="2,500 nodes are too many to draw: put parts of the network into a Chain or a Graph"
    ):
        explore(graph, x=0.5)


@pytest.mark.slow
def test_five_thousand_nodes_in_parts_fold():
    network = Chain(*(Chain(*(Tanh() for _ in range(250))) for _ in range(20)))
    explorer = explore(network, x=0.5)
    assert len(explorer.trace.nodes) == 20
    assert {node.folds for node in explorer.trace.nodes} == {250}
    wanted = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    out = wanted
    for _ in range(5000):
        out = torch.tanh(out)
    out.backward()
    assert explorer.trace.values["x"].grad.numbers[0] == pytest.approx(wanted.grad.item(), rel=1e-9)


def test_a_torch_module_stays_as_it_was_and_draws_its_numbers_once():
    network = torch.nn.Sequential(torch.nn.BatchNorm1d(4), torch.nn.Dropout(0.5))
    before, state = (
        {name: value.clone() for name, value in network.state_dict().items()},
        torch.get_rng_state(),
    )
    traced = trace(network, {"input": torch.randn(6, 4, generator=torch.Generator().manual_seed(0))})
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)
    dropped, gradient = (
        torch.tensor(array.numbers) for array in (traced.values["v2"].value, traced.values["v1"].grad)
    )
    assert torch.equal(dropped == 0, gradient == 0)  # one mask, forward and backward
    assert 0 < (dropped == 0).sum() < 24
