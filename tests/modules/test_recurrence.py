"""Recurrent cells and the LSTM beside torch's: options in all combinations, states given or not.

Hostile inputs are tested, too.
"""

import itertools

import pytest
import torch
from torch import Tensor, nn

from course import DtypeError, RankError, SizeError, Unroll, generator
from course.module import as_tuple
from course.modules import LSTM, GRUCell, LSTMCell, RNNCell
from tests.against_torch import compare, same


def randn(*shape: int, seed: int = 0) -> Tensor:
    rng = generator(seed)
    return torch.randn(shape, dtype=torch.float64, generator=rng, device=rng.device)


def call_cell(cell: nn.Module, x: Tensor, *state: Tensor):
    return cell(x, state if len(state) > 1 else next(iter(state), None))


CELLS = {
    "tanh": (lambda bias: RNNCell(3, 4, bias), lambda bias: nn.RNNCell(3, 4, bias), 1),
    "relu": (lambda bias: RNNCell(3, 4, bias, "relu"), lambda bias: nn.RNNCell(3, 4, bias, "relu"), 1),
    "lstm": (lambda bias: LSTMCell(3, 4, bias), lambda bias: nn.LSTMCell(3, 4, bias), 2),
    "gru": (lambda bias: GRUCell(3, 4, bias), lambda bias: nn.GRUCell(3, 4, bias), 1),
}
each_cell = pytest.mark.parametrize("name", CELLS)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("given", [True, False])
@pytest.mark.parametrize("batch", [(5,), (1,), (0,), ()], ids=["five", "one", "empty", "unbatched"])
@each_cell
def test_a_cell_in_every_combination(name, batch, given, bias):
    ours, theirs, states = CELLS[name]
    inputs = [randn(*batch, 3), *(randn(*batch, 4, seed=s + 1) for s in range(states * given))]
    compare(ours(bias), theirs(bias), inputs, call_theirs=call_cell)


@pytest.mark.parametrize("factor", [1e3, -1e3, 0.0])
@each_cell
def test_a_saturated_cell(name, factor):
    ours, theirs, states = CELLS[name]
    compare(
        ours(True),
        theirs(True),
        [factor * randn(5, 3), *(randn(5, 4, seed=s + 1) for s in range(states))],
        call_theirs=call_cell,
        atol=1e-13 + 1e-15 * abs(factor),  # x times a slope 1 − tanh², which rounds to some 1e-16
    )


@each_cell
def test_a_cell_takes_what_is_not_contiguous(name):
    ours, theirs, states = CELLS[name]
    compare(
        ours(True),
        theirs(True),
        [randn(3, 5).T, *(randn(4, 5, seed=s + 1).T for s in range(states))],
        call_theirs=call_cell,
    )


@each_cell
def test_initial_values_lie_in_torchs_range(name):
    ours, _, _ = CELLS[name]
    sizes = torch.cat([parameter.value.abs().flatten() for parameter in ours(True).parameters()])
    assert 0.6 * 4**-0.5 < sizes.max() <= 4**-0.5  # 36 uniform numbers all below 0.6 of it: once in 10⁸


def test_a_gradient_may_come_through_h_or_c_alone():
    x, h, c = randn(5, 3), randn(5, 4, seed=1), randn(5, 4, seed=2)
    theirs = nn.LSTMCell(3, 4, dtype=torch.float64)
    ours = LSTMCell(3, 4).to(dtype=torch.float64)
    ours.load_state_dict(theirs.state_dict())
    leaves = [t.clone().requires_grad_() for t in (x, h, c)]
    outputs = theirs(leaves[0], (leaves[1], leaves[2]))
    ours(x, h, c)
    grad = randn(5, 4, seed=3)
    for place, given in enumerate(((grad,), (None, grad))):
        for mine, true in zip(
            ours.backward(*given),
            torch.autograd.grad(outputs[place], leaves, grad, retain_graph=True),
            strict=True,
        ):
            same(mine, true, "gradient", 1e-10, 1e-13)


OPTIONS = [
    dict(zip(("num_layers", "bias", "batch_first", "bidirectional", "proj_size"), values, strict=True))
    for values in itertools.product([1, 3], [True, False], [True, False], [True, False], [0, 2])
]


def call_lstm(lstm: nn.Module, x: Tensor, *state: Tensor):
    return lstm(x, state or None)


@pytest.mark.parametrize("kind", ["state", "no state", "unbatched"])
@pytest.mark.parametrize("options", OPTIONS, ids=[str(i) for i in range(len(OPTIONS))])
def test_the_lstm_in_every_combination(options, kind):
    batch = () if kind == "unbatched" else (2,)
    shape = (*batch, 5) if options["batch_first"] and batch else (5, *batch)
    count = options["num_layers"] * (1 + options["bidirectional"])
    states = [randn(count, *batch, options["proj_size"] or 4, seed=1), randn(count, *batch, 4, seed=2)]
    inputs = [randn(*shape, 3), *(states if kind != "no state" else [])]
    compare(
        LSTM(3, 4, **options), nn.LSTM(3, 4, **options, dtype=torch.float64), inputs, call_theirs=call_lstm
    )


