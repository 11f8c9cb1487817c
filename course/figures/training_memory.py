"""The memory budget of a network: what each module holds in parameters, and what it keeps for backward."""

from functools import cache

import torch
from matplotlib import rc_context
from matplotlib.axes import Axes
from torch import Tensor

from course.containers.chain import Chain
from course.device import device, generator
from course.figure import GRADIENT_COLOR, PALETTE, STYLE, VALUE_COLOR, Figure
from course.figures._labels import rounded
from course.figures.registry import figure
from course.module import Module
from course.modules import Conv2d, Flatten, Linear, MaxPool2d, ReLU
from course.summary import Row, Summary, summary

MB = 1e6
IMAGE = (1, 28, 28)


@cache
def example_net() -> Chain:
    """A small convolutional network for gray images of 28 × 28 pixels and ten classes."""
    rng = generator(0)
    return Chain(
        Conv2d(1, 16, 3, padding=1, rng=rng), ReLU(), MaxPool2d(2),
        Conv2d(16, 32, 3, padding=1, rng=rng), ReLU(), MaxPool2d(2),
        Flatten(), Linear(32 * 7 * 7, 128, rng=rng), ReLU(), Linear(128, 10, rng=rng),
    )  # fmt: skip


def budget(batch: int, net: Module | None = None, example: Tensor | None = None) -> Summary:
    """What `course.summary` says of the network for a batch of so many examples."""
    example = torch.zeros(IMAGE, device=device()) if example is None else example
    return summary(net or example_net(), example.expand(batch, *example.shape).contiguous())


@figure(lecture=2, live={"batch": (1, 256)})
def training_memory(batch: int = 64, net: Module | None = None, example: Tensor | None = None) -> Figure:
    """Draw each module's bytes as stacked bars: parameters, their gradients, and what it saves for backward.

    Args:
        batch: examples in a batch.
        net: a network; a small convolutional one when left out.
        example: one input of the network, without the axis of the batch.

    Raises:
        ValueError: an empty batch, or a network without an example for it.
    """
    if batch < 1:
        raise ValueError(f"batch={batch}: take at least one example")
    if net is not None and example is None:
        raise ValueError(
            "to run the network, pass one of its inputs as example=…, without the axis of the batch"
        )
    table = budget(batch, net, example)
    rows = [
        row for row in table.rows if row.parameter_bytes or row.saved_bytes or not _holds_others(row, table)
    ]
    parameters, saved = table.parameter_bytes / MB, table.saved_bytes / MB
    most = max(rows, key=lambda row: row.saved_bytes)
    alt = (
        f"Bars for the {len(rows)} modules of a network. At batch size {batch} it holds "
        f"{rounded(parameters, 3)} MB of "
        f"parameters, as much again for their gradients, and {rounded(saved, 3)} MB that forward saved for "
        f"backward; "
        f"{most.kind} saves most, {rounded(most.saved_bytes / MB, 3)} MB. Parameters stay as they are when "
        f"the batch grows, "
        "what is saved grows with it."
    )
    with rc_context({**STYLE, "hatch.linewidth": 0.8}):
        height = 2.1 + 0.36 * len(rows)
        figure = Figure(alt, width=11, height=height)
        figure.set_layout_engine("none")  # the places are fixed, so that nothing jumps while a slider moves
        left = 0.03 + 0.0092 * max(len(_name(row)) for row in rows)
        _draw(figure.add_axes((left, 0.75 / height, 0.98 - left, 1 - 1.75 / height)), rows)
        figure.legend(
            loc="upper center", bbox_to_anchor=(0.5, 1 - 0.45 / height), ncols=3, frameon=False, fontsize=14
        )
        title = (
            f"batch of {batch}: {rounded(parameters, 3)} MB of parameters, {rounded(saved, 3)} MB saved "
            f"for backward"
        )
        figure.suptitle(title, fontsize=18, y=1 - 0.15 / height)
    return figure


def _draw(axes: Axes, rows: list[Row]) -> None:
    places = range(len(rows))
    left = [0.0] * len(rows)
    held = [row.parameter_bytes / MB for row in rows]
    for name, sizes, color, hatch in (
        ("parameters", held, VALUE_COLOR, ""),
        ("their gradients", held, GRADIENT_COLOR, ""),
        ("saved for backward", [row.saved_bytes / MB for row in rows], PALETTE[5], "//"),
    ):
        axes.barh(
            places, sizes, left=left, color=color, hatch=hatch, edgecolor="white", linewidth=0.5, label=name
        )
        left = [before + size for before, size in zip(left, sizes, strict=True)]
    for place, end in zip(places, left, strict=True):
        axes.text(end, place, f" {rounded(end)}", va="center", fontsize=12)
    axes.set_yticks(places, [_name(row) for row in rows])
    axes.set(xlabel="megabytes (million bytes)", xlim=(0, 1.1 * max(*left, 0.001)))
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")


def _name(row: Row) -> str:
    shape = row.output_shapes[0] if row.output_shapes else None
    size = " × ".join(map(str, shape[1:])) if shape else ""
    return f"{row.kind} → {size}" if size else row.kind


def _holds_others(row: Row, table: Summary) -> bool:
    within = f"{row.name}." if row.name else ""
    return any(other is not row and other.name.startswith(within) for other in table.rows)
