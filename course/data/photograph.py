"""Two photographs: the Summer Palace in Beijing and a dahlia, for convolutions and data augmentation."""

import numpy as np
import torch
from torch import Tensor

from course.device import tensor

PHOTOGRAPHERS = {"china": "danielbuechele, flickr.com (2011)", "flower": "vultilion, flickr.com (2011)"}
"""By name; both photographs are under the license CC BY 2.0."""


def photograph(name: str = "china", *, shrink: int = 1, dtype: torch.dtype = torch.float32) -> Tensor:
    """A photograph as a tensor of shape 3 × 427 × 640: red, green and blue from 0 to 1.

    Args:
        name: "china" or "flower".
        shrink: the mean over squares of so many pixels a side; what is left over at the right and at the
            bottom is cut off.
        dtype: of the tensor.

    Raises:
        ValueError: there is no such photograph, or it cannot be shrunk so far.
    """
    # here, since loading it takes longer than loading the course
    from sklearn.datasets import load_sample_image

    if name not in PHOTOGRAPHERS:
        raise ValueError(f"there is no photograph '{name}': choose {' or '.join(PHOTOGRAPHERS)}")
    pixels = tensor(np.array(load_sample_image(f"{name}.jpg")), dtype).permute(2, 0, 1) / 255
    if not 1 <= shrink <= min(pixels.shape[1:]):
        raise ValueError(
            f"shrink={shrink} is out of range: expected 1 to {min(pixels.shape[1:])} pixels a side"
        )
    return torch.nn.functional.avg_pool2d(pixels, shrink).contiguous()
