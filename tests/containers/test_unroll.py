"""Loops in time: Unroll against torch's own loop, truncated and not, and Residual."""

import copy
import pickle

import pytest
import torch
from jaxtyping import Float
from torch import Tensor, nn

from course import Chain, Module, Residual, SizeError, Unroll
from course.checks import check_module
from course.modules import Linear, Sigmoid
from course.modules.registry import all_modules
from tests.against_torch import same

CELLS = {"RNNCell": 1, "GRUCell": 1, "LSTMCell": 2}
"""How many tensors each cell's state has."""


def torchs_loop(
    cell: nn.Module, x: Tensor, state: tuple[Tensor, ...], truncate: int | None
) -> tuple[Tensor, ...]:
    """What one writes in torch: a loop, and detach() after every `truncate` steps."""
    outputs = []
    for t, x_t in enumerate(x):
        if truncate and t and t % truncate == 0:
            state = tuple(s.detach() for s in state)
        after = cell(x_t, state if len(state) > 1 else state[0]) if state else cell(x_t)
        state = after if isinstance(after, tuple) else (after,)
        outputs.append(state[0])
    return torch.stack(outputs), *state


@pytest.mark.parametrize("given", [True, False], ids=["state", "no state"])
@pytest.mark.parametrize("truncate", [None, 1, 2, 3, 7, 100])
@pytest.mark.parametrize("name", CELLS)
def test_unrolled_cells_equal_torchs_loop(name, truncate, given):
    theirs = getattr(nn, name)(3, 4, dtype=torch.float64)
    cell = all_modules()[name](3, 4).to(dtype=torch.float64)
    cell.load_state_dict(theirs.state_dict())
    unroll = Unroll(cell, truncate=truncate)
    x = torch.randn(7, 5, 3, dtype=torch.float64)
    state = tuple(torch.randn(5, 4, dtype=torch.float64) for _ in range(CELLS[name] * given))
    leaves = [value.clone().requires_grad_() for value in (x, *state)]
    expected = torchs_loop(theirs, leaves[0], tuple(leaves[1:]), truncate)
    outputs = unroll(x, *state)
    upstream = [torch.randn_like(o) for o in outputs]
    grads = unroll.backward(*upstream)
    grads = grads if given else (grads,)
    for got, want in zip(outputs, expected, strict=True):
        same(got, want, "output", 1e-12, 1e-13)
    for got, want in zip(
        grads,
        torch.autograd.grad(expected, leaves, upstream, retain_graph=True, allow_unused=True),
        strict=True,
    ):
        same(got, want, "input gradient", 1e-10, 1e-13)
    torch.autograd.backward(expected, upstream)
    for (label, ours), parameter in zip(cell.named_parameters(), theirs.parameters(), strict=True):
        same(ours.grad, parameter.grad, label, 1e-10, 1e-13)


class Accumulator(Module):
    """s_t = θ (s_{t−1} + x_t): a cell of a student's own."""

    def __init__(self) -> None:
        self.inner = Linear(2, 2, bias=False)

    def forward(self, x: Float[Tensor, "batch 2"], s: Float[Tensor, "batch 2"]) -> Float[Tensor, "batch 2"]:
        self.save()
        return self.inner(x + s)

    def backward(self, grad_output):
        grad = self.inner.backward(grad_output)
        return grad, grad


def test_any_module_can_be_a_cell():
    report = check_module(Unroll(Accumulator()), (torch.randn(4, 3, 2), torch.randn(3, 2)))
    assert report.passed, str(report)


def test_gradients_of_outputs_or_of_the_final_state_may_be_left_out():
    unroll, x, s = Unroll(Accumulator()), torch.randn(4, 3, 2), torch.randn(3, 2)
    outputs, _ = unroll(x, s)
    grad = torch.randn_like(outputs)
    torch.testing.assert_close(unroll.backward(grad), unroll.backward(grad, torch.zeros_like(s)))
    torch.testing.assert_close(unroll.backward(None, s), unroll.backward(torch.zeros_like(grad), s))


