"""The slopes are those of f = (x + y) z, and the picture carries them."""

import numpy as np
import pytest

from course.figures.input_slopes import INPUTS, input_slopes, slopes


@pytest.mark.parametrize("point", [(-2.0, 5.0, -4.0), (1.5, -0.25, 3.0)])
def test_slopes_and_curves_are_those_of_the_formula(point):
    found = slopes(*point)
    x, y, z = point
    assert found.f == pytest.approx((x + y) * z)
    assert found.grads == pytest.approx({"x": z, "y": z, "z": x + y})
    for name, grad in found.grads.items():
        np.testing.assert_allclose(found.curves[name], found.f + grad * found.moves, rtol=1e-5, atol=1e-5)


def test_the_rise_is_drawn_beside_a_step_of_one():
    figure = input_slopes(1.0, 2.0, -3.0)
    for axes, name, grad in zip(figure.axes, INPUTS, (-3.0, -3.0, 3.0), strict=True):
        _, step, rise, _ = axes.lines
        assert np.ptp(step.get_xdata()) == 1
        assert np.subtract(*rise.get_ydata()[::-1]) == pytest.approx(grad)
        assert name in axes.get_xlabel()
    assert "−3 for x, −3 for y, 3 for z" in figure.alt
