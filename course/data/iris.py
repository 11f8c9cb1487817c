"""Iris: 150 flowers of three species, by the length and the width of sepals and petals."""

import torch

from course.data.dataset import Dataset


def iris(*, dtype: torch.dtype = torch.float32) -> Dataset:
    """Three species of iris.

    A straight line parts setosa from the others, and nearly parts these from each other.
    """
    from sklearn.datasets import load_iris  # here, since loading it takes longer than loading the course

    inputs, classes = load_iris(return_X_y=True)
    return Dataset.make(
        "iris",
        inputs,
        classes,
        dtype=dtype,
        feature_names=("sepal length", "sepal width", "petal length", "petal width"),
        target_names=("setosa", "versicolor", "virginica"),
        source="Fisher: The use of multiple measurements in taxonomic problems, Annals of Eugenics 7 (1936)",
        units=("cm",) * 4,
    )
