"""Matrices as heat maps: what color and what text a number gets."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from course.figures._matrix import canvas, draw_matrix, number_text, shade


def test_colors_part_at_zero_and_fade_towards_it():
    zero, small, plus, minus, missing = shade(np.array([0.0, 0.5, 1.0, -1.0, np.nan]))
    assert to_hex(zero) == "#ffffff"
    assert plus[2] > plus[0]  # blue
    assert minus[0] > minus[2]  # rust
    assert np.all(plus < small)
    assert len(set(missing)) == 1


def test_colors_against_a_given_largest_stop_there():
    one, more = shade(np.array([1.0, 5.0]), largest=1.0)
    assert one == pytest.approx(more)
    assert np.all(shade(np.zeros((2, 2))) == 1)


@pytest.mark.parametrize(
    ("number", "digits", "text"),
    [(0.25, 2, "0.25"), (3.0, 2, "3"), (-0.001, 2, "0"), (-1.5, 1, "−1.5"), (10.0, 0, "10"), (100, 1, "100")],
)
def test_number_text(number, digits, text):
    assert number_text(number, digits) == text


def test_a_matrix_lies_where_it_was_put():
    _, axes = canvas("a matrix of two rows and three columns, for a test", 10, 5)
    texts = draw_matrix(axes, np.array([[1.0, 2.0, 3.0], [4.0, np.nan, 6.0]]), 2, 1, cell=0.5)
    assert [text.get_text() for text in texts] == ["1", "2", "3", "4", "6"]
    assert texts[2].get_position() == (3.25, 1.25)
    assert axes.images[0].get_extent() == [2, 3.5, 2, 1]
    assert axes.get_ylim() == (5, 0)
