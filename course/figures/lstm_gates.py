"""An LSTM through time: its gates write, keep and read a number; the gradient lasts as long as the memory."""

from collections.abc import Iterable

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes

from course.figure import GRADIENT_COLOR, NEUTRAL_COLOR, STYLE, VALUE_COLOR, Figure, apart
from course.figures._labels import label_powers, time_ticks
from course.figures._lstm_memory import WRITE, Memory, memory
from course.figures._matrix import shade
from course.figures.registry import figure

FAINTEST = 1e-30


@figure(lecture=13, live={"forget_bias": (-2.0, 8.0), "steps": (10, 60)})
def lstm_gates(forget_bias: float = 4.0, steps: int = 30, seed: int = 0) -> Figure:
    """Draw an LSTM's gates, its memory of one value, and how its gradient and a plain RNN's travel back.

    Source: Hochreiter, Schmidhuber: Long short-term memory, Neural Computation 9 (1997); Gers, Schmidhuber,
    Cummins: Learning to forget: continual prediction with LSTM, Neural Computation 12 (2000).

    Args:
        forget_bias: the bias of the forget gate; f is σ(forget_bias) but where something is written.
        steps: the number T of time steps.
        seed: for the values that are not to be remembered.

    Raises:
        ValueError: the sequence ends before there is anything to remember.
    """
    if steps < WRITE + 2:
        raise ValueError(f"steps={steps}: step {WRITE} is to be remembered, so take at least {WRITE + 2}")
    trace = memory(forget_bias, steps, seed)
    forget, kept = (
        trace.gates["f"][-1],
        f"{100 * trace.kept:.2g}%" if trace.kept > 0.001 else "less than 0.1%",
    )
    lstm, rnn = trace.lstm[WRITE - 1], trace.rnn[WRITE - 1]
    alt = (
        f"One unit of an LSTM over {steps} steps. At step {WRITE} the input gate opens and "
        f"{trace.cell[WRITE - 1]:.2f} is "
        f"written; the forget gate stands at {forget:.4g}, so that {kept} of it is left when the output gate "
        f"opens at the end. "
        f"The gradient at step {WRITE} is {lstm:.1e} for the LSTM's cell state, {rnn:.1e} for a plain RNN's "
        f"state."
    )
    with rc_context(STYLE):
        figure = Figure(alt, width=11, height=5.2)
        figure.set_layout_engine("none")  # the places are fixed, so that nothing jumps while a slider moves
        _draw_gates(figure.add_axes((0.105, 0.62, 0.325, 0.22)), trace)
        _draw_states(figure.add_axes((0.105, 0.13, 0.325, 0.38)), trace)
        _draw_norms(figure.add_axes((0.6, 0.13, 0.39, 0.71)), trace)
        figure.suptitle(
            f"f = {forget:.4g}: the LSTM keeps {kept} of what step {WRITE} wrote", fontsize=17, y=0.975
        )
    return figure


def _draw_gates(axes: Axes, trace: Memory) -> None:
    gates, steps = np.stack([trace.gates[name] for name in "ifo"]), len(trace.cell)
    axes.imshow(
        shade(gates, 1.0), aspect="auto", extent=(0.5, steps + 0.5, 2.5, -0.5), interpolation="nearest"
    )
    axes.hlines([0.5, 1.5], 0.5, steps + 0.5, color=NEUTRAL_COLOR, linewidth=0.8)
    axes.grid(False)
    axes.set(
        yticks=[0, 1, 2],
        yticklabels=["input i", "forget f", "output o"],
        xticks=time_ticks(steps),
        title="gates: dark is open",
    )
    axes.text(WRITE + 0.9, 0, "write", va="center")
    axes.text(steps - 0.8, 2, "read", va="center", ha="right")


def _draw_states(axes: Axes, trace: Memory) -> None:
    curves = (("LSTM c$_t$", trace.cell, VALUE_COLOR, "-"), ("RNN h$_t$", trace.state, NEUTRAL_COLOR, "--"))
    _draw_pair(axes, curves, (-1.05, 1.05), first=False)
    axes.set(xlim=(0.5, len(trace.cell) + 0.5), yticks=[-1, 0, 1], ylabel="state", xlabel="time step t")


def _draw_norms(axes: Axes, trace: Memory) -> None:
    lstm, rnn = np.log10(trace.lstm + FAINTEST), np.log10(trace.rnn + FAINTEST)
    _draw_pair(
        axes,
        (("LSTM", lstm, GRADIENT_COLOR, "o-"), ("RNN", rnn, NEUTRAL_COLOR, "s--")),
        (-8.0, 1.0),
        first=True,
    )
    axes.set(xlim=(1 - 0.2 * len(lstm), 1.02 * len(lstm)), xlabel="time step t   (backward: right to left)")
    axes.set(title="|∂L/∂c$_t$| of the LSTM, |∂L/∂h$_t$| of the RNN")
    label_powers(axes)


def _draw_pair(
    axes: Axes, curves: Iterable[tuple[str, np.ndarray, str, str]], limits: tuple[float, float], first: bool
) -> None:
    """Two curves with their names, beside the first steps or the last ones."""
    heights = apart([values[0 if first else -1] for _, values, _, _ in curves], *limits, 0.1)
    for (name, values, color, style), height in zip(curves, heights, strict=True):
        steps = len(values)
        axes.plot(range(1, steps + 1), values, style, color=color, ms=5)
        place, side = (1 - 0.03 * steps, "right") if first else (1.03 * steps + 0.5, "left")
        axes.text(place, height, name, color=color, va="center", ha=side, fontweight="bold")
        axes.set(xticks=time_ticks(steps), ylim=limits)
    axes.axvline(WRITE, color=NEUTRAL_COLOR, linestyle=":", linewidth=1.2, zorder=0)
