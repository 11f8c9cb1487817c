"""Hills: the height of the ground along a straight line through the mountains of Tennessee."""

import math

import numpy as np
import torch

from course.data.dataset import Dataset

RADIUS_KM = 6371.0
"""The Earth's mean radius."""
ROWS = 344


def hills(row: int = 200, *, dtype: torch.dtype = torch.float32) -> Dataset:
    """403 heights, one every 75 m from west to east: a real curve to fit, without noise or formula.

    Args:
        row: which of the 344 lines of the map is walked, from north to south.
        dtype: of the inputs and targets.

    Raises:
        ValueError: the map has no such row.
    """
    from matplotlib.cbook import get_sample_data  # here, so that data sets can be loaded without matplotlib

    if not 0 <= row < ROWS:
        raise ValueError(f"row={row} is not on the map: its lines are 0 (north) to {ROWS - 1} (south)")
    with np.load(get_sample_data("jacksboro_fault_dem.npz", asfileobj=False)) as survey:
        heights, step = survey["elevation"][row].astype(float), float(survey["dx"])
        north = max(float(survey["ymin"]), float(survey["ymax"])) - row * float(survey["dy"])
    degree = math.pi / 180 * RADIUS_KM * math.cos(math.radians(north))  # of longitude, in km
    return Dataset.make(
        "hills",
        np.arange(len(heights))[:, None] * step * degree,
        heights[:, None],
        dtype=dtype,
        feature_names=("way to the east",),
        target_names=("height",),
        source="elevation model of the Jacksboro fault, Tennessee, 3 seconds of arc fine; shipped with "
        "matplotlib",
        units=("km",),
        target_unit="m",
    )
