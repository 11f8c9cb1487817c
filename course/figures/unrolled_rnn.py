"""How long the gradient lasts in an unrolled recurrent network: the spectral radius of W_hh decides it."""

from dataclasses import dataclass

import numpy as np
import torch
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.patches import Circle
from torch import Tensor

from course.containers.graph import Graph
from course.device import generator
from course.figure import GRADIENT_COLOR, NEUTRAL_COLOR, STYLE, VALUE_COLOR, Figure, apart
from course.figures._labels import label_powers, time_ticks
from course.figures.registry import figure
from course.module import Module
from course.modules import Add, Linear, RNNCell

HIDDEN = 32
INPUT_SCALE = 0.1
"""Small inputs leave the tanh its slope of nearly 1; what it takes from the gradient then comes from the
growing state."""


@dataclass(frozen=True)
class Flow:
    """‖∂L/∂h_t‖ for t = 1 … steps, with tanh and without; ρ^(T−t); and the eigenvalues of W_hh."""

    tanh: np.ndarray
    linear: np.ndarray
    predicted: np.ndarray
    eigenvalues: np.ndarray


def flow(radius: float, steps: int, matrix: str = "rotation", seed: int = 0) -> Flow:
    """Run forward and backward through `steps` copies of a cell whose W_hh has the given spectral radius.

    L = u · h_T with a random unit vector u, so that the gradient starts with norm 1; inputs are normal and
    small.
    """
    rng = generator(seed)
    cell = RNNCell(HIDDEN, HIDDEN, rng=rng)
    weight = torch.randn(HIDDEN, HIDDEN, generator=rng, device=rng.device)
    if matrix == "rotation":
        weight = torch.linalg.qr(weight).Q
    eigenvalues = np.linalg.eigvals(weight.cpu().double().numpy())
    scale = float(radius / np.abs(eigenvalues).max())
    cell.weight_hh.value = weight * scale
    x = INPUT_SCALE * torch.randn(steps, HIDDEN, generator=rng, device=rng.device)
    u = torch.randn(HIDDEN, generator=rng, device=rng.device)
    u = u / u.norm()
    predicted = radius ** np.arange(steps - 1, -1, -1.0)
    return Flow(
        gradient_norms(cell, x, u), gradient_norms(linear_cell(cell), x, u), predicted, eigenvalues * scale
    )


def linear_cell(cell: RNNCell) -> Graph:
    """The same cell without its tanh, with the same weights."""
    from_input, from_state = (
        Linear(cell.input_size, cell.hidden_size),
        Linear(cell.hidden_size, cell.hidden_size),
    )
    from_input.weight, from_input.bias = cell.weight_ih, cell.bias_ih
    from_state.weight, from_state.bias = cell.weight_hh, cell.bias_hh
    graph = Graph("x", "h")
    graph.add("from input", from_input, "x")
    graph.add("from state", from_state, "h")
    graph.add("sum", Add(), "from input", "from state")
    return graph


def gradient_norms(cell: Module, x: Tensor, u: Tensor) -> np.ndarray:
    """‖∂L/∂h_t‖ for every step of the loop, unrolled into a graph; L = u · h_T."""
    times = range(1, len(x) + 1)
    graph = Graph(*(f"x{t}" for t in times), "h0")
    for t in times:
        graph.add(f"h{t}", cell.share(), f"x{t}", f"h{t - 1}")
    graph(*x, torch.zeros_like(u))
    graph.backward(u)
    return np.array([graph.grads[f"h{t}"].double().norm().item() for t in times])


