"""Breast cancer: 569 tumors, malignant or benign, by what a microscope shows of the nuclei of their cells."""

import torch

from course.data.dataset import Dataset

QUANTITIES = (
    "radius", "texture", "perimeter", "area", "smoothness",
    "compactness", "concavity", "concave points", "symmetry", "fractal dimension",
)  # fmt: skip


def breast_cancer(*, dtype: torch.dtype = torch.float32) -> Dataset:
    """Thirty numbers for each tumor: the mean, standard error and worst (largest) value of ten quantities."""
    # here, since loading it takes longer than loading the course
    from sklearn.datasets import load_breast_cancer

    inputs, classes = load_breast_cancer(return_X_y=True)
    return Dataset.make(
        "breast cancer",
        inputs,
        classes,
        dtype=dtype,
        feature_names=tuple(
            f"{name}, {which}" for which in ("mean", "error", "worst") for name in QUANTITIES
        ),
        target_names=("malignant", "benign"),
        source="Street, Wolberg, Mangasarian: Nuclear feature extraction for breast tumor diagnosis, Proc. "
        "SPIE 1905 (1993)",
    )
