"""Contours of a loss of two parameters, closer together in the flat parts than their heights are."""

import numpy as np
from matplotlib.axes import Axes

Window = tuple[float, float, float, float]
"""The left, right, lower and upper end of a plane."""


def lattice(window: Window, fineness: int = 90) -> tuple[np.ndarray, np.ndarray]:
    """The coordinates of evenly spaced points of a window."""
    left, right, low, high = window
    across, up = np.meshgrid(np.linspace(left, right, fineness), np.linspace(low, high, fineness))
    return across, up


def draw_contours(axes: Axes, window: Window, height: np.ndarray) -> None:
    """Draw the heights at the points of a lattice, light where they are low."""
    low, high = height.min(), height.max()
    bent = ((height - low) / (high - low)) ** 0.45
    looks = {
        "origin": "lower",
        "cmap": "Greys",
        "vmin": 0,
        "vmax": 3,
        "aspect": "auto",
        "interpolation": "bilinear",
    }
    axes.imshow(bent, extent=window, **looks)
    axes.contour(
        *lattice(window, len(height)),
        bent,
        levels=np.linspace(0, 1, 18)[1:-1],
        colors="#7a7a7a",
        linewidths=0.9,
    )
    axes.grid(False)
    axes.set(xlim=window[:2], ylim=window[2:])
