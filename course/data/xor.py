"""Exclusive or: true where just one of two inputs is on; the smallest problem that no line solves."""

import numpy as np
import torch

from course.data._plane import plane
from course.data.dataset import Dataset


def xor(
    count: int = 200, noise: float = 0.12, seed: int = 0, *, dtype: torch.dtype = torch.float32
) -> Dataset:
    """Points around the corners (0, 0), (0, 1), (1, 0) and (1, 1); ``xor(4, noise=0)`` is the truth table.

    Args:
        count: how many points, dealt to the corners in turn.
        noise: the deviation by which each coordinate is off its corner.
        seed: of the noise.
        dtype: of the inputs.
    """
    corner = np.arange(count) % 4
    first, second = corner // 2, corner % 2
    points = np.stack([first, second], axis=1) + np.random.default_rng(seed).normal(0, noise, (count, 2))
    source = "Minsky, Papert: Perceptrons (1969)"
    return plane("XOR", points, first ^ second, ("equal", "different"), source, dtype)
