"""fit: the whole training, epoch by epoch, and when to stop."""

import math
import time

import torch
from torch import Tensor

from course.module import Module
from course.optim import Optimizer, ReduceLROnPlateau, Schedule
from course.training.batches import Data, batches, unpack
from course.training.diverged import DivergedError
from course.training.history import History
from course.training.loop import Loop
from course.training.metrics import Metrics, named
from course.training.predict import evaluate
from course.training.progress import bar


def fit(
    model: Module,
    loss: Module,
    optimizer: Optimizer,
    data: Data,
    *,
    epochs: int = 20,
    batch_size: int = 32,
    seed: int = 0,
    validation: Data | None = None,
    patience: int | None = None,
    metrics: Metrics = (),
    schedule: Schedule | None = None,
    clip_norm: float | None = None,
    progress: bool = True,
) -> History:
    """Train a model.

    For example:
    ``fit(net, CrossEntropyLoss(), Adam(net.parameters()), train, validation=test, metrics=[accuracy])``.

    In the end the model is in eval mode. Ctrl-C, or the notebook's stop button, ends it early and loses
    nothing of what was learned.

    Args:
        model: whose parameters `optimizer` moves.
        loss: takes the model's output(s) and the targets; of a loss that gives one number for each example
            the mean counts.
        optimizer: does one step a batch.
        data: a Dataset, or (inputs, targets); the inputs may be a tuple of tensors.
        epochs: how often all examples are looked at, in a new order each time.
        batch_size: how many are looked at together.
        seed: of the orders.
        validation: further examples, on which loss and metrics are taken after each epoch.
        patience: stop after so many epochs in a row without a lower validation loss. In the end, whether it
            stopped early or not, the weights of the best epoch are restored.
        metrics: functions of (outputs, targets), such as `accuracy`, or a mapping from names to functions.
        schedule: stepped once an epoch.
        clip_norm: the largest norm of all gradients taken together.
        progress: show a bar.

    Raises:
        ValueError: the arguments do not fit together.
        DivergedError: the loss became NaN or infinite; it says where, and the likely cause.
    """
    inputs, targets = unpack(data, "data")
    functions, order, history = named(metrics), torch.Generator(device="cpu").manual_seed(seed), History()
    if patience is not None and (validation is None or patience < 1):
        what = "needs a validation set to watch" if validation is None else "never waits"
        raise ValueError(f"patience={patience} {what}: pass validation=… and a patience of 1 epoch or more")
    best: dict[str, Tensor] = {}
    interrupted = False
    began, in_an_epoch = time.perf_counter(), math.ceil(len(targets) / max(batch_size, 1))
    with bar(epochs * in_an_epoch, progress) as shown:
        loop = Loop(
            model=model, loss=loss, optimizer=optimizer, metrics=functions, clip_norm=clip_norm, shown=shown
        )
        try:
            for epoch in range(1, epochs + 1):
                trained = loop.epoch(
                    inputs, targets, batches(len(targets), batch_size, order), f"epoch {epoch}"
                )
                validated = evaluate(model, loss, validation, functions) if validation is not None else {}
                history.add(trained, validated, optimizer.lr)
                shown.set_description(_said(history, epochs), refresh=False)
                _advance(schedule, (validated or trained)["loss"])
                if patience is None or history.best_epoch is None:
                    continue
                if history.best_epoch == epoch:
                    best = model.state_dict()
                elif epoch - history.best_epoch >= patience:
                    history.stopped = f"no lower validation loss for {patience} epoch{'s' * (patience > 1)}"
                    break
        except KeyboardInterrupt:
            interrupted = True
            history.stopped = f"interrupted in epoch {len(history) + 1}"
        except DivergedError as error:
            error.history = history
            raise
        finally:
            history.seconds = time.perf_counter() - began
            model.eval()
    if best:
        model.load_state_dict(best)
    if interrupted:
        kept = f"the weights of epoch {history.best_epoch}, the best one" if best else "what it has learned"
        print(f"Training was {history.stopped} of {epochs}; the model keeps {kept}.")
    return history


def _advance(schedule: Schedule | None, loss: float) -> None:
    if isinstance(schedule, ReduceLROnPlateau):
        schedule.step(loss)
    elif schedule is not None:
        schedule.step()


def _said(history: History, epochs: int) -> str:
    latest = history.validation or history.train
    listed = ", ".join(f"{name} {numbers[-1]:.3g}" for name, numbers in latest.items())
    return f"epoch {len(history)}/{epochs}: {'validation ' if history.validation else ''}{listed}"
