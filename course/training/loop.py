"""The heart of training: one step for each batch of an epoch."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from course.modes import release_saved
from course.module import Module, as_tuple
from course.optim import Optimizer, clip_grad_norm_
from course.training.diverged import diverged
from course.training.metrics import Metric
from course.training.predict import joined, measured, per_example
from course.training.progress import Bar


@dataclass(frozen=True, kw_only=True)
class Loop:
    """What stays the same from batch to batch."""

    model: Module
    loss: Module
    optimizer: Optimizer
    metrics: dict[str, Metric]
    clip_norm: float | None
    shown: Bar

    def epoch(
        self, inputs: tuple[Tensor, ...], targets: Tensor, order: Iterable[Tensor], place: str
    ) -> dict[str, float]:
        """A step for each batch.

        Returns the mean loss of an example and the metrics of all outputs, as they were on the way.

        Raises:
            DivergedError: a loss is NaN or infinite.
        """
        self.model.train()
        total, outputs, seen = 0.0, [], []
        for number, rows in enumerate(order, start=1):
            target = targets[rows]
            batch_loss, output = self.step(
                tuple(tensor[rows] for tensor in inputs), target, f"{place}, batch {number}"
            )
            total += batch_loss * len(rows)
            if self.metrics:
                outputs.append(output)
                seen.append(target)
            self.shown.update()
        metrics = measured(self.metrics, joined(outputs), torch.cat(seen)) if self.metrics else {}
        return {"loss": total / len(targets), **metrics}

    def step(self, inputs: tuple[Tensor, ...], targets: Tensor, place: str) -> tuple[float, Any]:
        """Predict, evaluate the loss, go back, move the parameters.

        Returns the loss of an example on average, and the outputs.
        """
        output = self.model(*inputs)
        outputs = as_tuple(output)
        value = self.loss(*outputs, targets)
        mean = per_example(self.loss, value, len(targets))
        if not math.isfinite(mean):
            raise diverged(self.model, self.optimizer, inputs, targets, outputs, mean, place)
        self.optimizer.zero_grad()
        with release_saved():
            # of the mean of all losses
            grads = as_tuple(self.loss.backward(torch.full_like(value, 1 / value.numel())))
            self.model.backward(*grads[: len(outputs)])  # what is left over belongs to the targets
        if self.clip_norm is not None:
            clip_grad_norm_(self.optimizer.parameters, self.clip_norm)
        self.optimizer.step()
        return mean, output
