"""The explorer's numbers and words: against torch.autograd, and without a trace of tracing."""

import json

import pytest
import torch

from course import Chain, Graph, generator, tensor
from course.explorer import explore, trace
from course.explorer.wording import applied, cell_text, display_name, number_text, substitute
from course.modules import Add, CosineUnit, Exp, Linear, Multiply, Reciprocal, Sigmoid
from tests.explorer import graphs


def numbers(array) -> torch.Tensor:
    """What the trace holds of a tensor, row by row."""
    return torch.tensor(array.numbers, dtype=torch.float64)


def shown(tensor: torch.Tensor) -> torch.Tensor:
    """The part of a tensor that a trace holds: its first 8×8 numbers, leading dimensions as rows."""
    table = (
        tensor.detach().cpu().reshape(1, -1)
        if tensor.dim() < 2
        else tensor.detach().cpu().reshape(-1, tensor.shape[-1])
    )
    return table[:8, :8].flatten()


@pytest.mark.parametrize("name", graphs.ALL)
def test_values_and_gradients_equal_autograd(name):
    case = graphs.ALL[name]()
    traced = trace(case.graph, case.inputs)
    leaves = {
        name: torch.as_tensor(value, dtype=torch.float64).clone().requires_grad_()
        for name, value in case.inputs.items()
    }
    output = case.reference(**leaves)
    output.sum().backward()
    made = sum(numbers(traced.values[name].value) for name in traced.outputs)
    torch.testing.assert_close(made, shown(output), rtol=1e-12, atol=1e-15)
    for name, leaf in leaves.items():
        wanted = torch.zeros_like(leaf) if leaf.grad is None else leaf.grad
        torch.testing.assert_close(numbers(traced.values[name].grad), shown(wanted), rtol=1e-12, atol=1e-15)


def test_numbers_of_the_lecture():
    traced = trace(graphs.product().graph, {"x": -2, "y": 5, "z": -4})
    assert {name: value.value.numbers[0] for name, value in traced.values.items()} == {
        "x": -2,
        "y": 5,
        "z": -4,
        "q": 3,
        "f": -12,
    }
    assert {name: value.grad.numbers[0] for name, value in traced.values.items()} == {
        "x": -4,
        "y": -4,
        "z": 3,
        "q": -4,
        "f": 1,
    }
    case = graphs.neuron()
    traced = trace(case.graph, case.inputs)
    assert traced.values["f"].value.numbers[0] == pytest.approx(0.7310585786, abs=5e-11)
    gradients = {"w0": -0.1966119, "w1": -0.3932239, "w2": 0.1966119, "x0": 0.3932239, "x1": -0.5898358}
    for name, gradient in gradients.items():
        assert traced.values[name].grad.numbers[0] == pytest.approx(gradient, abs=5e-8)


