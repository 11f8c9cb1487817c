"""The cost of gradients: both ways find the same gradient; differences need two runs for each parameter."""

import sys

import pytest

from course import Chain
from course.figures.gradient_cost import cost, gradient_cost, round_number


@pytest.mark.parametrize("width", [1, 3, 5])
def test_both_gradients_agree(width):
    found = cost(width)
    assert found.parameters == width * width + width
    assert found.difference < 1e-8
    assert min(found.one_by_one, found.many_at_once, found.backward) > 0


def test_differences_run_forward_twice_for_each_parameter(monkeypatch):
    runs, forward = [], Chain.forward
    monkeypatch.setattr(Chain, "forward", lambda self, x: runs.append(1) or forward(self, x))
    monkeypatch.setattr(sys.modules[cost.__module__], "_timed", lambda run, tries: (1.0, counted(run)))
    counts = []

    def counted(run):
        runs.clear()
        found = run()
        counts.append(len(runs))
        return found

    found = cost.__wrapped__(4)
    backward, one_by_one, many_at_once = counts
    assert backward == 1
    assert one_by_one == found.runs == 2 * 20
    assert many_at_once < 20


def test_backward_is_the_quickest_of_the_three():
    found = cost(32)
    assert found.backward < found.many_at_once < found.one_by_one


def test_the_lines_carry_the_measurements():
    figure = gradient_cost((2, 3, 4))
    costs = [cost(width) for width in (2, 3, 4)]
    one_by_one, many_at_once, backward = figure.axes[0].lines[:3]
    for line, name in ((one_by_one, "one_by_one"), (many_at_once, "many_at_once"), (backward, "backward")):
        assert [*line.get_xdata()] == [6, 12, 20]
        assert [*line.get_ydata()] == [getattr(found, name) for found in costs]
    assert f"about {round_number(costs[-1].ratio):,} times" in figure.get_suptitle()
    assert "12 to 40 runs" in figure.alt


def test_round_numbers():
    assert [round_number(number) for number in (7.4, 38.4, 950, 10_079, 14_500)] == [
        7,
        38,
        1000,
        10_000,
        10_000,
    ]


def test_wrong_widths_are_explained():
    for widths in ((4,), (0, 4)):
        with pytest.raises(ValueError, match="make no line: pass two or more, each at least 1"):
            gradient_cost(widths)
