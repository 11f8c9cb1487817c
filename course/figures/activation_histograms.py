"""What the units of a deep network put out, layer by layer, before any training.

The outputs may be spread, shrunk or stuck at the ends.
"""

import functools

import numpy as np
import torch
from matplotlib import rc_context
from matplotlib.axes import Axes
from torch import Tensor

from course.data import digits
from course.device import device, generator
from course.figure import GRADIENT_COLOR, NEUTRAL_COLOR, STYLE, VALUE_COLOR, Figure
from course.figures.gate_patterns import show
from course.figures.registry import figure
from course.figures.saturation import ACTIVATIONS, SATURATED
from course.modules import Linear
from course.widgets import Slider

WIDTH, EXAMPLES, PANELS, BINS = 64, 256, 6, 41


@figure(
    lecture=6,
    live={
        "activation": ["Tanh", "Sigmoid", "ReLU", "SELU"],
        "depth": (2, 30),
        "scale": Slider(0.1, 10.0, log=True),
    },
)
def activation_histograms(
    activation: str = "Tanh", depth: int = 10, scale: float = 1.0, seed: int = 0
) -> Figure:
    """Draw histograms of the outputs of a chain of Linear and activation that reads real digits.

    At most six of its layers are shown.

    Args:
        activation: one of ACTIVATIONS.
        depth: how many times Linear and activation follow one another.
        scale: weights are drawn with deviation scale/√n from a normal distribution, n being the number of
            inputs.
        seed: of the weights.

    Raises:
        ValueError: there is no such activation, or no layer.
    """
    if activation not in ACTIVATIONS:
        raise ValueError(f"no activation is called '{activation}': there are {', '.join(ACTIVATIONS)}")
    if depth < 1:
        raise ValueError(f"a chain of depth {depth} has no layers: it must be at least 1")
    outputs, flat = layer_outputs(activation, depth, scale, seed)
    shown = sorted({round(place) for place in np.linspace(0, depth - 1, min(PANELS, depth))})
    with rc_context({**STYLE, "axes.grid": False}):
        figure = Figure(_describe(activation, scale, outputs, flat, shown), width=12.6, height=4.9)
        figure.set_layout_engine("none")  # the axes stay where they are while the sliders move
        places = {"left": 0.03, "right": 0.985, "top": 0.7, "bottom": 0.15, "wspace": 0.12}
        ends = _ends([outputs[layer] for layer in shown])
        for axes, layer in zip(
            figure.subplots(1, len(shown), squeeze=False, gridspec_kw=places)[0], shown, strict=True
        ):
            _draw(axes, outputs[layer], ends)
            mean, deviation = (
                show(round(float(number), 2)) for number in (outputs[layer].mean(), outputs[layer].std())
            )
            title = f"layer {layer + 1}\nmean {mean}\ndeviation {deviation}"
            axes.set_title(title, fontsize=14)
            color = GRADIENT_COLOR if flat[layer] > 0.05 else NEUTRAL_COLOR
            axes.text(
                0.5,
                0.97,
                f"{flat[layer]:.0%} flat",
                transform=axes.transAxes,
                ha="center",
                va="top",
                color=color,
            )
            axes.set_xlabel("output", fontsize=14)
        first, last = (show(outputs[layer].std()) for layer in (0, -1))
        summary = f"the outputs' deviation goes from {first} in layer 1 to {last} in layer {depth}"
        figure.suptitle(f"{activation}, weights × {scale:.3g}: {summary}", fontsize=17, y=0.975)
    return figure


@functools.lru_cache(maxsize=64)
def layer_outputs(
    activation: str, depth: int, scale: float, seed: int
) -> tuple[list[np.ndarray], list[float]]:
    """All outputs of each layer, and the share of them where |f′| is below SATURATED."""
    value: Tensor = digits(dtype=torch.float64).standardize().inputs[:EXAMPLES]
    outputs, flat = [], []
    for layer in range(depth):
        linear, bend = Linear(WIDTH, WIDTH, bias=False), ACTIVATIONS[activation]()
        linear.weight.value = scale * WIDTH**-0.5 * _normal(layer, seed)
        value = bend(linear(value))
        slope = bend.backward(torch.ones_like(value))
        outputs.append(value.flatten().cpu().numpy())
        flat.append((slope.abs() < SATURATED).double().mean().item())
    return outputs, flat


@functools.lru_cache(maxsize=256)
def _normal(layer: int, seed: int) -> Tensor:
    rng = generator(1000 * seed + layer)
    return torch.randn(WIDTH, WIDTH, generator=rng, device=device(), dtype=torch.float64)


def _ends(outputs: list[np.ndarray]) -> tuple[float, float]:
    """From the least output to the largest, but for one in a thousand on either side."""
    low = min(float(np.quantile(output, 0.001)) for output in outputs)
    high = max(float(np.quantile(output, 0.999)) for output in outputs)
    room = 0.06 * (high - low) or 1.0
    return low - room, high + room


def _draw(axes: Axes, numbers: np.ndarray, ends: tuple[float, float]) -> None:
    counts, edges = np.histogram(np.clip(numbers, *ends), bins=BINS, range=ends)
    shares = counts / counts.sum()
    axes.bar(edges[:-1], shares, width=np.diff(edges), align="edge", color=VALUE_COLOR)
    axes.set(xlim=ends, ylim=(0, 1.3 * shares.max()), yticks=[])
    axes.locator_params(axis="x", nbins=3)
    axes.spines["left"].set_visible(False)
    if ends[0] < 0 < ends[1]:
        axes.axvline(0, color=NEUTRAL_COLOR, linewidth=1, linestyle=":", zorder=0)


def _describe(
    activation: str, scale: float, outputs: list[np.ndarray], flat: list[float], shown: list[int]
) -> str:
    listed = "; ".join(
        f"layer {layer + 1}: mean {show(outputs[layer].mean())}, deviation {show(outputs[layer].std())}, "
        f"{flat[layer]:.0%} where the slope is below {SATURATED:g}"
        for layer in shown
    )
    return (
        f"Histograms of the outputs of {len(shown)} of {len(outputs)} layers of Linear({WIDTH}) and "
        f"{activation}, weights "
        f"times {scale:.3g}, untrained, that read {EXAMPLES} digits. {listed}."
    )