def test_the_lstm_equals_its_cell_unrolled():
    x, h, c = randn(6, 2, 3), randn(1, 2, 4, seed=1), randn(1, 2, 4, seed=2)
    lstm = LSTM(3, 4, rng=generator(0)).to(dtype=torch.float64)
    cell = LSTMCell(3, 4).to(dtype=torch.float64)
    cell.load_state_dict({name.removesuffix("_l0"): value for name, value in lstm.state_dict().items()})
    unroll, grad = Unroll(cell), randn(6, 2, 4, seed=3)
    for ours, theirs in zip(lstm(x, h, c), unroll(x, h[0], c[0]), strict=True):
        same(ours.view(theirs.shape), theirs, "output", 1e-12, 1e-13)
    for ours, theirs in zip(lstm.backward(grad), unroll.backward(grad), strict=True):
        same(ours.view(theirs.shape), theirs, "gradient", 1e-10, 1e-13)
    for one, other in zip(lstm.parameters(), cell.parameters(), strict=True):
        same(one.grad, other.grad, "parameter", 1e-10, 1e-13)


def test_the_lstms_gradients_may_come_through_any_output():
    x = randn(4, 2, 3)
    theirs = nn.LSTM(3, 4, 2, dtype=torch.float64)
    ours = LSTM(3, 4, 2).to(dtype=torch.float64)
    ours.load_state_dict(theirs.state_dict())
    leaf = x.clone().requires_grad_()
    out, (h, c) = theirs(leaf)
    for place, output in enumerate((out, h, c)):
        ours(x)
        grad = randn(*output.shape, seed=place)
        given = [None, None, None]
        given[place] = grad  # pyright: ignore
        (true,) = torch.autograd.grad(output, leaf, grad, retain_graph=True)
        same(as_tuple(ours.backward(*given))[0], true, "gradient", 1e-10, 1e-13)


def test_with_a_dropout_of_one_nothing_passes_between_layers():
    theirs = nn.LSTM(3, 4, 2, dropout=1.0, dtype=torch.float64)
    compare(LSTM(3, 4, 2, dropout=1.0), theirs, [randn(5, 2, 3)], call_theirs=call_lstm)


def test_dropout_acts_between_layers_while_training():
    x = randn(4, 2, 3)
    lstm = LSTM(3, 8, 2, dropout=0.5, rng=generator(0)).to(dtype=torch.float64)
    out = lstm(x)[0]
    (mask,) = lstm.saved["masks"]
    assert set(mask.unique().tolist()) == {0.0, 2.0}
    plain = LSTM(3, 8, 2).to(dtype=torch.float64)
    plain.load_state_dict(lstm.state_dict())
    assert not torch.allclose(out, plain(x)[0])
    first, second = LSTM(3, 8).to(dtype=torch.float64), LSTM(8, 8).to(dtype=torch.float64)
    state = lstm.state_dict()
    first.load_state_dict({k: v for k, v in state.items() if k.endswith("_l0")})
    second.load_state_dict({k.replace("_l1", "_l0"): v for k, v in state.items() if k.endswith("_l1")})
    torch.testing.assert_close(second(first(x)[0] * mask)[0], out)
    grad = randn(*out.shape, seed=5)
    grad_between = as_tuple(second.backward(grad))[0] * mask
    same(
        as_tuple(lstm.backward(grad))[0], as_tuple(first.backward(grad_between))[0], "gradient", 1e-10, 1e-13
    )
    lstm.eval()
    torch.testing.assert_close(lstm(x)[0], plain(x)[0])


@pytest.mark.parametrize("shape", [(1, 1, 3), (5, 0, 3)], ids=["smallest", "empty batch"])
def test_smallest_and_empty_sequences(shape):
    compare(LSTM(3, 4), nn.LSTM(3, 4, dtype=torch.float64), [randn(*shape)], call_theirs=call_lstm)


WRONG = [
    (lambda: RNNCell(3, 4, nonlinearity="sin"), ValueError, "nonlinearity='sin', expected 'tanh' or 'relu'"),
    (
        lambda: LSTMCell(3, 4)(torch.ones(2, 5)),
        SizeError,
        r"LSTMCell: argument 'x' has shape \(2, "
        r"5\).*input_size=3",
    ),
    (
        lambda: GRUCell(3, 4)(torch.ones(2, 3), torch.ones(3, 4)),
        SizeError,
        r"'h' has shape \(3, 4\), expected \(2, hid",
    ),
    (lambda: RNNCell(3, 4)(torch.ones(2, 3).double()), DtypeError, "'x' holds float64"),
    (lambda: RNNCell(3, 4)(torch.tensor(1.0)), RankError, r"'x' has shape \(\)"),
    (lambda: LSTM(3, 4, proj_size=4), ValueError, "proj_size=4"),
    (lambda: LSTM(3, 4, 0), ValueError, "num_layers=0"),
    (lambda: LSTM(3, 4)(torch.ones(0, 2, 3)), SizeError, "expected at least one step in time"),
    (
        lambda: LSTM(3, 4)(torch.ones(5, 1, 2, 3)),
        RankError,
        r"'x' has shape \(5, 1, 2, 3\), expected \(time",
    ),
    (
        lambda: LSTM(3, 4)(torch.ones(5, 2, 3), torch.ones(2, 2, 4)),
        SizeError,
        r"'h0' has shape \(2, 2, 4\), expected \(1, 2",
    ),
]


@pytest.mark.parametrize(("call", "error", "message"), WRONG, ids=[str(i) for i in range(len(WRONG))])
def test_wrong_inputs_are_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("scale", [1e-1, 1e-3, 1e-5])
def test_small_inputs_lose_nothing_in_float32(scale):
    """Relative to what float64 gives: numbers near zero must not cancel away."""
    x = scale * randn(5, 2, 3)
    exact = LSTM(3, 4, bias=False, rng=generator(0)).to(dtype=torch.float64)
    single = LSTM(3, 4, bias=False, rng=generator(0))
    expected, out = exact(x)[0], single(x.float())[0]
    assert ((out.double() - expected).abs().max() / expected.abs().max()).item() < 2e-6
