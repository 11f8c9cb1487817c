"""What the drawn data sets share: points of a plane, with classes."""

from typing import Any

import torch

from course.data.dataset import Dataset


def plane(
    name: str, points: Any, classes: Any, target_names: tuple[str, ...], source: str, dtype: torch.dtype
) -> Dataset:
    """A Dataset of points with coordinates x₁ and x₂."""
    about = {"feature_names": ("x₁", "x₂"), "target_names": target_names, "source": source}
    return Dataset.make(name, points, classes, dtype=dtype, **about)