@pytest.mark.parametrize("name", graphs.ALL)
def test_edges_add_up_to_each_gradient(name):
    case = graphs.ALL[name]()
    traced = trace(case.graph, case.inputs)
    for value in traced.values.values():
        parts = [
            numbers(read.contribution)
            for node in traced.nodes
            for read in node.reads
            if read.source == value.name
        ]
        if parts and value.name not in traced.outputs:
            torch.testing.assert_close(sum(parts), numbers(value.grad), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", ["product", "neuron", "fraction"])
def test_upstream_times_local_is_each_edges_part(name):
    case = graphs.ALL[name]()
    traced = trace(case.graph, case.inputs)
    edges = [(node, read) for node in traced.nodes for read in node.reads if read.source is not None]
    assert len(edges) >= 4
    for node, read in edges:
        upstream = traced.values[node.id].grad.numbers[0]
        assert upstream * read.local.numbers[0] == pytest.approx(read.contribution.numbers[0], rel=1e-12)


def test_events_run_forward_then_seed_then_backward():
    traced = trace(graphs.fraction().graph, {"x": 3, "y": -4})
    assert [event.phase for event in traced.events] == ["forward"] * 8 + ["backward"] * 14
    assert [event.node for event in traced.events[:8]] == [node.id for node in traced.nodes]
    assert traced.events[8].shows[0][0] == "grad:f"
    assert traced.events[8].shows[0][1].numbers == (1.0,)
    last = {key: array for event in traced.events for key, array in event.shows}
    for name, value in traced.values.items():
        assert last.get(f"grad:{name}", value.grad) == value.grad  # the last sum is the whole gradient


def test_sentences_say_the_arithmetic():
    words = [event.sentence for event in trace(graphs.product().graph, {"x": -2, "y": 5, "z": -4}).events]
    assert words[0] == "q = x + y = −2 + 5 = 3"
    assert words[1] == "f = q × z = 3 × (−4) = −12"
    assert words[3] == "∂f/∂q: upstream 1 × local z = −4 gives −4"
    words = [event.sentence for event in trace(graphs.fraction().graph, {"x": 3, "y": -4}).events]
    assert words[-1].startswith(
        "∂f/∂y += upstream 0.512 × local (1 − sy)·sy = 0.0177 gives 0.0090; the sum of 2 of 2 paths"
    )
    case = graphs.layer()
    words = [event.sentence for event in trace(case.graph, case.inputs).events]
    assert "times the Jacobian of Linear" in words[-1]
    assert "∂loss/∂weight and ∂loss/∂bias" in words[-1]


def test_constants_are_folded_into_the_sign():
    nodes = {node.id: node for node in trace(graphs.neuron().graph, graphs.neuron().inputs).nodes}
    assert nodes["d"].sign == "+1"
    assert [read.source for read in nodes["d"].reads] == ["e", None]
    assert nodes["f"].sign == "1/d"
    nodes = {node.id: node for node in trace(graphs.copies().graph, graphs.copies().inputs).nodes}
    assert (nodes["low"].sign, nodes["out"].sign) == ("1−", "×(−3)")


def test_tracing_leaves_no_trace():
    rng = generator(0)
    linear = Linear(3, 2, rng=rng)
    graph = Graph("x")
    graph.add("h", linear, "x")
    x = torch.randn(4, 3, generator=rng, device=rng.device)
    graph.forward(x)
    graph.backward(torch.ones(4, 2, device=rng.device))
    before = (
        [p.grad.clone() for p in graph.parameters()],
        dict(graph.values),
        dict(graph.grads),
        linear.saved["x"],
    )
    explored = explore(graph, x=2 * x)
    explored.set(x=3 * x)
    assert all(torch.equal(p.grad, grad) for p, grad in zip(graph.parameters(), before[0], strict=True))
    assert all(graph.values[name] is value for name, value in before[1].items())
    assert all(graph.grads[name] is grad for name, grad in before[2].items())
    assert linear.saved["x"] is before[3]


def test_parameters_have_their_own_gradients_not_sums_with_old_ones():
    case = graphs.layer()
    linear = case.graph.nodes["h"].module
    leaves = [parameter.value.clone().requires_grad_() for parameter in linear.parameters()]
    hidden = torch.sigmoid(case.inputs["x"] @ leaves[0].T + leaves[1])
    (0.5 * (case.inputs["target"] - hidden).square()).sum().backward()
    linear.weight.grad += 5
    parameters = trace(case.graph, case.inputs).nodes[0].parameters
    assert [parameter.name for parameter in parameters] == ["weight", "bias"]
    for parameter, leaf in zip(parameters, leaves, strict=True):
        torch.testing.assert_close(numbers(parameter.grad), shown(leaf.grad), rtol=1e-12, atol=1e-15)


def test_upstream_gradient_can_be_given():
    case = graphs.layer()
    upstream = torch.tensor([1.0, -2.0, 0.0, 3.0], dtype=torch.float64, device=case.inputs["x"].device)
    leaf = case.inputs["x"].clone().requires_grad_()
    case.reference(leaf, case.inputs["target"]).backward(upstream)
    traced = trace(case.graph, case.inputs, upstream)
    torch.testing.assert_close(numbers(traced.values["x"].grad), shown(leaf.grad), rtol=1e-12, atol=1e-15)
    assert numbers(traced.values["loss"].grad).tolist() == [1, -2, 0, 3]


def test_chains_and_single_modules():
    chained = trace(Chain(Linear(2, 3), Sigmoid(), Linear(3, 1)), {"x": [[1, 2]]})
    assert chained.inputs == ("x",)
    assert [node.id for node in chained.nodes] == ["a1", "a2", "a3"]
    single = trace(Multiply(), {"x": 2, "y": 3})
    assert single.values["x"].grad.numbers == (3.0,)
    assert trace(CosineUnit(), {"x": 0.5}).nodes[0].parameters[0].name == "theta"


def test_not_a_number_is_flagged_and_the_json_stays_valid():
    graph = Graph("x")
    graph.add("r", Reciprocal(), "x")
    graph.add("f", Multiply(), "r", "x")
    traced = trace(graph, {"x": 0.0})
    assert traced.values["r"].value.broken
    assert (traced.values["r"].value.text, traced.values["f"].value.text) == ("∞", "NaN")
    text = json.dumps(traced.to_json(), allow_nan=False)
    loaded = json.loads(text)
    assert loaded["arrays"][loaded["values"]["r"]]["numbers"] == ["Infinity"]
    array = trace(Exp(), {"x": [1.0, float("nan"), 1000.0]}).values["a"].value
    assert array.broken
    assert array.cells[1:] == ("?", "∞")
    assert array.largest == pytest.approx(2.718281828)


def test_large_tensors_are_cut_to_a_readable_corner():
    array = trace(Sigmoid(), {"x": torch.randn(30, 2, 50, device=tensor(0.0).device)}).values["x"].value
    assert (array.shape, array.rows, array.columns, len(array.numbers)) == ((30, 2, 50), 8, 8, 64)


def test_wrong_input_names_are_explained():
    graph = Graph("weight", "x")
    graph.add("f", Add(), "weight", "x")
    with pytest.raises(ValueError, match="'wieght' is not an input of this Graph; did you mean 'weight'"):
        explore(graph, wieght=1, x=2)
    with pytest.raises(ValueError, match=r"no value is given for input 'x': explore\(graph, weight=…, x=…\)"):
        explore(graph, weight=1)
    with pytest.raises(ValueError, match="ranges names 'z'"):
        explore(graph, weight=1, x=2, ranges={"z": (0, 1)})


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (-12, "−12"),
        (0.2, "0.200"),
        (0.73105, "0.731"),
        (-0.0358, "−0.0358"),
        (0.009, "0.0090"),
        (1.367, "1.37"),
        (123.45, "123.5"),
        (4.5e-5, "4.5e−5"),
        (-1234567.0, "−1.2e6"),
        (0, "0"),
        (float("nan"), "NaN"),
        (float("-inf"), "−∞"),
    ],
)
def test_numbers_for_reading(number, text):
    assert number_text(number) == text


def test_words_for_reading():
    assert display_name("w0") == "w₀"
    assert display_name("a_12") == "a₁₂"
    assert display_name("2nd") == "2nd"
    assert substitute("−1/x²", {"x": "den"}) == "−1/den²"
    assert substitute("max·x", {"x": "q"}) == "max·q"
    assert substitute("x·y", {"x": "y", "y": "x"}) == "y·x"
    assert applied("exp", ("x",), ("n",)) == "exp(n)"
    assert applied("1/x", ("x",), ("−2",)) == "1/(−2)"
    assert (cell_text(-0.0012, True), cell_text(-3.0, False), cell_text(3.0, False)) == ("−1e−3", "−", "")
