"""One activation function above its derivative, with the zones shaded where next to no gradient passes."""

import torch
from matplotlib import rc_context
from matplotlib.axes import Axes

from course.device import device, generator, tensor
from course.figure import GRADIENT_COLOR, NEUTRAL_COLOR, STYLE, VALUE_COLOR, Figure
from course.figures._slope import value_and_slope
from course.figures.gate_patterns import show
from course.figures.registry import figure
from course.figures.saturation import ACTIVATIONS, SATURATED, Zone, make_activation, zones
from course.modules import NoisyReLU

ZONE_COLOR, ZONE_INK = "#F4DDD2", "#7A2C07"

__all__ = ["ACTIVATIONS", "activation"]


@figure(lecture=6, live={"drag": "at", "at": (-6.0, 6.0), "name": list(ACTIVATIONS)})
def activation(name: str = "Tanh", at: float = 1.0, reach: float = 6.0, seed: int = 0) -> Figure:
    """Draw f above f′, shade the saturated zones, and mark the point `at` with its value, slope and tangent.

    Args:
        name: one of ACTIVATIONS. NoisyReLU's line is without the noise; dots show one forward and backward
            pass with it.
        at: the x that is marked.
        reach: the curves run from −reach to reach.
        seed: of the noise.
    """
    module = make_activation(name)
    grid = torch.linspace(-reach, reach, 961, dtype=torch.float64, device=device())
    curves = [curve.tolist() for curve in value_and_slope(module, grid)]
    value, slope = (number.item() for number in value_and_slope(module, tensor([at], torch.float64)))
    stretches = zones(name, reach)
    with rc_context(STYLE):
        figure = Figure(_describe(name, at, value, slope, stretches, reach), width=10, height=5.6)
        figure.set_layout_engine("none")  # the axes stay where they are while the point is dragged
        places = {"left": 0.11, "right": 0.97, "top": 0.93, "bottom": 0.11, "hspace": 0.1}
        top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(1.4, 1), gridspec_kw=places)
        for axes, curve, point, color, label in (
            (top, curves[0], value, VALUE_COLOR, "f"),
            (bottom, curves[1], slope, GRADIENT_COLOR, "f′"),
        ):
            for zone in stretches:
                axes.axvspan(zone.low, zone.high, color=ZONE_COLOR, linewidth=0, zorder=0)
            axes.axhline(0, color=NEUTRAL_COLOR, linewidth=1)
            axes.axvline(at, color=NEUTRAL_COLOR, linewidth=1.2, linestyle=":")
            axes.plot(grid.tolist(), curve, color=color, linewidth=3)
            axes.plot([at], [point], "o", color=color, ms=11, zorder=5, clip_on=False)
            low, high = min(0, *curve), max(0, *curve)
            headroom = high + 0.36 * (high - low)
            axes.set(xlim=(-reach, reach), ylim=(low - 0.1 * (high - low), headroom))
            axes.set_ylabel(f"{label}(x)", color=color, fontsize=16)
            axes.yaxis.set_label_coords(-0.075, 0.5)
            _write(axes, f"{label}({show(at)}) = {show(point)}", at, headroom, color, left=at > 0.3 * reach)
        run = reach / 5
        tangent = [value - run * slope, value + run * slope]
        top.plot(
            [at - run, at + run],
            tangent,
            color=GRADIENT_COLOR,
            linestyle=(0, (4, 2)),
            linewidth=2.2,
            zorder=4,
        )
        _name_zones(bottom, stretches, reach)
        if isinstance(module, NoisyReLU):
            noisy = NoisyReLU(rng=generator(seed))
            for axes, dots in zip((top, bottom), value_and_slope(noisy, grid[::6].float()), strict=True):
                axes.plot(grid[::6].tolist(), dots.tolist(), ".", color=NEUTRAL_COLOR, ms=6, zorder=1)
            top.text(
                -0.5 * reach, 0.5 * reach, "dots: with noise", ha="center", color=NEUTRAL_COLOR, fontsize=15
            )
        top.set_title(f"{name}{' without noise' * isinstance(module, NoisyReLU)}: {_point(stretches, reach)}")
        bottom.set_xlabel("x, the number that comes in")
    return figure


def _write(axes: Axes, text: str, x: float, y: float, color: str, *, left: bool) -> None:
    """In the free space above the curve, beside the dotted line."""
    look = {"color": color, "fontsize": 16, "weight": "bold", "zorder": 6}
    place = {
        "xytext": (-10 if left else 10, -6),
        "textcoords": "offset points",
        "ha": "right" if left else "left",
    }
    axes.annotate(text, (x, y), va="top", **place, **look)


def _name_zones(axes: Axes, stretches: list[Zone], reach: float) -> None:
    """Name the zones inside where there is room, else beside.

    The derivative is near 0 there, so half-way up is free.
    """
    gap, height = reach / 60, 0.45 * sum(axes.get_ylim())
    for zone in stretches:
        if zone.high - zone.low > 0.3 * reach:
            place, name, side, paper = (zone.low + zone.high) / 2, zone.name, "center", ZONE_COLOR
        elif zone.low == -reach:
            place, name, side, paper = zone.high + gap, f"← {zone.name}", "left", "white"
        else:
            place, name, side, paper = zone.low - gap, f"{zone.name} →", "right", "white"
        look = {
            "color": ZONE_INK,
            "fontsize": 15,
            "bbox": {"facecolor": paper, "edgecolor": "none", "pad": 1},
        }
        axes.text(place, height, name, ha=side, va="center", **look)


def _point(stretches: list[Zone], reach: float) -> str:
    flat = [zone for zone in stretches if zone.name != "turns"]
    if not flat:
        return f"no saturated zone for |x| ≤ {show(reach)}"
    sides = " and ".join(f"x < {show(z.high)}" if z.low == -reach else f"x > {show(z.low)}" for z in flat)
    return (
        f"no gradient passes where {sides}"
        if all(z.name == "f′ = 0" for z in flat)
        else f"saturated (|f′| < {SATURATED:g}) where {sides}"
    )


def _describe(name: str, at: float, value: float, slope: float, stretches: list[Zone], reach: float) -> str:
    listed = [f"{zone.name} from {show(zone.low)} to {show(zone.high)}" for zone in stretches] or ["none"]
    return (
        f"{name} as a curve over x from {show(-reach)} to {show(reach)}, its derivative below. Shaded zones, "
        f"where |f′| is "
        f"below {SATURATED:g}: {'; '.join(listed)}. At x = {show(at)} the value is {show(value)}, the slope "
        f"{show(slope)}, "
        "drawn as a tangent."
    )
