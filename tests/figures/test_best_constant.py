"""The best constant: numpy's mean and median, and Huber's by another search.

An outlier moves only the mean far.
"""

import numpy as np
import pytest

from course.data import diabetes
from course.figures.best_constant import DELTA, answers, best_constant, loss_and_slope, minimizer


@pytest.mark.parametrize(("outlier", "copies"), [(0, 0), (1500, 10), (4000, 3)])
def test_squares_are_least_at_the_mean_and_absolute_errors_at_the_median(outlier, copies):
    scores = answers(outlier, copies)
    own = np.append(diabetes().targets.cpu().numpy(), [outlier] * copies)
    assert minimizer("squared", scores) == pytest.approx(own.mean(), abs=1e-4)
    assert minimizer("absolute", scores) == pytest.approx(np.median(own), abs=0.5)
    grid = np.linspace(100, 250, 15001)
    clipped = np.clip(grid[:, None] - own, -DELTA, DELTA)
    least = grid[(clipped * (grid[:, None] - own - clipped / 2)).mean(axis=1).argmin()]
    assert minimizer("Huber", scores) == pytest.approx(least, abs=0.05)


def test_slopes_are_slopes():
    scores = answers(0, 0)
    for kind in ("squared", "absolute", "Huber"):
        step = 1e-5
        high, low = (loss_and_slope(kind, 130.3 + side * step, scores)[0] for side in (1, -1))
        assert loss_and_slope(kind, 130.3, scores)[1] == pytest.approx((high - low) / (2 * step), rel=1e-5)


def test_the_title_tells_the_best_constants():
    assert "squared 152, absolute 140" in best_constant(copies=0).get_suptitle()
    assert "10 × 1,500: squared 182" in best_constant().get_suptitle()


def test_negative_numbers_are_an_error():
    with pytest.raises(ValueError, match="at least 0"):
        best_constant(copies=-1)
