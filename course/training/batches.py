"""Batches: which examples are looked at together, in which order."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Generator, Tensor

from course.data.dataset import Dataset
from course.device import device
from course.module import as_tuple

Data = Dataset | tuple[Any, Tensor]
"""A Dataset, or (inputs, targets); a tuple of inputs for models that take several."""


def batches(count: int, batch_size: int, generator: Generator | None = None) -> Iterator[Tensor]:
    """The numbers of the examples in each batch of one epoch; the last batch may be smaller.

    Args:
        count: how many examples there are.
        batch_size: how many make a batch.
        generator: deals them anew at each call; None: in order. On the CPU, so that the order is the same on
            every device.

    Raises:
        ValueError: there are no examples, or less than one in a batch.
    """
    if count < 1 or batch_size < 1:
        raise ValueError(
            f"{count} examples in batches of {batch_size}: there must be at least one example, "
            f"and one in a batch"
        )
    order = (
        torch.arange(count, device="cpu")
        if generator is None
        else torch.randperm(count, generator=generator, device="cpu")
    )
    yield from order.to(device()).split(batch_size)


def unpack(data: Data, name: str) -> tuple[tuple[Tensor, ...], Tensor]:
    """All inputs and the targets, one row of each for every example.

    Raises:
        ValueError: they are not equally many, or there are none.
    """
    inputs, targets = (data.inputs, data.targets) if isinstance(data, Dataset) else data
    every = as_tuple(inputs)
    counts = {len(tensor) for tensor in (*every, targets)}
    if counts != {len(targets)} or not len(targets):
        lengths = " and ".join(str(len(tensor)) for tensor in every)
        raise ValueError(
            f"{name}: {lengths} inputs for {len(targets)} targets: give one row of each for every example"
        )
    return every, targets
