"""The cost of activations: medians of what the clock said, of forward and backward apart."""

import itertools

import pytest

from course.figures.activation_cost import ACTIVATIONS_OF_THE_LECTURE, activation_cost, median_times
from course.module import Module


class Slow(Module):
    """Takes what a fake clock says."""

    def __init__(self, tell, forward, backward):
        self.tell, self.times = tell, (itertools.cycle(forward), itertools.cycle(backward))

    def forward(self, x):
        self.save()
        self.tell(next(self.times[0]))
        return x

    def backward(self, grad_output):
        self.tell(next(self.times[1]))
        return grad_output


def test_medians_of_forward_and_backward_without_the_first_round():
    now = [0.0]

    def tell(seconds):
        now[0] += seconds

    makers = {
        "even": lambda: Slow(tell, [99.0, 1.0, 2.0, 9.0], [99.0, 5.0, 5.0, 6.0]),
        "other": lambda: Slow(tell, [0.5], [0.25]),
    }
    assert median_times(makers, 3, 4, clock=lambda: now[0]) == {"even": (2.0, 5.0), "other": (0.5, 0.25)}


def test_every_activation_of_the_lecture_has_two_bars_and_linear_is_beside_them():
    figure = activation_cost(repeats=2, examples=8)
    (axes,) = figure.axes
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert set(names) == {*ACTIVATIONS_OF_THE_LECTURE, "Linear(512, 512)"}
    assert len(axes.patches) == 2 * len(names)
    assert all(bar.get_width() > 0 for bar in axes.patches)
    totals = [
        axes.patches[2 * i].get_width() + axes.patches[2 * i + 1].get_width() for i in range(len(names))
    ]
    assert totals == sorted(totals)


def test_nothing_measured_is_an_error():
    with pytest.raises(ValueError, match="both must be at least 1"):
        activation_cost(repeats=0)
