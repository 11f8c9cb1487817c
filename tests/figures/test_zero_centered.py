"""Inputs that are all positive: gradients by hand, their signs, and a way that zig-zags."""

import numpy as np
import pytest

from course.data import iris
from course.figures.zero_centered import (
    FEATURES,
    SPEED,
    TARGET,
    descend,
    examples,
    first_gradients,
    zero_centered,
)


def test_inputs_are_the_flowers_with_the_mean_that_was_asked_for():
    inputs = examples(3.0)[0].cpu().numpy()
    own = iris().only(*FEATURES).inputs.cpu().numpy()
    np.testing.assert_allclose(inputs.mean(axis=0), 3, atol=1e-6)
    np.testing.assert_allclose(inputs.std(axis=0), 1, atol=1e-6)
    np.testing.assert_allclose(np.corrcoef(inputs.T), np.corrcoef(own.T), atol=1e-6)


@pytest.mark.parametrize("mean", [0.0, 2.0])
def test_gradients_are_minus_error_times_input(mean):
    x = examples(mean)[0].cpu().numpy()
    np.testing.assert_allclose(first_gradients(mean), -(x @ np.array(TARGET))[:, None] * x, atol=1e-9)


def test_positive_inputs_leave_two_quadrants():
    far = first_gradients(5.0)
    assert (examples(5.0)[0] > 0).all()
    assert (far.prod(axis=1) >= 0).all()
    assert 0.3 < (first_gradients(0.0).prod(axis=1) > 0).mean() < 0.7


@pytest.mark.parametrize("mean", [0.0, 2.0])
def test_the_way_is_that_of_sgd(mean):
    x, w = examples(mean)[0].cpu().numpy(), np.zeros(2)
    rate = SPEED / np.square(x).sum(axis=1).mean()
    way = [w]
    for step in range(160):
        row = x[step % len(x)]
        way.append(way[-1] + rate * (row @ np.array(TARGET) - row @ way[-1]) * row)
    np.testing.assert_allclose(descend(mean, 160), way, atol=1e-9)


def test_centered_inputs_arrive_sooner():
    left = [np.linalg.norm(descend(mean, 40)[-1] - TARGET) for mean in (0.0, 2.0, 4.0)]
    assert left[0] < left[1] < left[2]


def test_the_picture_says_so():
    figure = zero_centered(mean=0.0)
    assert "any signs" in figure.get_suptitle()
    assert "share one sign" in zero_centered(mean=3.0).get_suptitle()
    with pytest.raises(ValueError, match="there must be at least 1"):
        zero_centered(steps=0)
