"""Cover's count: known counts, all labelings one by one, and a Monte-Carlo estimate within its bars."""

import itertools
import math

import numpy as np
import pytest
from scipy.stats import binomtest

from course.figures.cover_count import counted, cover_count, fraction, interval, places, separable


def test_known_counts():
    # lines in the plane: all labelings of four points but XOR and its opposite
    assert fraction(4, 3) == 14 / 16
    assert fraction(3, 3) == 1
    assert fraction(2, 1) == 0.5
    assert fraction(100, 40) < 1e-1
    assert 0 < fraction(200, 20) < 1e-20
    for d in (1, 2, 5, 20, 100):
        assert fraction(2 * d, d) == 0.5
        assert fraction(d, d) == 1


@pytest.mark.parametrize(("n", "d"), [(4, 2), (5, 3), (6, 2), (6, 4)])
def test_every_labeling_of_some_points(n, d):
    """Cover's count holds for any points in general position: try all 2ⁿ labelings of one set."""
    x = np.random.default_rng(0).standard_normal((n, d))
    found = sum(separable(x, np.array(labels)) for labels in itertools.product((-1, 1), repeat=n))
    assert found == fraction(n, d) * 2**n


def test_xor_is_not_separable_and_or_is():
    corners = np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]])
    assert not separable(corners, np.array([-1, 1, 1, -1]))
    assert separable(corners, np.array([-1, 1, 1, 1]))


def test_intervals_are_scipys():
    for successes, trials in ((0, 20), (7, 40), (60, 60)):
        expected = binomtest(successes, trials).proportion_ci(method="wilson")
        assert interval(successes, trials) == pytest.approx((expected.low, expected.high), abs=1e-6)


def test_the_estimate_keeps_within_its_intervals():
    checked = [(n, d) for d in (2, 5) for n in places(d)]
    ends = [interval(counted(n, d, 100), 100) for n, d in checked]
    within = [low <= fraction(n, d) <= high for (low, high), (n, d) in zip(ends, checked, strict=True)]
    assert sum(within) >= len(within) - 2, "95 % intervals miss one time in twenty"


def test_more_samples_add_to_the_first():
    assert 0 <= counted(10, 5, 60) - counted(10, 5, 40) <= 20
    assert counted(10, 5, 40, seed=1) != counted(10, 5, 40, seed=2) or counted(8, 5, 40, seed=1) != counted(
        8, 5, 40, seed=2
    )


def test_curves_and_bars_carry_the_data():
    figure = cover_count(2, 40)
    left, right = figure.axes
    n, shares = left.lines[0].get_data()
    np.testing.assert_allclose(shares, [fraction(int(points), 2) for points in n])
    (bars,) = left.containers
    marks, _, (segments,) = bars
    hits = [counted(points, 2, 40) for points in places(2)]
    assert marks.get_xdata().tolist() == places(2)
    np.testing.assert_allclose(marks.get_ydata(), np.array(hits) / 40)
    np.testing.assert_allclose(
        [segment[:, 1] for segment in segments.get_segments()], [interval(hit, 40) for hit in hits]
    )
    for line in right.lines[:4]:
        ratios, parts = line.get_data()
        assert parts[np.flatnonzero(np.isclose(ratios, 2))[0]] == 0.5
    assert math.isclose(right.lines[0].get_linewidth(), 3.5)


@pytest.mark.parametrize("wrong", [{"dimensions": 0}, {"samples": 10}])
def test_wrong_arguments(wrong):
    with pytest.raises(ValueError, match="at least 1 dimension and 20 samples"):
        cover_count(**wrong)
