"""Dropout and batch normalization: train() and eval() by their definitions, on the same units."""

import numpy as np
import pytest
import torch

from course.figures._digit_classifier import digit_classifier
from course.figures.dropout_batch_norm import UNIT, batch_norm_unit, dropout_batch_norm, dropout_units, fate


@pytest.mark.parametrize("p", [0.0, 0.3, 0.8])
def test_dropout_zeroes_scales_and_keeps_the_mean(p):
    x, dropped, kept, mean = dropout_units(p, seed=1)
    state = digit_classifier().net.state_dict()
    first = digit_classifier().test.inputs[0] @ state["0.weight"].T + state["0.bias"]
    np.testing.assert_allclose(x, first.relu()[:20].cpu(), atol=1e-5)
    np.testing.assert_array_equal(kept, x)
    scaled = np.isclose(dropped, x / (1 - p))
    assert (scaled | (dropped == 0)).all()
    assert (dropped[x > 0] == 0).any() == (p > 0)
    error = x * np.sqrt(p / (1 - p) / 400)  # the standard error of a mean of 400 draws
    assert (np.abs(mean - x) <= 4 * error + 1e-5).all()


def test_each_batch_is_normalized_by_itself_in_training():
    train, evaluated = batch_norm_unit(6, seed=2)
    np.testing.assert_allclose(train.mean(axis=1), 0, atol=1e-5)
    np.testing.assert_allclose(train.std(axis=1), 1, atol=1e-3)
    assert np.ptp(train[:, 0]) > 0.1
    assert np.ptp(evaluated[:, 0]) == 0
    assert np.abs(evaluated.mean(axis=1)).max() > 0.05
    # the same examples: one is a linear function of the other
    for before, after in zip(evaluated, train, strict=True):
        assert np.corrcoef(before, after)[0, 1] == pytest.approx(1)


def test_evaluation_uses_running_statistics():
    state = digit_classifier().net.state_dict()
    sums = digit_classifier().test.inputs @ state["0.weight"].T + state["0.bias"]
    _, evaluated = batch_norm_unit(32, seed=0)
    mean, deviation = sums[:, UNIT].mean().item(), sums[:, UNIT].std().item()
    values = ((sums[:, UNIT] - mean) / deviation).cpu().numpy()
    nearest = np.abs(evaluated[:, :, None] - values).min(axis=2)
    assert nearest.max() < 0.3  # normalized by nearly the statistics of all examples
    twice = torch.tensor(batch_norm_unit(4, seed=5)[1])
    assert torch.equal(twice, torch.tensor(batch_norm_unit(4, seed=5)[1]))


def test_two_examples_become_plus_and_minus_one():
    train, _ = batch_norm_unit(2, seed=0)
    np.testing.assert_allclose(np.abs(train), 1, atol=1e-2)
    with pytest.raises(ValueError, match="a batch of 1 has no deviation"):
        dropout_batch_norm(batch=1)


def test_marks_carry_the_data():
    figure = dropout_batch_norm(0.4, 5, 3)
    left, right, below, beside = figure.axes
    x, dropped, kept, mean = dropout_units(0.4, 3)
    for axes, expected in ((left, (x, dropped, mean)), (right, (x, kept))):
        for line, numbers in zip(axes.lines, expected, strict=False):
            np.testing.assert_array_equal(line.get_ydata(), numbers)
    for axes, outputs in zip((below, beside), batch_norm_unit(5, 3), strict=True):
        drawn = [line.get_ydata() for line in axes.lines]
        np.testing.assert_array_equal(np.concatenate(drawn[0::2]), outputs[:, 1:].ravel())
        np.testing.assert_array_equal(np.concatenate(drawn[1::2]), outputs[:, 0])
    train, _ = batch_norm_unit(5, 3)
    assert f"moves by {train[:, 0].max() - train[:, 0].min():.2f}" in below.get_title()


def test_fate():
    assert fate(np.array([1.0, 0, 2, 3]), np.array([0.0, 0, 4, 6]), 0.5) == "1 of 3 become 0, the others × 2"
    with pytest.raises(ValueError, match="p=1 leaves nothing to see"):
        dropout_batch_norm(1.0)
