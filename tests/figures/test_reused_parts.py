"""Reused parts: the counts are those of plain Python, and the curves say what the counts say."""

import numpy as np

from course.data import digits
from course.figures.reused_parts import counts, manual, patches, phrases, reused_parts


def test_patches_are_counted_as_by_loops():
    images = (digits(images=True).inputs[:50, 0] > 0.5).cpu().numpy()
    for side in (1, 2, 3, 8):
        seen = [
            image[row : row + side, column : column + side].tobytes()
            for image in images
            for row in range(9 - side)
            for column in range(9 - side)
        ]
        assert patches(images, side) == (len(seen), len(set(seen)))


def test_phrases_are_counted_as_by_hand():
    words = ["to", "be", "or", "not", "to", "be"]
    assert phrases(words, 1) == (6, 4)
    assert phrases(words, 2) == (5, 4)
    assert phrases(words, 6) == (1, 1)


def test_the_manual_is_english_and_long_enough():
    words = manual()
    assert len(words) > 20_000
    assert {"the", "class", "statement", "object"} <= set(words)


def test_curves_are_the_counted_shares():
    for axes, found in zip(reused_parts().axes, counts(), strict=True):
        curve = axes.lines[0]
        np.testing.assert_array_equal(curve.get_xdata(), list(found))
        np.testing.assert_allclose(
            curve.get_ydata(), [different / every for every, different in found.values()]
        )
        assert found[1][1] / found[1][0] < 0.2 < 0.9 < curve.get_ydata()[-1], (
            "parts are reused, wholes are new"
        )
        for text in axes.texts:
            different, every = (
                int(number.replace(",", "")) for number in text.get_text().split() if number[0].isdigit()
            )
            assert (every, different) in found.values()
