"""Predict and evaluate: a model's outputs in eval mode, and how good they are."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from course.module import Module, as_tuple
from course.training.batches import Data, batches, unpack
from course.training.metrics import Metric, Metrics, named


def predict(model: Module, inputs: Any, batch_size: int = 1024) -> Any:
    """The model's outputs for all inputs, in eval mode, batch by batch.

    For models that take several, the inputs are a tuple.
    """
    every = as_tuple(inputs)
    mode = model.training
    model.eval()
    try:
        return joined(
            [model(*(tensor[rows] for tensor in every)) for rows in batches(len(every[0]), batch_size)]
        )
    finally:
        model.train(mode)


def evaluate(model: Module, loss: Module, data: Data, metrics: Metrics = ()) -> dict[str, float]:
    """The loss and each metric over all examples, in eval mode, by name."""
    inputs, targets = unpack(data, "data")
    outputs = predict(model, inputs)
    value = loss(*as_tuple(outputs), targets)
    return {"loss": per_example(loss, value, len(targets)), **measured(named(metrics), outputs, targets)}


def per_example(loss: Module, value: Tensor, count: int) -> float:
    """The loss of an example on average, from that of a batch: its mean, or a sum over `count` of them."""
    return value.item() / count if getattr(loss, "reduction", "") == "sum" else value.mean().item()


def measured(metrics: Mapping[str, Metric], outputs: Any, targets: Tensor) -> dict[str, float]:
    """Every metric as a plain number."""
    return {name: float(metric(outputs, targets)) for name, metric in metrics.items()}


def joined(parts: list[Any]) -> Any:
    """The outputs of all batches in one: a tensor, or a tuple of them if the model has several."""
    if isinstance(parts[0], Tensor):
        return torch.cat(parts)
    return tuple(torch.cat(column) for column in zip(*parts, strict=True))
