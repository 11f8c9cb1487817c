"""The anatomy of cos(θx) + π: its three numbers are those on paper."""

import math

import pytest

from course.figures.module_anatomy import module_anatomy, run


@pytest.mark.parametrize(("x", "theta", "upstream"), [(1.2, 0.8, 2.0), (-3.0, 1.5, -0.5), (0.0, 2.0, 1.0)])
def test_the_numbers_are_those_on_paper(x, theta, upstream):
    found = run(x, theta, upstream)
    assert found.a == pytest.approx(math.cos(theta * x) + math.pi, rel=1e-6)
    assert found.grad_x == pytest.approx(-upstream * theta * math.sin(theta * x), rel=1e-5, abs=1e-6)
    assert found.grad_theta == pytest.approx(-upstream * x * math.sin(theta * x), rel=1e-5, abs=1e-6)


def test_they_are_drawn():
    said = [text.get_text() for text in module_anatomy(0.0, 2.0, 1.0).axes[0].texts]
    assert {"x = 0", "θ = 2", "a = 4.14", "g = ∂L/∂a = 1", "∂L/∂x = 0", "θ.grad += 0"} <= set(said)