@figure(lecture=13, live={"radius": (0.5, 1.5), "steps": (5, 60), "matrix": ["rotation", "random"]})
def unrolled_rnn(radius: float = 0.8, steps: int = 30, matrix: str = "rotation", seed: int = 0) -> Figure:
    """Draw ‖∂L/∂h_t‖ against t for a tanh cell and the same cell without tanh.

    The picture also has ρ^(T−t) beside them, and W_hh's eigenvalues.

    Source: Hochreiter: Untersuchungen zu dynamischen neuronalen Netzen (1991); Pascanu, Mikolov, Bengio: On
    the difficulty of training recurrent neural networks, ICML (2013).

    Args:
        radius: the spectral radius ρ of W_hh.
        steps: the number T of time steps.
        matrix: W_hh is a scaled "rotation", whose eigenvalues are all of size ρ, or "random", where ρ is the
            largest.
        seed: for weights, inputs and the loss.

    Raises:
        ValueError: a radius that is not above 0, fewer than two steps, or an unknown matrix.
    """
    if radius <= 0 or steps < 2:
        raise ValueError(
            f"radius={radius}, steps={steps}: take a radius above 0 and at least 2 steps for a "
            f"gradient to travel"
        )
    if matrix not in ("rotation", "random"):
        raise ValueError(f"matrix={matrix!r}: choose 'rotation' or 'random'")
    flows = flow(radius, steps, matrix, seed)
    linear, tanh = _fate(flows.linear), _fate(flows.tanh)
    what = (
        f"on its way back the gradient {tanh}"
        if linear == tanh
        else f"without tanh the gradient {linear}, with tanh it {tanh}"
    )
    alt = (
        f"The norm of the gradient at {steps} time steps on a logarithmic axis, from 1 at the last step back "
        f"to the first. "
        f"With spectral radius {radius:.3g} it is predicted to end at {flows.predicted[0]:.1e}: {what}. "
        f"Computed, it ends at "
        f"{flows.linear[0]:.1e} without tanh, at {flows.tanh[0]:.1e} with tanh. Beside it the {HIDDEN} "
        f"eigenvalues of W_hh "
        "and the unit circle."
    )
    with rc_context(STYLE):
        figure = Figure(alt, width=10.5, height=4.6)
        figure.set_layout_engine("none")  # the places are fixed, so that nothing jumps while a slider moves
        left, right = figure.add_axes((0.09, 0.15, 0.59, 0.72)), figure.add_axes((0.765, 0.17, 0.225, 0.52))
        _draw_norms(left, flows)
        figure.suptitle(f"ρ = {radius:.2f}: {what}", fontsize=17, y=0.97)
        _draw_eigenvalues(right, flows.eigenvalues)
    return figure


def _fate(norms: np.ndarray) -> str:
    return "vanishes" if norms[0] < 0.5 else "explodes" if norms[0] > 2 else "lasts"


def _draw_norms(axes: Axes, flows: Flow) -> None:
    steps = len(flows.tanh)
    t = np.arange(1, steps + 1)
    curves = (
        ("no tanh", flows.linear, VALUE_COLOR, "s-"),
        ("ρ$^{T-t}$", flows.predicted, NEUTRAL_COLOR, "--"),
        ("tanh", flows.tanh, GRADIENT_COLOR, "o-"),
    )
    reach = np.log10(1.5) * (steps - 1) + 1  # as far up as down, at least as far as radius 1.5 goes
    low, high = -max(reach, 1 - np.log10(flows.tanh.min())), max(reach, 1 + np.log10(flows.linear.max()))
    heights = apart([float(np.log10(norms[0])) for _, norms, _, _ in curves], low, high)
    for (name, norms, color, marks), height in zip(curves, heights, strict=True):
        axes.plot(
            t,
            np.log10(norms),
            marks,
            color=color,
            ms=4 if steps > 35 else 6,
            zorder=3 if marks == "--" else 2,
        )
        axes.text(
            1 - 0.025 * steps,
            height,
            name,
            color=color,
            va="center",
            ha="right",
            fontweight="bold",
            fontsize=15,
        )
    axes.set(xlim=(1 - 0.22 * steps, steps + 0.03 * steps), ylim=(low, high))
    label_powers(axes)
    axes.set(
        xticks=time_ticks(steps),
        xlabel="time step t   (backward runs from right to left)",
        ylabel="‖∂L/∂h$_t$‖",
    )


def _draw_eigenvalues(axes: Axes, eigenvalues: np.ndarray) -> None:
    axes.add_patch(Circle((0, 0), 1, fill=False, edgecolor=NEUTRAL_COLOR, linewidth=1.5, linestyle="--"))
    axes.plot(np.real(eigenvalues), np.imag(eigenvalues), "o", color=VALUE_COLOR, ms=6, alpha=0.8)
    axes.set(xlim=(-1.65, 1.65), ylim=(-1.65, 1.65), aspect="equal", xticks=[-1, 0, 1], yticks=[-1, 0, 1])
    axes.set(
        xlabel="real part", ylabel="imaginary part", title="eigenvalues of W$_{hh}$\nand the unit circle"
    )
