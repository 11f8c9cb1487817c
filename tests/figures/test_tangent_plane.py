"""The tangent plane: its slopes are those on paper.

The gap to the surface shrinks with the square of the distance.
"""

import math

import numpy as np
import pytest

from course.figures.tangent_plane import REACH, gradient_at, largest_gap, rises, tangent_plane

POINTS = [(0.4, 0.6), (-1.0, 2.0), (2.5, -0.3)]


@pytest.mark.parametrize(("x", "y"), POINTS)
def test_the_plane_has_the_slopes_on_paper(x, y):
    expected = math.cos(x) * math.cos(y), -math.sin(x) * math.sin(y)
    assert gradient_at(x, y) == pytest.approx(expected)
    dx, dy, rise, plane = (part.cpu().numpy() for part in rises(x, y, 0.5))
    np.testing.assert_allclose(rise, np.sin(x + dx) * np.cos(y + dy) - math.sin(x) * math.cos(y), atol=1e-12)
    np.testing.assert_allclose(plane, expected[0] * dx + expected[1] * dy, atol=1e-12)


@pytest.mark.parametrize(("x", "y"), POINTS)
def test_ten_times_nearer_is_a_hundred_times_closer(x, y):
    distances = np.logspace(-3, -1.5, 7)
    gaps = [largest_gap(x, y, distance) for distance in distances]
    assert np.polyfit(np.log(distances), np.log(gaps), 1)[0] == pytest.approx(2, abs=0.1)
    bend = np.array(
        [
            [-math.sin(x) * math.cos(y), -math.cos(x) * math.sin(y)],
            [-math.cos(x) * math.sin(y), -math.sin(x) * math.cos(y)],
        ]
    )
    corners = [np.array(corner) for corner in ((1, 1), (1, -1), (1, 0), (0, 1))]
    assert gaps[0] == pytest.approx(distances[0] ** 2 * max(abs(c @ bend @ c) / 2 for c in corners), rel=0.02)


def test_the_window_is_the_zoom_and_the_point_lies_on_the_curve():
    window, plot = tangent_plane(zoom=5.0, x=-1.0, y=2.0).axes
    assert window.get_xlim() == pytest.approx((-REACH / 5, REACH / 5), rel=0.05)
    (point,) = (line for line in plot.lines if line.get_marker() == "o")
    assert [*point.get_xydata()[0]] == pytest.approx([REACH / 5, largest_gap(-1.0, 2.0, REACH / 5)])


def test_zooming_out_is_explained():
    with pytest.raises(ValueError, match=r"zoom=0.5 looks from farther away"):
        tangent_plane(zoom=0.5)
