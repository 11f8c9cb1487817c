"""The gradient on its way back through a deep network, with and without a way around each layer."""

import math

import torch
from matplotlib import rc_context
from torch import Tensor

from course.containers.chain import Chain
from course.containers.residual import Residual
from course.device import device, generator
from course.figure import GRADIENT_COLOR, NEUTRAL_COLOR, STYLE, VALUE_COLOR, Figure
from course.figures.gradient_norm_by_depth import exponent, short
from course.figures.registry import figure
from course.module import Module
from course.modules import Linear, Tanh
from course.widgets import Slider

WIDTH, BATCH = 32, 16
LOW, HIGH = -15, 12
"""The powers of ten that are drawn; the label of a line that leaves them says where it went."""
LOOKS = {"residual": (VALUE_COLOR, "-"), "plain": (GRADIENT_COLOR, (0, (5, 2)))}
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@figure(lecture=8, live={"depth": (1, 50), "scale": Slider(0.05, 3.0, log=True)})
def residual_gradient(depth: int = 20, scale: float = 0.3, seed: int = 0) -> Figure:
    """Draw ‖∂L/∂x_l‖ from the output back to the first layer, for F(x) and x + F(x), F being Linear and Tanh.

    Source: He, Zhang, Ren, Sun: Identity mappings in deep residual networks, ECCV (2016).

    Args:
        depth: how many layers.
        scale: of the weights, whose standard deviation is scale / √n.
        seed: of weights, inputs and the gradient at the output.
    """
    if depth < 1:
        raise ValueError(f"a network of depth {depth} has no layers: it must be at least 1")
    if scale < 0:
        raise ValueError(f"scale={scale} is no size of weights: it must be 0 or more")
    norms = {kind: layer_norms(kind, depth, scale, seed) for kind in LOOKS}
    with rc_context(STYLE):
        figure = Figure(_describe(norms, depth, scale), width=11, height=5.2)
        figure.set_layout_engine("none")  # the axes stay where they are while the sliders move
        axes = figure.add_axes((0.095, 0.13, 0.66, 0.74))
        axes.set(xlim=(depth + 1, 1), ylim=(LOW, HIGH))
        axes.axhline(0, color=NEUTRAL_COLOR, linewidth=1)
        heights = _apart(*(exponent(norms[kind][0]) for kind in LOOKS))
        for (kind, (color, line)), height in zip(LOOKS.items(), heights, strict=True):
            powers = [max(exponent(norm), 2.0 * LOW) for norm in norms[kind]]
            axes.plot(range(1, depth + 2), powers, color=color, linestyle=line, linewidth=3)
            name = "x + F(x)" if kind == "residual" else "F(x)"
            axes.text(
                1.02, height, f"{name}: {short(norms[kind][0])}",
                transform=axes.get_yaxis_transform(), color=color, fontsize=17, va="center", weight="bold",
            )  # fmt: skip
        marks = range(LOW, HIGH + 1, 3)
        axes.set_yticks(list(marks), [f"10{str(n).translate(RAISED)}" for n in marks])
        axes.set_xticks(sorted({depth + 1, 1}), ["layer 1", "output"])
        axes.set_xlabel("backward →", labelpad=-4)
        axes.set_ylabel("‖∂L/∂x‖, 1 at the output")
        paths = f"{2**depth:,}" if depth <= 20 else f"2{str(depth).translate(RAISED)}"
        axes.set_title(
            f"{depth} layers, weights × {scale:.3g}: one path back through F, {paths} with the ways around",
            pad=14,
        )
    return figure


def network(kind: str, depth: int, scale: float, seed: int = 0) -> Chain:
    """`depth` times Linear and Tanh, each with a way around it if `kind` is "residual"; in float64."""
    rng = generator(seed)
    blocks: list[Module] = []
    for _ in range(depth):
        linear = Linear(WIDTH, WIDTH, bias=False)
        linear.weight.value = scale * WIDTH**-0.5 * _normal(rng, WIDTH)
        block = Chain(linear, Tanh())
        blocks.append(Residual(block) if kind == "residual" else block)
    return Chain(*blocks)


def layer_norms(kind: str, depth: int, scale: float, seed: int = 0) -> list[float]:
    """‖∂L/∂x_l‖ of the input x_l of each layer l = 1 … depth, then of the output, where it is 1."""
    chain, rng = network(kind, depth, scale, seed), generator(1000 + seed)
    x, grad = _normal(rng, BATCH), _normal(rng, BATCH)
    chain(x)
    grad = grad / grad.norm()
    norms = [grad.norm()]
    for block in reversed(chain.modules):  # as Chain.backward does, looking at each gradient on the way
        grad = block.backward(grad)
        norms.append(grad.norm())
    return torch.stack(norms[::-1]).tolist()


def _normal(rng: torch.Generator, rows: int) -> Tensor:
    return torch.randn(rows, WIDTH, generator=rng, device=device(), dtype=torch.float64)


def _apart(first: float, second: float) -> tuple[float, float]:
    """Heights for two labels, within the picture and not on top of each other."""
    places = [min(max(height, LOW + 0.7), HIGH - 0.7) for height in (first, second)]
    lack = max(0.0, 2.0 - abs(places[0] - places[1])) / 2
    up = math.copysign(lack, places[0] - places[1] or 1.0)
    return places[0] + up, places[1] - up


def _describe(norms: dict[str, list[float]], depth: int, scale: float) -> str:
    return (
        f"Two lines of the gradient's norm, on a logarithmic axis, from the output of {depth} layers, where "
        f"it is 1, to the "
        f"first one; weights times {scale:.3g}. Through plain layers F(x) {short(norms['plain'][0])} is "
        f"left, with a way "
        f"around each, x + F(x), {short(norms['residual'][0])}."
    )
