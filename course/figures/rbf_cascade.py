"""Radial basis functions: a curve as a weighted sum of bumps, in the steps of the cascade."""

import functools
from itertools import cycle, islice

import numpy as np
import torch
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from torch import Tensor

from course.data import Dataset, diabetes, hills
from course.device import tensor
from course.figure import NEUTRAL_COLOR, PALETTE, STYLE, VALUE_COLOR, Figure
from course.figures.registry import figure
from course.modules import EuclideanLoss, RadialBasis
from course.widgets import Slider

DATA = ("hills", "diabetes")
RIDGE = 1e-7
"""Times the number of examples, added to the normal equations: wide bumps are so alike that their weights are
undetermined."""


@figure(
    lecture=8, live={"centers": (1, 40), "width": Slider(0.1, 5, log=True), "data": ["hills", "diabetes"]}
)
def rbf_cascade(data: str = "hills", centers: int = 8, width: float = 0.7, seed: int = 0) -> Figure:
    """Draw the bumps, the weighted bumps, and their sum over the data, by the library's RadialBasis.

    Args:
        data: "hills", the height of the ground along a line through Tennessee, or "diabetes", how far the
            disease of 442 patients went on, by their body mass index.
        centers: how many bumps; they stand at the centers of k-means on the inputs.
        width: of a bump (its standard deviation), as a part of the mean distance between centers.
        seed: of k-means.

    Raises:
        ValueError: there is no such data set, no center, or no width.
    """
    dataset, net = load(data), network(data, centers, width, seed)
    inputs = dataset.inputs
    grid = torch.linspace(float(inputs.min()), float(inputs.max()), 500).to(inputs)[:, None]
    total = net(grid).cpu().numpy()[:, 0]
    bumps = net.saved["hidden"].cpu().numpy()
    weighted, x = bumps * net.weight.value.cpu().numpy(), grid[:, 0].cpu().numpy()
    sigma, share = float((2 * net.beta.value[0]) ** -0.5), explained(dataset, net)
    summary = (
        f"{centers} bump{'s' * (centers > 1)} of width {sigma:.2g} {dataset.units[0]} explain {share:.0%} "
        f"of the variance"
    )
    with rc_context(STYLE):
        figure = Figure(_describe(dataset, summary, net, weighted), width=11.0, height=6.4)
        figure.suptitle(summary)
        top, middle, bottom = figure.subplots(3, 1, sharex=True, height_ratios=(0.6, 1, 1.4))
        places = net.centers.value[:, 0].cpu().numpy()
        _draw_bumps(top, x, bumps, places, "a₂ = exp(−β·a₁), with a₁ = (x − μ)²")
        _draw_bumps(middle, x, weighted, places, f"a₃ = u · a₂ ({dataset.target_unit})")
        top.set_yticks([0, 1])
        bottom.plot(
            inputs[:, 0].cpu(), dataset.targets[:, 0].cpu(), ".", ms=6, color=NEUTRAL_COLOR, alpha=0.6
        )
        bottom.plot(x, total, color=VALUE_COLOR, linewidth=3)
        bottom.set_xlabel(dataset.feature_labels[0])
        bottom.set_title(
            f"a₄ = Σ a₃, the sum, over the data: {dataset.target_names[0]} ({dataset.target_unit})",
            fontsize=13,
            loc="left",
        )
    return figure


@functools.cache
def load(data: str) -> Dataset:
    """A data set with one input and one output, in their own units."""
    if data not in DATA:
        raise ValueError(f"there is no data set '{data}' here: choose {' or '.join(DATA)}")
    return (
        hills(dtype=torch.float64)
        if data == "hills"
        else diabetes(dtype=torch.float64).only("body mass index")
    )


@functools.lru_cache(maxsize=256)
def places(data: str, centers: int, seed: int = 0) -> Tensor:
    """The centers that k-means finds among the inputs, from left to right."""
    from sklearn.cluster import KMeans  # here, since loading it takes longer than loading the course

    inputs = load(data).inputs.cpu().numpy()
    means = KMeans(centers, n_init="auto", random_state=seed).fit(inputs).cluster_centers_
    return tensor(np.sort(means, axis=0), torch.float64)


def network(data: str, centers: int, width: float, seed: int = 0) -> RadialBasis:
    """A RadialBasis: centers from k-means, one width, and least-squares weights (Broomhead, Lowe 1988)."""
    if centers < 1 or width <= 0:
        raise ValueError(
            f"{centers} bumps of width {width:g}: there must be at least one, and the width above 0"
        )
    dataset = load(data)
    net = RadialBasis(1, centers).to(dtype=torch.float64)
    sigma = width * float(dataset.inputs.max() - dataset.inputs.min()) / centers
    net.centers.value = places(data, centers, seed)
    net.beta.value = torch.full_like(net.beta.value, 1 / (2 * sigma**2))
    net(dataset.inputs)
    hidden = net.saved["hidden"]
    ridge = RIDGE * len(dataset) * torch.eye(centers).to(hidden)
    net.weight.value = torch.linalg.solve(hidden.T @ hidden + ridge, hidden.T @ dataset.targets).T
    return net


def explained(dataset: Dataset, net: RadialBasis) -> float:
    """R², the share of the targets' variance that the network explains, not below 0."""
    loss = EuclideanLoss()(net(dataset.inputs), dataset.targets).mean()
    return max(0.0, 1 - float(2 * loss / dataset.targets.var(correction=0)))


def _draw_bumps(axes: Axes, x: np.ndarray, curves: np.ndarray, centers: np.ndarray, name: str) -> None:
    colors = list(islice(cycle(PALETTE[:6]), len(centers)))
    ends = np.array([[x[-1], 0.0], [x[0], 0.0]])
    lines = [np.stack([x, curve], axis=1) for curve in curves.T]
    axes.add_collection(
        PolyCollection([np.concatenate([line, ends]) for line in lines], facecolors=colors, alpha=0.25)
    )
    axes.add_collection(LineCollection(lines, colors=colors, linewidths=1.6))
    axes.scatter(
        centers,
        np.zeros_like(centers),
        s=70,
        c=colors,
        marker="^",
        edgecolors="white",
        clip_on=False,
        zorder=4,
    )
    axes.set_ylim(min(0.0, 1.1 * curves.min()), max(0.0, 1.1 * curves.max()))
    axes.axhline(0, color=NEUTRAL_COLOR, linewidth=1)
    axes.set_title(name, fontsize=13, loc="left")
    axes.margins(x=0.01)


def _describe(dataset: Dataset, summary: str, net: RadialBasis, weighted: np.ndarray) -> str:
    where = ", ".join(f"{center:.3g}" for center in net.centers.value[:, 0].tolist()[:12])
    several = "a bump" if net.num_centers == 1 else f"{net.num_centers} equal bumps"
    return (
        f"Three panels over {dataset.feature_labels[0]}. Above, {several} at {where}"
        f"{' and further on' * (net.num_centers > 12)}; in the middle each bump times its weight, from "
        f"{weighted.min():.3g} to "
        f"{weighted.max():.3g} {dataset.target_unit}; below their sum over {len(dataset)} points: "
        f"{dataset.target_names[0]}. {summary}."
    )
