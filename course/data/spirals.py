"""Spirals: arms that wind around each other, the hardest of the drawn data sets."""

import numpy as np
import torch

from course.data._plane import plane
from course.data.dataset import Dataset


def spirals(
    count: int = 300,
    arms: int = 2,
    turns: float = 1.25,
    noise: float = 0.02,
    seed: int = 0,
    *,
    dtype: torch.dtype = torch.float32,
) -> Dataset:
    """Spirals of Archimedes, one class each: the radius grows from 0 to 1 in proportion to the angle.

    Args:
        count: how many points, dealt to the arms in equal parts; the first arms get what is left over.
        arms: how many spirals.
        turns: how often each winds around the origin.
        noise: the deviation by which each coordinate is off its spiral.
        seed: of the places on the spirals and of the noise.
        dtype: of the inputs.

    Raises:
        ValueError: fewer than two arms, or fewer points than arms.
    """
    if not 2 <= arms <= count:
        raise ValueError(
            f"{count} points on {arms} arms: there must be two arms or more, and a point for each"
        )
    rng = np.random.default_rng(seed)
    classes = np.arange(count) % arms
    # as many points on each piece of equal length, but near the origin
    radius = np.sqrt(rng.uniform(size=count))
    angle = 2 * np.pi * (turns * radius + classes / arms)
    points = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1) + rng.normal(
        0, noise, (count, 2)
    )
    source = (
        "after Lang, Witbrock: Learning to tell two spirals apart, Connectionist Models Summer School (1988)"
    )
    return plane("spirals", points, classes, tuple(f"arm {arm}" for arm in range(arms)), source, dtype)
