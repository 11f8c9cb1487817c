"""The Jacobian of a trained network at one flower, and what it promises when a measurement moves a little."""

import functools
from typing import Any

import torch
from matplotlib import rc_context
from matplotlib.axes import Axes
from torch import Tensor

from course import Chain, generator
from course.data import Dataset, iris
from course.device import tensor
from course.figure import GRADIENT_COLOR, NEUTRAL_COLOR, STYLE, VALUE_COLOR, Figure
from course.figures._matrix import draw_matrix
from course.figures._threads import one_thread
from course.figures.gate_patterns import show
from course.figures.jacobian import jacobian_rows
from course.figures.registry import figure
from course.module import Module
from course.modules import EuclideanLoss, Linear, Sigmoid, Softmax
from course.optim import Adam
from course.training import fit

FEATURES = ("sepal length", "sepal width", "petal length", "petal width")


@figure(lecture=4, live={"flower": (0, 149), "feature": list(FEATURES), "nudge": (-1.0, 1.0)})
def iris_jacobian(
    flower: int = 77, feature: str = "petal width", nudge: float = 0.2, model: Module | None = None
) -> Figure:
    """Draw ∂p/∂x of a classifier of irises at one flower, and p before and after a change in a measurement.

    The measurement is moved by `nudge` cm.

    Args:
        flower: its number, from 0 to 149.
        feature: the measurement that is moved.
        nudge: by how much, in cm.
        model: takes rows of four measurements and gives rows of three probabilities; a small trained network
            when left out.

    Raises:
        ValueError: there is no such flower or measurement.
    """
    data = flowers()
    if not 0 <= flower < len(data):
        raise ValueError(f"flower {flower} is not in the data: choose 0 to {len(data) - 1}")
    if feature not in FEATURES:
        raise ValueError(f"irises have no '{feature}': choose {', '.join(FEATURES)}")
    before, slopes, after = nudged(trained() if model is None else model, flower, feature, nudge)
    promised = before + slopes[:, FEATURES.index(feature)] * nudge
    kind = data.target_names[int(data.targets[flower])]
    with rc_context({**STYLE, "axes.grid": False}):
        figure = Figure(
            _describe(flower, kind, feature, nudge, before, slopes, after), width=12.6, height=5.2
        )
        figure.set_layout_engine("none")  # the axes stay where they are while a slider moves
        off = (after - promised).abs().max().item()
        moved = show(nudge) if nudge < 0 else f"+{show(nudge)}"
        title = (
            f"flower {flower}, {kind}; {feature} {moved} cm: the Jacobian's promise is off by at most "
            f"{off:.2f}"
        )
        figure.suptitle(title, fontsize=17)
        _draw_jacobian(
            figure.add_axes((0.01, 0.05, 0.55, 0.8)), slopes, FEATURES.index(feature), data.target_names
        )
        _draw_bars(figure.add_axes((0.63, 0.13, 0.36, 0.68)), before, promised, after, data.target_names)
    return figure


@functools.cache
def flowers() -> Dataset:
    """The 150 irises in float64, in cm."""
    return iris(dtype=torch.float64)


@functools.cache
def trained(epochs: int = 60) -> Chain:
    """Four measurements, eight sigmoid units, three probabilities.

    The network is trained with the Euclidean loss to the true species.
    """
    rng, data = generator(0), flowers()
    net = Chain(Linear(4, 8, rng=rng), Sigmoid(), Linear(8, 3, rng=rng), Softmax(dim=1)).to(
        dtype=torch.float64
    )
    wanted = torch.eye(3, dtype=torch.float64, device=data.targets.device)[data.targets]
    with one_thread():
        fit(
            net,
            EuclideanLoss(),
            Adam(net.parameters(), lr=0.03),
            (data.inputs, wanted),
            epochs=epochs,
            progress=False,
        )
    return net


def nudged(model: Module, flower: int, feature: str, nudge: float) -> tuple[Tensor, Tensor, Tensor]:
    """One flower's probabilities, their Jacobian there, and the probabilities after moving a measurement."""
    x = flowers().inputs[flower : flower + 1]
    step = tensor([[nudge * (name == feature) for name in FEATURES]], torch.float64)
    after = model(x + step)[0].cpu()
    before, rows = jacobian_rows(model, (x,))
    return torch.tensor(before, device="cpu", dtype=torch.float64), torch.from_numpy(rows), after


def _draw_jacobian(axes: Axes, slopes: Tensor, chosen: int, species: tuple[str, ...]) -> None:
    axes.axis("off")
    axes.set(xlim=(-1.15, 4.05), ylim=(3.6, -0.75), autoscale_on=False)
    draw_matrix(axes, slopes.numpy(), 0, 0, largest=max(0.3, float(slopes.abs().max())), fontsize=20)
    for row, name in enumerate(species):
        axes.text(-0.08, row + 0.5, name, ha="right", va="center", fontsize=16, color=VALUE_COLOR)
    for column, name in enumerate(FEATURES):
        look: dict[str, Any] = (
            {"weight": "bold", "color": "black"} if column == chosen else {"color": NEUTRAL_COLOR}
        )
        axes.text(column + 0.5, -0.08, name.replace(" ", "\n"), ha="center", va="bottom", fontsize=15, **look)
    axes.text(2, 3.15, "∂p/∂x, per cm", ha="center", va="top", fontsize=16, color=GRADIENT_COLOR)
    axes.plot(
        [chosen, chosen + 1, chosen + 1, chosen, chosen],
        [0, 0, 3, 3, 0],
        color="black",
        linewidth=3,
        zorder=4,
    )


def _draw_bars(axes: Axes, before: Tensor, promised: Tensor, after: Tensor, species: tuple[str, ...]) -> None:
    places = range(len(species))
    axes.bar(places, after.tolist(), width=0.6, color=VALUE_COLOR, alpha=0.55, label="after the nudge")
    wide = {"linewidth": 3, "color": "black", "zorder": 3}
    axes.hlines(before.tolist(), [p - 0.4 for p in places], [p + 0.4 for p in places], label="before", **wide)
    axes.plot(
        places,
        promised.tolist(),
        "D",
        ms=13,
        color=GRADIENT_COLOR,
        mec="white",
        mew=1.5,
        zorder=4,
        label="p + J Δx",
    )
    axes.axhline(0, color=NEUTRAL_COLOR, linewidth=1)
    axes.set(ylim=(-0.45, 1.45), xlim=(-0.6, 2.6), ylabel="probability p")
    axes.set_xticks(places, species)
    axes.set_xlabel("species")
    axes.set_yticks([0, 0.5, 1])
    axes.legend(loc="upper center", ncols=3, frameon=False, fontsize=13, columnspacing=1.0, handletextpad=0.4)


def _describe(
    flower: int, kind: str, feature: str, nudge: float, before: Tensor, slopes: Tensor, after: Tensor
) -> str:
    listed = [
        ", ".join(f"{number:.2f}" for number in numbers.tolist()) for numbers in (before, after, *slopes)
    ]
    return (
        f"Left, a heat map of three rows, one for each species, and four columns, one for each measurement: "
        f"the Jacobian of a "
        f"trained network at flower {flower}, {kind}, with rows ({listed[2]}), ({listed[3]}), ({listed[4]}). "
        f"Right, its three "
        f"probabilities: {listed[0]} before, and {listed[1]} when {feature} is moved by {nudge:.2f} cm, "
        f"beside those that "
        "the Jacobian promises."
    )
