"""Circles: one class around the other."""

import torch

from course.data._plane import plane
from course.data.dataset import Dataset


def circles(
    count: int = 300,
    noise: float = 0.1,
    inner: float = 0.5,
    seed: int = 0,
    *,
    dtype: torch.dtype = torch.float32,
) -> Dataset:
    """Points on two circles around the origin, of radius 1 and `inner`.

    Args:
        count: how many points.
        noise: the deviation by which each coordinate is off its circle.
        inner: the radius of the inner circle, below 1.
        seed: of the noise.
        dtype: of the inputs.
    """
    from sklearn.datasets import make_circles  # here, since loading it takes longer than loading the course

    points, classes = make_circles(count, noise=noise, factor=inner, random_state=seed)
    source = "Pedregosa et al.: Scikit-learn: machine learning in Python, JMLR 12 (2011), make_circles"
    return plane("circles", points, classes, ("outer", "inner"), source, dtype)
