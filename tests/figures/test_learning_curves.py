"""Learning curves: each line carries the history's numbers, and the title says what they mean."""

import numpy as np
import pytest

from course.data import breast_cancer
from course.figures.learning_curves import learning_curves, overfitting
from course.training import History
from course.training.curves import point


def history(train, validation=(), **other):
    made = History()
    for epoch, loss in enumerate(train):
        made.add({"loss": loss, **other}, {"loss": validation[epoch], **other} if validation else {}, 0.1)
    return made


def test_lines_are_the_numbers_of_the_history():
    shown = overfitting()
    loss, accuracy = learning_curves().axes
    for axes, name in ((loss, "loss"), (accuracy, "accuracy")):
        train, validation = axes.lines[:2]
        np.testing.assert_array_equal(train.get_ydata(), shown.train[name])
        np.testing.assert_array_equal(validation.get_ydata(), shown.validation[name])
        assert list(train.get_xdata()) == list(range(1, 61))
        assert f"{shown.train[name][-1]:.3g}" in axes.texts[0].get_text()
    (diamond,) = [line for line in loss.lines if line.get_marker() == "D"]
    best = int(np.argmin(shown.validation["loss"]))
    assert (diamond.get_xdata()[0], diamond.get_ydata()[0]) == (best + 1, min(shown.validation["loss"]))


def test_the_example_overfits():
    shown = overfitting()
    assert shown.validation["loss"][-1] > 1.2 * min(shown.validation["loss"])
    assert shown.train["loss"][-1] == min(shown.train["loss"])
    assert len(shown) < len(breast_cancer())
    assert "overfits" in learning_curves().alt


def test_the_title_says_what_happened():
    assert point(history([4, 2, 1])) == "training loss from 4 to 1 in 3 epochs"
    assert point(history([4, 2, 1], [5, 3, 2])) == "lowest validation loss 2, in epoch 3 of 3"
    assert point(history([4, 2, 1], [5, 3, 6])) == (
        "after epoch 2 only the training loss falls on: the network overfits"
    )
    # both rise: no overfitting
    assert point(history([4, 2, 3], [5, 3, 6])) == "lowest validation loss 3, in epoch 2 of 3"


def test_a_history_plots_itself():
    figure = history([3.0], r2=-0.5).plot()
    assert [axes.get_title() for axes in figure.axes] == ["loss of an example", "r2"]
    assert figure.axes[1].get_ylim()[0] < -0.5
    with pytest.raises(ValueError, match="no epoch"):
        History().plot()


def test_training_draws_its_curves_without_the_figures(root):
    """Arrows run one way: figures → training → figure."""
    for path in ((root / "course" / "figure.py"), *(root / "course" / "training").glob("*.py")):
        assert "course.figures" not in path.read_text(encoding="utf-8"), path
