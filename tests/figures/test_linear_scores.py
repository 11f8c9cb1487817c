"""The text example: the numbers of the lecture, and every number in its cell."""

import numpy as np
import pytest

from course.figures.linear_scores import BIAS, CLASSES, WEIGHT, linear_scores, scores


def test_scores_are_the_lectures():
    np.testing.assert_allclose(scores((0.1, 0.2, 0.3)).scores[:, 0], [0.95, 3.89, 0.15, 0.37], atol=1e-6)


@pytest.mark.parametrize("x", [(0.1, 0.2, 0.3), (-1.0, 1.0, -0.5)])
def test_scores_by_hand(x):
    found = scores(x)
    by_hand = [
        sum(w * value for w, value in zip(row, x, strict=True)) + b
        for row, b in zip(WEIGHT, BIAS, strict=True)
    ]
    np.testing.assert_allclose(found.scores[:, 0], by_hand, atol=1e-6)
    np.testing.assert_allclose(found.squashed[:, 0], 1 / (1 + np.exp(-np.array(by_hand))), atol=1e-6)


def test_every_number_stands_in_the_picture():
    figure = linear_scores()
    (axes,) = figure.axes
    places = {tuple(np.round(text.get_position(), 2)): text.get_text() for text in axes.texts}
    column = [places[7.8 + 0.5, 1.9 + row + 0.5] for row in range(4)]
    assert column == ["0.95", "3.89", "0.15", "0.37"]
    assert [places[0.3 + 0.5 + c, 1.9 + r + 0.5] for r in range(4) for c in range(3)] == (
        ["0.2", "−0.5", "0.1", "2", "1.5", "1.3", "0.5", "0", "0.25", "−0.3", "2", "0"]
    )
    assert "positive 3.89" in figure.alt


def test_the_largest_score_is_named():
    figure = linear_scores(-1.0, 1.0, -1.0)
    assert f"belongs to {CLASSES[3]}." in figure.alt
    assert any(text.get_text() == "very negative ← largest" for text in figure.axes[0].texts)
