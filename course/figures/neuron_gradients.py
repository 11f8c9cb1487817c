"""A neuron that reads a digit, and its gradients as pictures.

Multiply swaps, so that one gradient is the other factor.
"""

import functools
from dataclasses import dataclass

import numpy as np
import torch
from matplotlib import rc_context

from course.containers.chain import Chain
from course.data import digits
from course.device import generator
from course.figure import GRADIENT_COLOR, NEUTRAL_COLOR, STYLE, VALUE_COLOR, Figure
from course.figures.registry import figure
from course.modules import BCEWithLogitsLoss, Linear, Sigmoid
from course.optim import SGD

SIDE = 8
PAIR = (3, 8)
"""The neuron's output is the probability of the second against the first."""
STEPS, RATE = 60, 0.5
"""Steps of gradient descent on all examples at once, enough to tell nearly all apart, and their size."""


@dataclass(frozen=True, kw_only=True)
class NeuronGradients:
    """What one neuron holds, reads and hands back, each over the 8 × 8 pixels."""

    image: np.ndarray
    weight: np.ndarray
    grad_image: np.ndarray
    grad_weight: np.ndarray
    label: int
    f: float


@functools.cache
def threes_and_eights() -> tuple[torch.Tensor, torch.Tensor]:
    """All threes and eights of the digits: pixels, and 1 for an eight."""
    data = digits()
    chosen = (data.targets == PAIR[0]) | (data.targets == PAIR[1])
    return data.inputs[chosen], (data.targets[chosen] == PAIR[1]).to(data.inputs.dtype)


@functools.cache
def reader() -> Linear:
    """The neuron's weighted sum, trained to tell threes from eights."""
    pixels, eights = threes_and_eights()
    linear, loss = Linear(SIDE**2, 1, rng=generator(0)), BCEWithLogitsLoss()
    optimizer = SGD(linear.parameters(), lr=RATE)
    for _ in range(STEPS):
        linear.zero_grad()
        loss(linear(pixels), eights[:, None])
        linear.backward(loss.backward(torch.ones((), device=pixels.device))[0])
        optimizer.step()
    return linear


def read(example: int) -> NeuronGradients:
    """Forward and backward of the trained neuron on one image, starting from 1 at its output."""
    pixels, eights = threes_and_eights()
    linear = reader()
    neuron = Chain(linear, Sigmoid())
    neuron.zero_grad()
    f = neuron(pixels[example][None])
    grad_image = neuron.backward(torch.ones_like(f))
    return NeuronGradients(
        image=_picture(pixels[example]),
        weight=_picture(linear.weight.value),
        grad_image=_picture(grad_image),
        grad_weight=_picture(linear.weight.grad),
        label=PAIR[int(eights[example])],
        f=f.item(),
    )


def _picture(pixels: torch.Tensor) -> np.ndarray:
    return pixels.detach().cpu().double().reshape(SIDE, SIDE).numpy()


@figure(lecture=3, live={"example": (0, 40)})
def neuron_gradients(example: int = 1) -> Figure:
    """Draw a digit x and the weights w of a neuron f = σ(w·x + b), and below them ∂f/∂x and ∂f/∂w.

    Args:
        example: which of the threes and eights the neuron reads.

    Raises:
        ValueError: there is no such example.
    """
    count = len(threes_and_eights()[0])
    if not 0 <= example < count:
        raise ValueError(
            f"example {example} does not exist: there are {count} threes and eights, from 0 to {count - 1}"
        )
    neuron = read(example)
    slope, article = neuron.f * (1 - neuron.f), "an" if neuron.label == 8 else "a"
    alt = (
        f"Four pictures of 8 by 8 pixels. Above, an image x of {article} {neuron.label} and the neuron's "
        f"weights w. Below, "
        f"∂f/∂x looks like the weights, and ∂f/∂w like the image, both scaled by the slope of the sigmoid, "
        f"{slope:.3f}, since "
        f"f is {neuron.f:.3f}."
    )
    with rc_context({**STYLE, "axes.grid": False}):
        figure = Figure(alt, width=9.5, height=6.2)
        (image, weight), (grad_image, grad_weight) = figure.subplots(2, 2)
        for axes, pixels, title, color in (
            (image, neuron.image, f"x: {article} {neuron.label}", VALUE_COLOR),
            (weight, neuron.weight, "w: the weights", VALUE_COLOR),
            (grad_image, neuron.grad_image, "∂f/∂x = (1 − σ)σ · w", GRADIENT_COLOR),
            (grad_weight, neuron.grad_weight, "∂f/∂w = (1 − σ)σ · x", GRADIENT_COLOR),
        ):
            most = max(float(np.abs(pixels).max()), 1e-12)
            shown = axes.imshow(pixels, cmap="RdBu", vmin=-most, vmax=most)
            axes.set_title(title, color=color, fontsize=16)
            axes.set_xticks([])
            axes.set_yticks([])
            bar = figure.colorbar(shown, ax=axes, ticks=[-most, 0, most], format="{x:.2g}", shrink=0.85)
            bar.outline.set_visible(False)
        figure.supxlabel(
            f"f = σ(w·x + b) = {neuron.f:.3f}: the probability of an {PAIR[1]}",
            color=NEUTRAL_COLOR,
            fontsize=14,
        )
    return figure
