"""A small classifier in the plane, trained once and kept epoch by epoch.

A slider can thus go back and forth in time.
"""

import functools
from dataclasses import dataclass

from torch import Tensor

import course.modules
from course import Chain, Module, generator
from course.data import PLANE, Dataset
from course.figures._threads import one_thread
from course.modules import BCEWithLogitsLoss, Linear
from course.optim import Adam
from course.training import accuracy, evaluate, fit

ACTIVATIONS = ("Tanh", "ReLU", "Sigmoid", "Identity")
DATA = tuple(name for name in PLANE if name != "blobs")
"""The drawn data sets with two classes."""


@dataclass(frozen=True)
class Replay:
    """A network's weights before the first epoch and after each, with loss and accuracy on training data."""

    data: Dataset
    net: Chain
    states: tuple[dict[str, Tensor], ...]
    losses: tuple[float, ...]
    accuracies: tuple[float, ...]

    def at(self, epoch: int) -> Chain:
        """The network as it was after so many epochs."""
        self.net.load_state_dict(self.states[epoch])
        return self.net


@functools.lru_cache(maxsize=64)
@one_thread()
def replay(
    data: str,
    units: int,
    activation: str,
    *,
    layers: int = 1,
    epochs: int = 100,
    lr: float = 0.05,
    seed: int = 0,
) -> Replay:
    """Train on a drawn data set of 200 points in batches of 50.

    Args:
        data: its name, one of `DATA`.
        units: in each hidden layer.
        activation: the class of course.modules that follows each hidden layer, one of `ACTIVATIONS`.
        layers: how many hidden layers; 0 for a single unit that sees the data themselves.
        epochs: how many are kept.
        lr: Adam's learning rate.
        seed: of the data's noise, the initial weights and the batches.

    Raises:
        ValueError: there is no such data set, or no such activation.
    """
    for choice, choices, what in (
        (data, DATA, "data set of two classes"),
        (activation, ACTIVATIONS, "activation"),
    ):
        if choice not in choices:
            raise ValueError(f"there is no {what} '{choice}' here: choose {', '.join(choices)}")
    points = PLANE[data](200, seed=seed)
    target = points.targets[:, None].to(points.inputs.dtype)
    rng, parts, width = generator(seed), [], 2
    for _ in range(layers):
        parts += [Linear(width, units, rng=rng), getattr(course.modules, activation)()]
        width = units
    net = Chain(*parts, Linear(width, 1, rng=rng))
    loss: Module = BCEWithLogitsLoss()
    optimizer, given = Adam(net.parameters(), lr=lr), (points.inputs, target)
    states, metrics = [net.state_dict()], [evaluate(net, loss, given, [accuracy])]
    for epoch in range(epochs):
        fit(net, loss, optimizer, given, epochs=1, batch_size=50, seed=seed + epoch, progress=False)
        states.append(net.state_dict())
        metrics.append(evaluate(net, loss, given, [accuracy]))
    return Replay(
        points,
        net,
        tuple(states),
        *(tuple(numbers[name] for numbers in metrics) for name in ("loss", "accuracy")),
    )
