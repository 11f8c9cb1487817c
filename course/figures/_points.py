"""Two classes in the plane, told apart by color and by shape."""

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

from course.data import Dataset
from course.device import tensor
from course.figure import PALETTE, VALUE_COLOR
from course.module import Module
from course.modules import Sigmoid

CLASS_COLORS = (VALUE_COLOR, PALETTE[4])
"""Blue circles for class 0, orange triangles for class 1."""
REGIONS = LinearSegmentedColormap.from_list("regions", ["#9CC3E6", "#FFFFFF", "#FFD38A"])


def draw_points(axes: Axes, inputs: np.ndarray, targets: np.ndarray, size: float = 34.0) -> None:
    """Class 0 as blue circles, class 1 as orange triangles."""
    for label, (color, marker) in enumerate(zip(CLASS_COLORS, "o^", strict=True)):
        chosen = inputs[targets == label]
        axes.scatter(*chosen.T, s=size, c=color, marker=marker, edgecolors="black", linewidths=0.7, zorder=3)


def window(data: Dataset, margin: float = 0.15) -> tuple[float, float, float, float]:
    """Left, right, lower and upper end of a plane in which all points lie."""
    low, high = data.inputs.amin(dim=0).cpu().numpy(), data.inputs.amax(dim=0).cpu().numpy()
    reach = margin * (high - low)
    return low[0] - reach[0], high[0] + reach[0], low[1] - reach[1], high[1] + reach[1]


def draw_regions(
    axes: Axes, net: Module, ends: tuple[float, float, float, float], fineness: int = 120
) -> None:
    """Shade the plane by a network's probability of class 1, and draw the line where it is one half."""
    x, y = np.linspace(*ends[:2], fineness), np.linspace(*ends[2:], fineness)
    across, up = np.meshgrid(x, y)
    points = tensor(np.stack([across.ravel(), up.ravel()], axis=1), torch.float32)
    logits = net(points).reshape(fineness, fineness)
    axes.imshow(
        Sigmoid()(logits).cpu().numpy(),
        extent=ends,
        origin="lower",
        cmap=REGIONS,
        vmin=0,
        vmax=1,
        aspect="auto",
    )
    if logits.min() < 0 < logits.max():
        axes.contour(x, y, logits.cpu().numpy(), levels=[0], colors="black", linewidths=2.2)
    axes.grid(False)
    axes.locator_params(nbins=6)
