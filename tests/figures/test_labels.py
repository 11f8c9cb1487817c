"""Labels at the ends of curves: near their curves, in their order, and never on one another."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course.figure import apart
from course.figures._labels import rounded, time_ticks


@given(st.lists(st.floats(-3, 3), min_size=1, max_size=5))
def test_labels_keep_apart_in_the_curves_order(ends):
    placed = np.array(apart(ends, -3, 3, room=0.1))
    ordered = placed[np.argsort(ends, kind="stable")]
    assert np.all(np.diff(ordered) > 0.6 * 0.99)
    assert placed.min() >= -2.7001
    assert placed.max() <= 2.7001


def test_labels_that_are_apart_stay_where_they_are():
    assert apart([0.5, 0.1, 0.9], 0, 1) == [0.5, 0.1, 0.9]


def test_two_at_one_place_part_evenly():
    np.testing.assert_allclose(apart([0.5, 0.5], 0, 1, room=0.1), [0.45, 0.55])


def test_time_ticks_are_the_first_step_and_round_ones():
    assert time_ticks(4) == [1, 2, 3, 4]
    assert time_ticks(12) == [1, 5, 10]
    assert time_ticks(60) == [1, 10, 20, 30, 40, 50, 60]


@pytest.mark.parametrize(
    ("number", "digits", "said"),
    [
        (861.3, 2, "860"),
        (12345.0, 2, "12,000"),
        (8661.4, 3, "8,660"),
        (10, 2, "10"),
        (8.66, 2, "8.7"),
        (0.04561, 2, "0.046"),
        (0.0, 2, "0"),
    ],
)
def test_numbers_are_written_out_by_their_first_digits(number, digits, said):
    assert rounded(number, digits) == said
