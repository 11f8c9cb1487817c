"""Training: the mini-batch loop, with early stopping, metrics, a progress bar and a history to plot."""

from course.training.batches import batches
from course.training.diverged import DivergedError
from course.training.fit import fit
from course.training.history import History
from course.training.metrics import accuracy
from course.training.predict import evaluate, predict

__all__ = ["DivergedError", "History", "accuracy", "batches", "evaluate", "fit", "predict"]
