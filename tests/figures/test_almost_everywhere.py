"""Almost everywhere: the slopes are those of central differences.

The rings stand where one-sided differences disagree.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from course.figures.almost_everywhere import PANELS, almost_everywhere, curves, sides


@pytest.mark.parametrize(("name", "module"), PANELS)
def test_slopes_are_measured_ones(name, module):
    x = np.linspace(-2, 2, 41)
    x = x[np.abs(x) > 0.01]
    up, down = (curves(module, x + h)[0] for h in (1e-6, -1e-6))
    assert_allclose(curves(module, x)[1], (up - down) / 2e-6, atol=1e-6)


def test_sides_disagree_at_a_kink_and_at_a_jump():
    (smooth, kink, jump) = (sides(module) for _, module in PANELS)
    assert_allclose(smooth, (0, 0), atol=1e-5)
    assert_allclose(kink, (0, 1), atol=1e-6)
    assert jump[0] == 0 < 1000 < jump[1]


def test_rings_stand_at_kink_and_jump():
    figure = almost_everywhere()
    rings = [
        axes.get_title() for axes in figure.axes[:3] if any(line.get_marker() == "o" for line in axes.lines)
    ]
    assert rings == [name for name, _ in PANELS[1:]]
    assert "The slope of step is 0" in figure.alt
