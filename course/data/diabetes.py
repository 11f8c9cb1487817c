"""Diabetes: 442 patients, and how far their disease went on within a year."""

import numpy as np
import torch

from course.data.dataset import Dataset


def diabetes(*, dtype: torch.dtype = torch.float32) -> Dataset:
    """Ten numbers for each patient in their own units, and a score to predict.

    The score tells the disease's progression one year later.
    """
    from sklearn.datasets import load_diabetes  # here, since loading it takes longer than loading the course

    inputs, progression = load_diabetes(return_X_y=True, scaled=False)
    return Dataset.make(
        "diabetes",
        inputs,
        np.reshape(progression, (-1, 1)),
        dtype=dtype,
        feature_names=(
            "age", "sex", "body mass index", "blood pressure", "total cholesterol",
            "LDL", "HDL", "cholesterol / HDL", "log of triglycerides", "blood sugar",
        ),
        target_names=("progression",),
        source="Efron, Hastie, Johnstone, Tibshirani: Least angle regression, Annals of Statistics 32 (2004)",
        units=("years", "1 or 2", "kg/m²", "mmHg", "mg/dl", "mg/dl", "mg/dl", "", "", "mg/dl"),
        target_unit="score",
    )  # fmt: skip
