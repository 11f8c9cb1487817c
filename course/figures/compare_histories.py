"""Several trainings in one picture: the same curve of each, so that a choice is judged by its effects."""

import functools
from collections.abc import Mapping, Sequence

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from course import Chain, generator
from course.data import breast_cancer
from course.figure import PALETTE, STYLE, Figure, apart
from course.figures._threads import one_thread
from course.figures.gate_patterns import show
from course.figures.registry import figure
from course.modules import BCEWithLogitsLoss, Linear, Tanh
from course.optim import SGD
from course.training import History, accuracy, fit

LINES = ("-", (0, (5, 1.5)), (0, (1.5, 1)), (0, (6, 1.5, 1, 1.5)))
PARTS = {"training": "train", "validation": "validation"}


@figure(lecture=6)
def compare_histories(
    runs: Mapping[str, History] | None = None,
    curves: Sequence[str] = ("training loss", "validation accuracy"),
) -> Figure:
    """Draw one panel for each of `curves`, and in it one line for each training.

    Args:
        runs: what `fit` returned, by the name that stands beside the line; None: an example, three learning
            rates.
        curves: each "training" or "validation", and the name of the loss or of a metric.

    Raises:
        ValueError: there is no training to draw, one has no epoch, or a curve was not recorded in one of
            them.
    """
    runs = learning_rates() if runs is None else dict(runs)
    if not runs or not all(len(history) for history in runs.values()):
        raise ValueError(
            "there is no curve to draw: pass trainings of one epoch or more, as {'its name': history}"
        )
    panels = {
        curve: {name: _numbers(history, curve, name) for name, history in runs.items()} for curve in curves
    }
    with rc_context(STYLE):
        wide = 11.0 if len(panels) == 1 else 6.3 * len(panels)
        figure = Figure(_describe(panels), width=wide, height=4.2 if len(panels) == 1 else 4.8)
        figure.set_layout_engine("constrained", w_pad=0.15)
        for axes, (curve, lines) in zip(
            figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True
        ):
            _draw(axes, curve, lines)
    return figure


def _numbers(history: History, curve: str, name: str) -> list[float]:
    part, _, what = curve.partition(" ")
    kept = getattr(history, PARTS[part]) if part in PARTS else {}
    if what not in kept:
        known = [f"{part} {what}" for part, place in PARTS.items() for what in getattr(history, place)]
        raise ValueError(f"the training '{name}' recorded no '{curve}': there are {', '.join(known)}")
    return kept[what]


def _draw(axes: Axes, curve: str, lines: Mapping[str, list[float]]) -> None:
    longest = max(map(len, lines.values()))
    for place, (name, numbers) in enumerate(lines.items()):
        color, line = PALETTE[place % len(PALETTE)], LINES[place % len(LINES)]
        mark = "o" if longest <= 20 else ""
        axes.plot(
            range(1, len(numbers) + 1), numbers, color=color, linestyle=line, marker=mark, ms=5, label=name
        )
    if all(number >= 0 for numbers in lines.values() for number in numbers):
        axes.set_ylim(0, 1.03 if curve.endswith("accuracy") else None)
    heights = apart([numbers[-1] for numbers in lines.values()], *axes.get_ylim())
    for place, ((name, numbers), height) in enumerate(zip(lines.items(), heights, strict=True)):
        look = {"textcoords": "offset points", "va": "center", "annotation_clip": False, "weight": "bold"}
        axes.annotate(
            f"{name} {show(numbers[-1])}",
            (longest, height),
            (9, 0),
            color=PALETTE[place % len(PALETTE)],
            **look,
        )
    axes.set_xlabel("epoch")
    axes.set_title(curve)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


@functools.cache
@one_thread()
def learning_rates(epochs: int = 15, seed: int = 0) -> dict[str, History]:
    """The example: one network on the tumors, trained with three learning rates."""
    train, test = breast_cancer().split(seed=seed).standardize()
    histories = {}
    for rate in (0.01, 0.1, 1.0):
        rng = generator(seed)
        net = Chain(Linear(30, 8, rng=rng), Tanh(), Linear(8, 1, rng=rng))
        given = [(part.inputs, part.targets[:, None].to(part.inputs.dtype)) for part in (train, test)]
        optimizer = SGD(net.parameters(), lr=rate)
        loss, options = BCEWithLogitsLoss(), {"epochs": epochs, "seed": seed, "progress": False}
        histories[f"rate {rate:g}"] = fit(
            net, loss, optimizer, given[0], validation=given[1], metrics=[accuracy], **options
        )
    return histories


def _describe(panels: Mapping[str, Mapping[str, list[float]]]) -> str:
    listed = [
        f"{curve}: "
        + ", ".join(
            f"{name} from {show(numbers[0])} to {show(numbers[-1])}" for name, numbers in lines.items()
        )
        for curve, lines in panels.items()
    ]
    return (
        f"Curves by epoch, a line for each of {len(next(iter(panels.values())))} trainings. "
        f"{'; '.join(listed)}."
    )
