"""Several trainings in one picture: the lines are the histories' numbers, and what is missing is named."""

import pytest

from course.figures.compare_histories import compare_histories, learning_rates
from course.training import History


def history(losses, **validation):
    made = History()
    for epoch, loss in enumerate(losses):
        made.add({"loss": loss}, {name: numbers[epoch] for name, numbers in validation.items()}, 0.1)
    return made


def test_lines_are_the_histories_own_numbers():
    runs = {
        "quick": history([1.0, 0.2, 0.1], loss=[1.1, 0.4, 0.5], accuracy=[0.5, 0.75, 1.0]),
        "slow": history([1.0, 0.9], loss=[1.1, 1.0], accuracy=[0.5, 0.5]),
    }
    figure = compare_histories(runs, ("training loss", "validation loss", "validation accuracy"))
    assert [axes.get_title() for axes in figure.axes] == [
        "training loss",
        "validation loss",
        "validation accuracy",
    ]
    for axes, kept in zip(figure.axes, ("train", "validation", "validation"), strict=True):
        what = axes.get_title().split()[1]
        for name, run in runs.items():
            (line,) = [line for line in axes.lines if line.get_label() == name]
            assert line.get_ydata().tolist() == getattr(run, kept)[what]
            assert line.get_xdata().tolist() == list(range(1, len(run) + 1))
    assert "quick 0.1" in [text.get_text() for text in figure.axes[0].texts]
    assert "quick from 1 to 0.1, slow from 1 to 0.9" in figure.alt


def test_lines_are_told_apart_without_color():
    (axes, _) = compare_histories().axes
    looks = [(str(line._dash_pattern), line.get_color()) for line in axes.lines]
    assert len(looks) == len({dashes for dashes, _ in looks}) == len({color for _, color in looks}) == 3


def test_the_example_learns_faster_with_a_larger_rate():
    slow, middle, quick = learning_rates().values()
    assert slow.train["loss"][-1] > middle.train["loss"][-1] > quick.train["loss"][-1]


def test_what_cannot_be_drawn_is_named():
    with pytest.raises(ValueError, match="no curve to draw: pass trainings of one epoch"):
        compare_histories({})
    with pytest.raises(ValueError, match="no curve to draw"):
        compare_histories({"untrained": History()})
    with pytest.raises(
        ValueError, match="'mine' recorded no 'validation accuracy': there are training loss, validation loss"
    ):
        compare_histories({"mine": history([1.0], loss=[1.0])})
    with pytest.raises(ValueError, match="recorded no 'test loss'"):
        compare_histories({"mine": history([1.0])}, ["test loss"])
