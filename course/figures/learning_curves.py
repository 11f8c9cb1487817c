"""Learning curves: loss and metrics by epoch, on the training examples and on others."""

import functools

from course import Chain, generator
from course.data import breast_cancer
from course.figure import Figure
from course.figures.registry import figure
from course.modules import CrossEntropyLoss, Linear, ReLU
from course.optim import Adam
from course.training import History, accuracy, fit


@figure()
def learning_curves(history: History | None = None) -> Figure:
    """Draw what `fit` went through, a panel for the loss and one for each metric, as ``history.plot()`` does.

    Args:
        history: what `fit` returned; None: an example, a network that overfits 60 tumors.
    """
    return (overfitting() if history is None else history).plot()


@functools.cache
def overfitting(examples: int = 60, epochs: int = 60, seed: int = 0) -> History:
    """Train a network with far more weights than examples.

    The examples are tumors: a part of them to learn from, a quarter to validate.
    """
    train, validation = breast_cancer().split(seed=seed)
    train = train[:examples]
    rng = generator(seed)
    net = Chain(Linear(30, 32, rng=rng), ReLU(), Linear(32, 2, rng=rng))
    return fit(
        net,
        CrossEntropyLoss(),
        Adam(net.parameters(), lr=3e-3),
        train.standardize(),
        validation=validation.standardize(by=train),
        metrics=[accuracy],
        epochs=epochs,
        seed=seed,
        progress=False,
    )
