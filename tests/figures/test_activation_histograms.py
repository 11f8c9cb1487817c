"""Histograms of activations: numpy's numbers, and a spread that shrinks, stays or ends at the rails."""

import math

import numpy as np
import pytest
import torch

from course.data import digits
from course.device import generator
from course.figures.activation_histograms import EXAMPLES, WIDTH, activation_histograms, layer_outputs


def by_numpy(function, depth, scale, seed=0):
    data = digits(dtype=torch.float64).inputs.cpu().numpy()
    deviation = data.std(axis=0)
    value = ((data - data.mean(axis=0)) / np.where(deviation == 0, 1, deviation))[:EXAMPLES]
    for layer in range(depth):
        rng = generator(1000 * seed + layer)
        weight = (
            torch.randn(WIDTH, WIDTH, generator=rng, device=rng.device, dtype=torch.float64).cpu().numpy()
        )
        value = function(value @ (scale * weight / math.sqrt(WIDTH)).T)
        yield value


@pytest.mark.parametrize(
    ("name", "function"),
    [("Tanh", np.tanh), ("Sigmoid", lambda x: 1 / (1 + np.exp(-x))), ("ReLU", lambda x: np.maximum(x, 0))],
)
def test_outputs_are_those_of_numpy(name, function):
    outputs, _ = layer_outputs(name, 4, 1.5, 0)
    for found, expected in zip(outputs, by_numpy(function, 4, 1.5), strict=True):
        np.testing.assert_allclose(found, expected.ravel(), rtol=1e-9, atol=1e-12)


def test_flat_is_where_the_slope_is_below_a_hundredth():
    outputs, flat = layer_outputs("Tanh", 5, 3.0, 0)
    assert flat == pytest.approx([(1 - out**2 < 0.01).mean() for out in outputs])
    assert min(flat) > 0.2
    assert max(layer_outputs("Tanh", 5, 1.0, 0)[1]) < 0.05


def test_what_theory_says_of_the_spread():
    scales = {"Tanh": 0.3, "ReLU": math.sqrt(2), "SELU": 1.0}
    deviations = {
        name: [out.std() for out in layer_outputs(name, 20, scale, 0)[0]] for name, scale in scales.items()
    }
    assert deviations["Tanh"][-1] < 1e-6  # each layer multiplies by about 0.3
    assert 0.3 < deviations["ReLU"][-1] / deviations["ReLU"][0] < 3  # He: √(2/n)
    assert deviations["SELU"][-1] == pytest.approx(1, abs=0.25)
    assert layer_outputs("Sigmoid", 3, 1.0, 0)[0][-1].mean() == pytest.approx(0.5, abs=0.1)


def test_bars_are_the_shares_and_add_up():
    figure = activation_histograms(depth=10)
    assert [axes.get_title().split("\n")[0] for axes in figure.axes] == [
        f"layer {n}" for n in (1, 3, 5, 6, 8, 10)
    ]
    for axes in figure.axes:
        assert sum(bar.get_height() for bar in axes.patches) == pytest.approx(1)
        assert axes.get_xlim() == figure.axes[0].get_xlim()
    assert len(activation_histograms(depth=2).axes) == 2


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="no activation is called 'tanh'"):
        activation_histograms("tanh")
    with pytest.raises(ValueError, match="it must be at least 1"):
        activation_histograms(depth=0)
