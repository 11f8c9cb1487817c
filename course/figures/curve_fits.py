"""What networks of one input make of data: the points, and a curve for each network."""

from collections.abc import Mapping

import numpy as np
import torch
from matplotlib import rc_context
from torch import Tensor

from course.data import Dataset
from course.figure import NEUTRAL_COLOR, PALETTE, STYLE, VALUE_COLOR, Figure, apart
from course.figures.rbf_cascade import load, network
from course.figures.registry import figure
from course.module import Module
from course.training import predict

COLORS = (VALUE_COLOR, PALETTE[1], PALETTE[2], PALETTE[3], PALETTE[6])
LINES = ("-", (0, (6, 2)), (0, (2, 1)), (0, (6, 2, 1, 2)), (0, (1, 1)))


@figure(lecture=8)
def curve_fits(models: Mapping[str, Module] | None = None, data: Dataset | None = None) -> Figure:
    """Draw data of one feature, and each model's output over it with the share of variance it explains.

    Args:
        models: at most five networks by name, from one number to one; None: radial basis functions, fitted to
            the hills.
        data: the points; inputs and targets that were standardized are drawn in their own units.
    """
    data = load("hills") if data is None else data
    models = (
        {f"{count} bumps": network("hills", count, 0.7) for count in (4, 16)} if models is None else models
    )
    if data.inputs.dim() != 2 or data.inputs.shape[1] != 1 or data.classifies:
        raise ValueError(
            f"{data!r} is no curve: choose one feature with data.only(…), and a number to predict"
        )
    if not 1 <= len(models) <= len(COLORS):
        raise ValueError(
            f"{len(models)} models: there must be one to {len(COLORS)}, or their lines cannot be told apart"
        )
    x, grid = in_units(data)
    curves = {name: data.in_units(predict(model, grid))[:, 0].cpu().numpy() for name, model in models.items()}
    shares = {name: explained(model, data) for name, model in models.items()}
    y = data.in_units(data.targets)[:, 0].cpu().numpy()
    places = _undo(data, grid)
    with rc_context(STYLE):
        figure = Figure(_describe(data, shares), width=11, height=4.8)
        axes = figure.subplots()
        axes.plot(x, y, ".", ms=6, color=NEUTRAL_COLOR, alpha=0.5)
        room = 0.12 * (y.max() - y.min())
        axes.set_ylim(y.min() - room, y.max() + room)
        heights = apart([float(curve[-1]) for curve in curves.values()], *axes.get_ylim(), room=0.1)
        for (name, curve), color, line, height in zip(curves.items(), COLORS, LINES, heights, strict=False):
            axes.plot(places, curve, color=color, linestyle=line, linewidth=3)
            axes.annotate(
                f"{name}: {percent(shares[name])}",
                (1.0, height),
                xycoords=("axes fraction", "data"),
                xytext=(8, 0),
                textcoords="offset points",
                color=color,
                va="center",
                fontsize=15,
                weight="bold",
                annotation_clip=False,
            )
        axes.margins(x=0.01)
        feature, unit = data.feature_names[0], data.units[0] if data.units else ""
        axes.set_xlabel(f"{feature} ({unit})" if unit else feature)
        axes.set_ylabel(
            f"{data.target_names[0]} ({data.target_unit})" if data.target_unit else data.target_names[0]
        )
        axes.set_title("the share of the variance that each one explains")
    return figure


def in_units(data: Dataset) -> tuple[np.ndarray, Tensor]:
    """The inputs in their own units, and a fine grid over them as the models read it."""
    low, high = float(data.inputs.min()), float(data.inputs.max())
    grid = torch.linspace(low, high, 500, device=data.inputs.device, dtype=data.inputs.dtype)[:, None]
    return _undo(data, data.inputs), grid


def explained(model: Module, data: Dataset) -> float:
    """R², the share of the targets' variance that a model explains.

    It is below 0 where the targets' mean would do better.
    """
    rest = (data.targets - predict(model, data.inputs)).square().mean()
    return float(1 - rest / data.targets.var(correction=0))


def percent(share: float) -> str:
    """A share in whole percent, with a true minus sign."""
    return f"{share:.0%}".replace("-", "−")


def _undo(data: Dataset, inputs: Tensor) -> np.ndarray:
    original = inputs if data.input_scaling is None else data.input_scaling.undo(inputs)
    return original[:, 0].cpu().numpy()


def _describe(data: Dataset, shares: Mapping[str, float]) -> str:
    listed = ", ".join(f"{name} {percent(share)}" for name, share in shares.items())
    return (
        f"{len(data)} points of {data.target_names[0]} over {data.feature_names[0]}, and a curve for each "
        f"network. Of the "
        f"variance they explain: {listed}."
    )
