"""Two moons: two half circles that reach into each other, so that no line parts them."""

import torch

from course.data._plane import plane
from course.data.dataset import Dataset


def two_moons(
    count: int = 300, noise: float = 0.15, seed: int = 0, *, dtype: torch.dtype = torch.float32
) -> Dataset:
    """Two interleaved half circles of radius 1, one class each.

    Args:
        count: how many points.
        noise: the deviation by which each coordinate is off its half circle.
        seed: of the noise.
        dtype: of the inputs.
    """
    from sklearn.datasets import make_moons  # here, since loading it takes longer than loading the course

    points, classes = make_moons(count, noise=noise, random_state=seed)
    source = "Pedregosa et al.: Scikit-learn: machine learning in Python, JMLR 12 (2011), make_moons"
    return plane("two moons", points, classes, ("upper", "lower"), source, dtype)
