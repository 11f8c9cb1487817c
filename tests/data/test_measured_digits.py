"""Measured digits: each feature is what its name says, worked out by loops over pixels.

No digit is lost or moved.
"""

import numpy as np
import torch
from scipy.ndimage import center_of_mass, label

from course.data import digits, measured_digits
from course.data.measured_digits import FEATURES, measure
from course.device import tensor


def test_features_are_what_a_person_measures():
    images = digits(images=True, dtype=torch.float64).inputs[:200, 0].cpu().numpy()
    found = dict(
        zip(FEATURES, measured_digits(dtype=torch.float64).inputs[:200].cpu().numpy().T, strict=True)
    )
    centers = np.array([center_of_mass(image) for image in images]) / 7
    np.testing.assert_allclose(found["ink"], [image.sum() / 64 for image in images])
    np.testing.assert_allclose(found["center, from the top"], centers[:, 0])
    np.testing.assert_allclose(found["center, from the left"], centers[:, 1])
    np.testing.assert_allclose(
        found["unlike its mirror image"], [np.abs(i - np.fliplr(i)).mean() for i in images]
    )
    np.testing.assert_allclose(
        found["unlike itself upside down"], [np.abs(i - np.flipud(i)).mean() for i in images]
    )
    np.testing.assert_allclose(
        found["ink in the middle"], [np.mean([i[r, c] for r in (2, 3, 4, 5) for c in (3, 4)]) for i in images]
    )
    np.testing.assert_array_equal(found["strokes across"], [label(image[3] > 0.5)[1] for image in images])
    np.testing.assert_array_equal(found["strokes down"], [label(image[:, 4] > 0.5)[1] for image in images])


def test_a_drawn_one_is_symmetric_and_crossed_once():
    image = np.zeros((8, 8))
    image[:, 3:5] = 1
    ink, top, left, mirror, upside_down, middle, across, down = measure(tensor(image[None])).cpu()[0].tolist()
    assert (ink, top, left, mirror, upside_down, middle, across, down) == (0.25, 0.5, 0.5, 0, 0, 1, 1, 1)


def test_the_same_digits_in_the_same_order():
    np.testing.assert_array_equal(measured_digits().targets.cpu(), digits().targets.cpu())
    test = measured_digits().split(seed=3).test
    np.testing.assert_array_equal(test.targets.cpu(), digits().split(seed=3).test.targets.cpu())
