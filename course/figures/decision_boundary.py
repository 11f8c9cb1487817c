"""Decision boundary: how a classifier divides the plane, at any moment of its training."""

from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes

from course.figure import NEUTRAL_COLOR, STYLE, VALUE_COLOR, Figure
from course.figures._points import draw_points, draw_regions, window
from course.figures._replay import Replay, replay
from course.figures.registry import figure

EPOCHS = 100


@figure(
    lecture=1,
    live={
        "epoch": (0, 100),
        "data": ["two moons", "circles", "spirals", "XOR"],
        "units": (1, 32),
        "activation": ["Tanh", "ReLU", "Sigmoid", "Identity"],
        "layers": [0, 1, 2, 3],
    },
)
def decision_boundary(
    data: str = "two moons",
    units: int = 8,
    activation: str = "Tanh",
    layers: int = 1,
    epoch: int = 40,
    seed: int = 0,
) -> Figure:
    """Draw the regions of a network of the course while it learns to tell two classes apart, beside its loss.

    It is trained when a choice is made for the first time, and kept epoch by epoch, so that the slider of
    time replays it.

    Args:
        data: the data set, of 200 points.
        units: in each hidden layer.
        activation: of the hidden layers.
        layers: how many hidden layers; 0 is a single unit, whose boundary is a line.
        epoch: how long it has trained, from 0 to 100.
        seed: of the noise in the data, the initial weights and the batches.

    Raises:
        ValueError: there is no such data set, activation or epoch.
    """
    if not 0 <= epoch <= EPOCHS:
        raise ValueError(f"epoch={epoch} was not trained: choose 0 to {EPOCHS}")
    run = replay(data, units, activation, layers=layers, epochs=EPOCHS, seed=seed)
    with rc_context(STYLE):
        figure = Figure(_describe(run, data, units, activation, layers, epoch), width=11.0, height=4.8)
        figure.set_layout_engine("constrained", w_pad=0.12)
        left, right = figure.subplots(1, 2, width_ratios=(1.35, 1))
        ends = window(run.data)
        draw_regions(left, run.at(epoch), ends)
        draw_points(left, run.data.inputs.cpu().numpy(), run.data.targets.cpu().numpy())
        left.set(xlim=ends[:2], ylim=ends[2:], xlabel="x₁", ylabel="x₂")
        left.set_title(
            f"after {epoch} epochs, {run.accuracies[epoch]:.0%} of the points lie in their class's region"
        )
        _draw_loss(right, run, epoch)
    return figure


def _draw_loss(axes: Axes, run: Replay, epoch: int) -> None:
    axes.plot(range(len(run.losses)), run.losses, color=NEUTRAL_COLOR, linewidth=1.4)
    axes.plot(range(epoch + 1), run.losses[: epoch + 1], color=VALUE_COLOR)
    axes.plot(epoch, run.losses[epoch], "o", color=VALUE_COLOR, ms=10)
    away = (-8, 8) if epoch > 0.7 * len(run.losses) else (8, 8)
    side = "right" if away[0] < 0 else "left"
    label: dict[str, Any] = {
        "textcoords": "offset points",
        "ha": side,
        "color": VALUE_COLOR,
        "weight": "bold",
    }
    axes.annotate(f"{run.losses[epoch]:.3f}", (epoch, run.losses[epoch]), away, **label)
    axes.set(xlabel="epoch", ylabel="loss (cross-entropy)", xlim=(-2, len(run.losses) + 1))
    axes.set_ylim(0, 1.15 * max(run.losses))
    axes.set_title("the loss on the way")


def _describe(run: Replay, data: str, units: int, activation: str, layers: int, epoch: int) -> str:
    what = (
        "a single unit"
        if layers == 0
        else (f"{layers} hidden layer{'s' * (layers > 1)} of {units} {activation} units")
    )
    return (
        f"Left, 200 points of the data set {data}, class 0 as blue circles, class 1 as orange triangles, "
        f"over the regions in "
        f"which a network with {what} sees them after {epoch} epochs; {run.accuracies[epoch]:.0%} lie in the "
        f"region of their "
        f"class, and a black line runs between the regions. Right, its loss by epoch, from "
        f"{run.losses[0]:.3f} at first to "
        f"{run.losses[epoch]:.3f} now and {run.losses[-1]:.3f} after {len(run.losses) - 1} epochs."
    )
