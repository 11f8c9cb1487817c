"""Metrics: how good outputs are, in numbers that people understand."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor

Metric = Callable[[Any, Tensor], Any]
"""metric(outputs, targets), over all examples at once, gives a number (or a tensor that holds one)."""
Metrics = Mapping[str, Metric] | Sequence[Metric]


def accuracy(outputs: Tensor, targets: Tensor) -> float:
    """The share of examples whose class is right.

    The predicted class is that of the largest score; of a single score it counts whether it is above 0.

    Scores are logits, as CrossEntropyLoss and BCEWithLogitsLoss take them, or anything that orders the
    classes alike.

    Raises:
        ValueError: there is not one class for each row of scores.
    """
    if outputs.numel() == targets.numel():
        return ((outputs.reshape(-1) > 0) == (targets.reshape(-1) > 0.5)).double().mean().item()
    if outputs.dim() != 2 or targets.shape != outputs.shape[:1]:
        shapes = f"outputs of shape {tuple(outputs.shape)} and targets of shape {tuple(targets.shape)}"
        raise ValueError(
            f"accuracy: {shapes}: it compares scores (examples × classes) with one class for each example"
        )
    return (outputs.argmax(dim=1) == targets).double().mean().item()


def named(metrics: Metrics) -> dict[str, Metric]:
    """Metrics by name; those given without one go by their function's.

    Raises:
        ValueError: one is called 'loss', or two have the same name.
    """
    pairs = (
        list(metrics.items())
        if isinstance(metrics, Mapping)
        else [(_name(metric), metric) for metric in metrics]
    )
    names = [name for name, _ in pairs]
    for name in names:
        if name == "loss" or names.count(name) > 1:
            cure = 'give metrics names of their own: metrics={"my name": function}'
            raise ValueError(f"there is {'always a' if name == 'loss' else 'more than one'} '{name}': {cure}")
    return dict(pairs)


def _name(metric: Metric) -> str:
    return getattr(metric, "__name__", type(metric).__name__)
