"""Digits: 1,797 handwritten figures of 8 × 8 pixels, from 0 to 9."""

import torch

from course.data.dataset import Dataset

SIDE = 8


def digits(*, images: bool = False, dtype: torch.dtype = torch.float32) -> Dataset:
    """Handwritten digits; a pixel is its share of ink, from 0 to 1 (in the source: 0 to 16 of 4 × 4 dots).

    Args:
        images: as images of shape 1 × 8 × 8 for convolutions, instead of rows of 64 pixels.
        dtype: of the inputs.
    """
    from sklearn.datasets import load_digits  # here, since loading it takes longer than loading the course

    pixels, classes = load_digits(return_X_y=True)
    inputs = pixels / 16
    return Dataset.make(
        "digits",
        inputs.reshape(-1, 1, SIDE, SIDE) if images else inputs,
        classes,
        dtype=dtype,
        feature_names=tuple(f"row {row}, column {column}" for row in range(SIDE) for column in range(SIDE)),
        target_names=tuple("0123456789"),
        source="Alpaydin, Kaynak: Optical recognition of handwritten digits, UCI Machine Learning Repository "
        "(1998)",
        units=("ink",) * SIDE**2,
    )
