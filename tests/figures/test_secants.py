"""Secants: their slopes are the differences on paper, and their errors shrink as Taylor says."""

import math

import numpy as np
import pytest
import torch

from course.figures.secants import FUNCTIONS, secants, slopes_at

ON_PAPER = {
    "sin": (math.sin, math.cos),
    "exp": (math.exp, math.exp),
    "ReLU": (lambda x: max(x, 0.0), lambda x: float(x > 0)),
}


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize(("at", "step"), [(0.8, 0.9), (-1.3, 0.05), (0.1, 0.4)])
def test_slopes_are_those_on_paper(function, at, step):
    f, slope = ON_PAPER[function]
    true, found, points = slopes_at(function, at, step)
    assert true == pytest.approx(slope(at))
    assert found["one-sided"] == pytest.approx((f(at + step) - f(at)) / step)
    assert found["central"] == pytest.approx((f(at + step) - f(at - step)) / (2 * step))
    assert points == pytest.approx({place: f(place) for place in (at - step, at, at + step)})


@pytest.mark.parametrize(("method", "order"), [("one-sided", 1), ("central", 2)])
def test_errors_shrink_with_the_step_and_with_its_square(method, order):
    steps = np.array([0.02, 0.01, 0.005])
    errors = [abs(slopes_at("sin", 1.0, step)[1][method] - math.cos(1.0)) for step in steps]
    assert np.polyfit(np.log(steps), np.log(errors), 1)[0] == pytest.approx(order, abs=0.02)


def test_the_lines_have_the_slopes_that_are_written_beside_them():
    figure = secants("exp", at=0.5, step=0.8)
    true, slopes, points = slopes_at("exp", 0.5, 0.8)
    curve, tangent, one_sided, central, dots = figure.axes[0].lines
    np.testing.assert_allclose(curve.get_ydata(), np.exp(curve.get_xdata()), rtol=1e-12)
    assert [line.get_slope() for line in (tangent, one_sided, central)] == [
        true,
        slopes["one-sided"],
        slopes["central"],
    ]
    assert [*dots.get_ydata()] == [points[x] for x in dots.get_xdata()]
    words = " ".join(text.get_text() for text in figure.axes[1].texts)
    for number in (true, slopes["one-sided"], slopes["central"]):
        assert f"{number:.3g}" in words
        assert f"{number:.3g}" in figure.alt


def test_a_kink_between_the_points_makes_the_central_difference_wrong():
    true, slopes, _ = slopes_at("ReLU", 0.1, 0.4)
    assert true == torch.tensor(1.0)
    assert slopes["central"] == pytest.approx((0.1 + 0.4) / 0.8)


def test_wrong_arguments_are_explained():
    with pytest.raises(ValueError, match="no function is called 'cosh': there are sin, exp, ReLU"):
        secants("cosh")
    with pytest.raises(ValueError, match="the step must be above 0"):
        secants(step=0.0)