def test_the_loop_as_a_graph_gives_the_same():
    unroll, x, s = Unroll(Accumulator()), torch.randn(4, 3, 2), torch.randn(3, 2)
    outputs, _ = unroll(x, s)
    grad = torch.randn_like(outputs)
    grad_x, grad_s = unroll.backward(grad)
    graph = unroll.graph(4)
    assert graph.inputs == ("x1", "x2", "x3", "x4", "s0")
    assert list(graph.nodes) == ["s1", "s2", "s3", "s4"]
    torch.testing.assert_close(torch.stack(graph(*x, s)), outputs)
    *grads_x, from_graph = graph.backward(*grad)
    torch.testing.assert_close(torch.stack(grads_x), grad_x)
    torch.testing.assert_close(from_graph, grad_s)
    assert len(list(graph.parameters())) == 1


def test_a_graph_of_an_lstm_names_both_states():
    graph = Unroll(all_modules()["LSTMCell"](2, 3)).graph(2)
    assert list(graph.nodes) == ["step 1", "step 2"]
    assert graph.outputs == ("h1", "h2", "c2")
    outputs = graph(torch.ones(1, 2), torch.ones(1, 2), torch.zeros(1, 3), torch.zeros(1, 3))
    assert [tuple(o.shape) for o in outputs] == [(1, 3)] * 3


@pytest.mark.parametrize(
    "clone", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))], ids=["deepcopy", "pickle"]
)
def test_state_survives_copying_between_forward_and_backward(clone):
    net = Unroll(Accumulator())
    x, s = torch.randn(3, 2, 2), torch.randn(2, 2)
    outputs, _ = net(x, s)
    twin = clone(net)
    grad = torch.randn_like(outputs)
    torch.testing.assert_close(twin.backward(grad), net.backward(grad))
    torch.testing.assert_close([p.grad for p in twin.parameters()], [p.grad for p in net.parameters()])
    assert twin.cell.inner.weight.value.data_ptr() != net.cell.inner.weight.value.data_ptr()


def test_modes_and_state_reach_the_cell():
    unroll = Unroll(Accumulator())
    assert list(unroll.state_dict()) == ["cell.inner.weight"]
    unroll.eval()
    unroll(torch.ones(1, 1, 2), torch.ones(1, 2))
    assert not unroll.saved["steps"][0].inner.training


def test_mistakes_are_named():
    unroll = Unroll(Accumulator())
    with pytest.raises(
        SizeError,
        match=r"'x' has shape \(0, 3, 2\), expected \(time, …\) with at least one "
        r"step",
    ):
        unroll(torch.ones(0, 3, 2), torch.ones(3, 2))
    with pytest.raises(
        SizeError,
        match=r"step 0: Accumulator: argument 's' has shape \(4, 2\), expected "
        r"\(batch=3, 2\)",
    ):
        unroll(torch.ones(1, 3, 2), torch.ones(4, 2))
    with pytest.raises(ValueError, match="truncate=0: a gradient flows back through at least 1 step"):
        Unroll(Accumulator(), truncate=0)
    with pytest.raises(RuntimeError, match="call forward before backward"):
        Unroll(Accumulator()).backward(torch.ones(1, 1, 2))


@pytest.mark.parametrize(
    "make",
    [
        lambda: Residual(Chain(Linear(3, 3), Sigmoid())),
        lambda: Residual(Linear(3, 2), Linear(3, 2, bias=False)),
    ],
    ids=["identity", "shortcut"],
)
def test_residual(make):
    report = check_module(make(), (torch.randn(4, 3),))
    assert report.passed, str(report)


def test_residual_refuses_what_does_not_add_up():
    with pytest.raises(
        SizeError,
        match=r"the module gives shape \(4, 2\), the shortcut \(4, 3\): pass a "
        r"shortcut",
    ):
        Residual(Linear(3, 2))(torch.ones(4, 3))
    module = Linear(2, 2)
    with pytest.raises(ValueError, match="share"):
        Residual(module, module)
