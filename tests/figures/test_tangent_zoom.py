"""Zooming in: the tangent has the slope of sin(0.5 x²) on paper.

The gap to it shrinks with the square of the distance.
"""

import math

import numpy as np
import pytest

from course.figures.tangent_zoom import REACH, tangent_errors, tangent_zoom

POINTS = [-2.4, -1.0, 0.0, 0.5, 1.5, 2.9]


def slope_of(figure):
    (tangent,) = (line for line in figure.axes[0].lines if line.get_label() == "tangent")
    x, y = tangent.get_data()
    return (y[-1] - y[0]) / (x[-1] - x[0])


@pytest.mark.parametrize("at", POINTS)
def test_the_tangent_has_the_slope_on_paper(at):
    assert slope_of(tangent_zoom(at=at)) == pytest.approx(math.cos(0.5 * at**2) * at)


@pytest.mark.parametrize("at", POINTS)
def test_ten_times_nearer_is_a_hundred_times_closer(at):
    distances = np.logspace(-3.5, -1.5, 9)
    errors = tangent_errors(at, distances)
    assert np.polyfit(np.log(distances), np.log(errors), 1)[0] == pytest.approx(2, abs=0.1)
    bend = math.cos(0.5 * at**2) - at**2 * math.sin(0.5 * at**2)  # the second derivative
    assert errors[0] == pytest.approx(0.5 * abs(bend) * distances[0] ** 2, rel=0.02)


def test_the_curve_is_the_sine_and_the_window_the_zoom():
    figure = tangent_zoom(zoom=4.0, at=-1.0)
    window, plot = figure.axes
    x, y = window.lines[0].get_data()
    expected = [math.sin(0.5 * (-1 + away) ** 2) - math.sin(0.5) for away in x]
    np.testing.assert_allclose(y, expected, atol=1e-12)
    assert window.get_xlim() == pytest.approx((-REACH / 4, REACH / 4))
    (point,) = (line for line in plot.lines if line.get_marker() == "o")
    gap = np.abs(np.array(expected) - slope_of(figure) * np.array(x)).max()
    assert [*point.get_xydata()[0]] == pytest.approx([REACH / 4, gap], rel=1e-6)
    np.testing.assert_allclose(plot.lines[0].get_ydata(), tangent_errors(-1.0, plot.lines[0].get_xdata()))


def test_zooming_out_is_explained():
    with pytest.raises(ValueError, match=r"zoom=0.5 looks from farther away"):
        tangent_zoom(zoom=0.5)
