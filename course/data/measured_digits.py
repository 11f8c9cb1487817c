"""Measured digits: eight numbers taken from each handwritten digit by formulas that people thought of."""

import torch
from torch import Tensor

from course.data.dataset import Dataset
from course.data.digits import SIDE, digits

FEATURES = (
    "ink",
    "center, from the top",
    "center, from the left",
    "unlike its mirror image",
    "unlike itself upside down",
    "ink in the middle",
    "strokes across",
    "strokes down",
)


def measured_digits(*, dtype: torch.dtype = torch.float32) -> Dataset:
    """The digits of `digits()`, in the same order, each by eight hand-made features instead of its pixels."""
    data = digits(images=True, dtype=dtype)
    return Dataset.make(
        "measured digits",
        measure(data.inputs[:, 0]),
        data.targets,
        dtype=dtype,
        feature_names=FEATURES,
        target_names=data.target_names,
        source=data.source,
    )


def measure(images: Tensor) -> Tensor:
    """Hand-made features of images with ink from 0 to 1: examples × 8 × 8 gives examples × 8.

    The mean ink; the center of the ink, from 0 (top, left) to 1 (bottom, right); the mean difference to the
    image mirrored left to right, and upside down; the mean ink of the 4 × 2 pixels in the middle; how many
    strokes the fourth row crosses, and the fifth column, where a stroke is a run of pixels with more than
    half of the ink.
    """
    place = torch.linspace(0, 1, SIDE, dtype=images.dtype, device=images.device)
    ink = images.sum(dim=(1, 2))
    return torch.stack(
        [
            images.mean(dim=(1, 2)),
            images.sum(dim=2) @ place / ink,
            images.sum(dim=1) @ place / ink,
            (images - images.flip(2)).abs().mean(dim=(1, 2)),
            (images - images.flip(1)).abs().mean(dim=(1, 2)),
            images[:, 2:6, 3:5].mean(dim=(1, 2)),
            _strokes(images[:, 3]),
            _strokes(images[:, :, 4]),
        ],
        dim=1,
    )


def _strokes(lines: Tensor) -> Tensor:
    """How often each line of pixels goes from paper to ink."""
    inked = (lines > 0.5).to(lines.dtype)
    return inked[:, 0] + (inked.diff(dim=1) > 0).to(lines.dtype).sum(dim=1)
