"""The LSTM through time: torch.nn's states, torch.autograd's gradients, and σ(bias) as the share kept."""

import numpy as np
import pytest
import torch

from course.figures._lstm_memory import WRITE, cells, memory, sequence
from course.figures._matrix import shade
from course.figures.lstm_gates import lstm_gates


@pytest.mark.parametrize("forget_bias", [-1.0, 2.0, 6.0])
def test_states_and_gradients_are_torchs(forget_bias):
    steps = 12
    found, x = memory(forget_bias, steps), sequence(steps)
    ours, plain = cells(forget_bias)
    lstm, rnn = torch.nn.LSTMCell(3, 1), torch.nn.RNNCell(3, 1, bias=False)
    lstm.load_state_dict(ours.state_dict())
    rnn.load_state_dict(plain.state_dict())
    h, c, s = torch.zeros(1), torch.zeros(1), torch.zeros(1)
    memories, states = [], []
    with torch.enable_grad():
        for x_t in x:
            h, c = lstm(x_t, (h, c))
            c.retain_grad()  # what h was made from is this c, so that its gradient counts both ways
            memories.append(c)
            s = rnn(x_t, s)
            s.retain_grad()
            states.append(s)
        (h + s).backward()
    np.testing.assert_allclose(found.cell, [c.item() for c in memories], atol=1e-6)
    np.testing.assert_allclose(found.state, [s.item() for s in states], atol=1e-6)
    np.testing.assert_allclose(found.rnn, [abs(s.grad.item()) for s in states], rtol=1e-4)
    inner = [abs(c.grad.item()) for c in memories[:-1]]  # torch counts c_T's way through h_T inside the cell
    np.testing.assert_allclose(found.lstm[:-1], inner, rtol=1e-4)
    assert found.lstm[-1] == pytest.approx(
        found.gates["o"][-1] * (1 - np.tanh(found.cell[-1]) ** 2), rel=1e-4
    )


@pytest.mark.parametrize("forget_bias", [-1.0, 1.0, 4.0])
def test_what_is_kept_is_the_forget_gates_power(forget_bias):
    found = memory(forget_bias, 25)
    sigma = 1 / (1 + np.exp(-forget_bias))
    assert found.kept == pytest.approx(sigma ** (25 - WRITE), rel=1e-3)


def test_gates_open_at_their_signals():
    gates = memory(4.0, 20).gates
    assert np.flatnonzero(gates["i"] > 0.5).tolist() == [WRITE - 1]
    assert np.flatnonzero(gates["f"] < 0.5).tolist() == [WRITE - 1]
    assert np.flatnonzero(gates["o"] > 0.5).tolist() == [19]


def test_the_lstm_outlasts_the_rnn_where_it_keeps():
    keeping, losing = memory(6.0, 40), memory(0.0, 40)
    assert keeping.lstm[WRITE - 1] > 100 * keeping.rnn[WRITE - 1]
    assert losing.lstm[WRITE - 1] < losing.rnn[WRITE - 1]


def test_curves_carry_the_data():
    figure = lstm_gates(3.0, 15)
    found = memory(3.0, 15)
    gates, state, norms = figure.axes
    np.testing.assert_allclose(
        gates.images[0].get_array(), shade(np.stack([found.gates[name] for name in "ifo"]), 1.0)
    )
    np.testing.assert_allclose([line.get_ydata() for line in state.lines[:2]], [found.cell, found.state])
    np.testing.assert_allclose(
        [line.get_ydata() for line in norms.lines[:2]], np.log10([found.lstm, found.rnn])
    )
    assert f"keeps {100 * found.kept:.2g}% of what step {WRITE} wrote" in figure.get_suptitle()


def test_hardly_anything_is_said_in_words():
    assert "keeps less than 0.1%" in lstm_gates(-2.0).get_suptitle()


def test_too_short_a_sequence_is_refused():
    with pytest.raises(ValueError, match="steps=6"):
        lstm_gates(steps=6)
