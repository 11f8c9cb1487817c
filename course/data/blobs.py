"""Blobs: a round cloud of points for each class."""

import torch

from course.data._plane import plane
from course.data.dataset import Dataset


def blobs(
    count: int = 300,
    classes: int = 3,
    spread: float = 1.0,
    seed: int = 0,
    *,
    dtype: torch.dtype = torch.float32,
) -> Dataset:
    """Normally distributed clouds around centers that are drawn from a square of side 20.

    Args:
        count: how many points, in equal parts.
        classes: how many clouds.
        spread: the deviation of each coordinate from its center.
        seed: of the centers and the points.
        dtype: of the inputs.
    """
    from sklearn.datasets import make_blobs  # here, since loading it takes longer than loading the course

    points, labels, *_ = make_blobs(count, centers=classes, cluster_std=spread, random_state=seed)
    source = "Pedregosa et al.: Scikit-learn: machine learning in Python, JMLR 12 (2011), make_blobs"
    return plane("blobs", points, labels, tuple(f"cloud {label}" for label in range(classes)), source, dtype)
