"""Normalization in the plane: value and gradient are torch's; the gradient is at a right angle to x."""

import numpy as np
import pytest
import torch

from course.figures.unit_length import NORMS, normalized, pair, unit_length

POINTS = [((1.6, 0.6), (0.3, 1.0)), ((-0.4, 1.9), (1.0, -0.2)), ((-1.0, -0.7), (-0.5, 0.5))]


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize(("x", "upstream"), POINTS)
def test_value_and_gradient_are_those_of_torch(norm, x, upstream):
    leaf = torch.tensor(x, dtype=torch.float64, requires_grad=True)
    out = torch.nn.functional.normalize(leaf, p=int(norm[1]), dim=0)
    (expected,) = torch.autograd.grad(out, leaf, torch.tensor(upstream, dtype=torch.float64))
    a, grad = normalized(norm, np.array(x), np.array(upstream))
    np.testing.assert_allclose(a, out.detach())
    np.testing.assert_allclose(grad, expected, atol=1e-12)
    assert np.dot(grad, x) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("norm", NORMS)
def test_the_picture_holds_these_numbers(norm):
    (x_1, x_2), (g_1, g_2) = POINTS[0]
    figure = unit_length(norm, x_1, x_2, g_1, g_2)
    a, grad = normalized(norm, np.array([x_1, x_2]), np.array([g_1, g_2]))
    words = " ".join(text.get_text() for text in figure.texts)
    for vector in (a, grad):
        assert pair(vector) in words
        assert pair(vector) in figure.alt
    (ball, dot) = figure.axes[0].lines[2:]
    power = int(norm[1])
    np.testing.assert_allclose((np.abs(ball.get_xydata()) ** power).sum(axis=1), 1)
    assert [*dot.get_xydata()[0]] == pytest.approx([*a])
    assert "x · ∂L/∂x = 0" in words


def test_a_vector_of_zeros_can_be_drawn():
    assert unit_length(x_1=0.0, x_2=0.0, g_1=0.0, g_2=0.0).to_png()


def test_an_unknown_norm_is_explained():
    with pytest.raises(ValueError, match="no norm is called 'L3': there are L2, L1"):
        unit_length("L3")
