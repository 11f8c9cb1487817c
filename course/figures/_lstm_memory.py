"""One number in an LSTM cell, written, kept and read, and gradients on its way: what `lstm_gates` draws."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from course.containers.unroll import Unroll
from course.device import generator, tensor
from course.modules import LSTMCell, RNNCell

WRITE = 5
"""The step whose value is to be remembered; the last step is the one that reads."""


@dataclass(frozen=True)
class Memory:
    """For every step: the gates, the states and the gradients.

    These are the gates i, f, o, the cell state c, the RNN's state h, and |∂L/∂c_t| and |∂L/∂h_t|.
    """

    gates: dict[str, np.ndarray]
    cell: np.ndarray
    state: np.ndarray
    lstm: np.ndarray
    rnn: np.ndarray

    @property
    def kept(self) -> float:
        """∂c_T/∂c_t of the step that was written: what is left of it at the end."""
        return self.lstm[WRITE - 1] / self.lstm[-1]


def cells(forget_bias: float) -> tuple[LSTMCell, RNNCell]:
    """One unit each, with set weights, for inputs (value, write?, read?).

    The LSTM's gates listen to the signals: write opens i and closes f, read opens o. The RNN has no gates;
    its recurrent weight is 1, so that nothing but the slope of tanh shrinks its gradient.
    """
    lstm, rnn = LSTMCell(3, 1), RNNCell(3, 1, bias=False)
    # i, f, z, o lie in this order
    lstm.weight_ih.value = tensor([[0, 8, 0], [0, -12, 0], [2, 0, 0], [0, 0, 8]])
    lstm.weight_hh.value = torch.zeros_like(lstm.weight_hh.value)
    assert lstm.bias_ih is not None
    assert lstm.bias_hh is not None
    lstm.bias_ih.value, lstm.bias_hh.value = (
        tensor([-4, forget_bias, 0, -4]),
        torch.zeros_like(lstm.bias_hh.value),
    )
    rnn.weight_ih.value, rnn.weight_hh.value = tensor([[1, 0, 0]]), tensor([[1]])
    return lstm, rnn


def sequence(steps: int, seed: int = 0) -> Tensor:
    """Values between −0.6 and 0.6 that nobody asked for, among them one 0.9 with the signal to write.

    The sequence is read at the end.
    """
    rng = generator(seed)
    x = torch.zeros(steps, 3, device=rng.device)
    x[:, 0] = 1.2 * torch.rand(steps, generator=rng, device=rng.device) - 0.6
    x[WRITE - 1, 0], x[WRITE - 1, 1], x[-1, 2] = 0.9, 1, 1
    return x


def memory(forget_bias: float, steps: int, seed: int = 0) -> Memory:
    """Run both cells over the sequence, forward and, from L = h_T, backward.

    ∂L/∂c_t counts both ways in which c_t acts on the loss: into c_{t+1}, and through h_t.
    """
    lstm, rnn = cells(forget_bias)
    x, times = sequence(steps, seed), range(1, steps + 1)
    graph, plain = Unroll(lstm).graph(steps), Unroll(rnn).graph(steps)
    zero = x.new_zeros(1)
    nothing = [zero] * (steps - 1)
    graph(*x, zero, zero)
    graph.backward(*nothing, zero + 1, zero)
    plain(*x, zero)
    plain.backward(*nothing, zero + 1)
    saved = [graph.nodes[f"step {t}"].module.saved for t in times]
    through_h = [
        graph.grads[f"h{t}"] * kept["o"] * (1 - kept["tanh_c"] ** 2) for t, kept in enumerate(saved, 1)
    ]
    return Memory(
        gates={name: _line([kept[name] for kept in saved]) for name in ("i", "f", "o")},
        cell=_line([graph.values[f"c{t}"] for t in times]),
        state=_line([plain.values[f"h{t}"] for t in times]),
        lstm=np.abs(_line([graph.grads[f"c{t}"] + more for t, more in enumerate(through_h, 1)])),
        rnn=np.abs(_line([plain.grads[f"h{t}"] for t in times])),
    )


def _line(tensors: list[Tensor]) -> np.ndarray:
    return torch.cat(tensors).cpu().double().numpy()
