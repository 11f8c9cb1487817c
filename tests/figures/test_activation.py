"""The activation explorer: its zones are where the derivative is small.

Every activation of the library is in it.
"""

import math

import numpy as np
import pytest
import torch

from course.device import device, generator
from course.figures.activation import ACTIVATIONS, activation
from course.figures.saturation import SATURATED, make_activation, zones
from course.modules.registry import all_modules

CLOSED = {
    "Sigmoid": [
        -math.log((1 + math.sqrt(0.96)) / (1 - math.sqrt(0.96))),
        math.log((1 + math.sqrt(0.96)) / (1 - math.sqrt(0.96))),
    ],
    "Tanh": [-math.atanh(math.sqrt(0.99)), math.atanh(math.sqrt(0.99))],
    "Softplus": [-math.log(99)],
    "ELU": [math.log(0.01)],
    "LogSigmoid": [math.log(99)],
    "ReLU": [0.0],
    "Hardtanh": [-1.0, 1.0],
    "ReLU6": [0.0],
}
"""Where |f′| = 1/100, solved by hand: (1 − σ)σ = 1/100, 1 − tanh² = 1/100, σ(x) = 1/100, eˣ = 1/100 and so
on."""


@pytest.mark.parametrize("name", CLOSED)
def test_zones_end_where_the_derivative_is_a_hundredth(name):
    ends = [end for zone in zones(name) for end in (zone.low, zone.high) if abs(end) < 6]
    assert ends == pytest.approx(CLOSED[name], abs=1e-6)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_zones_are_exactly_where_autograd_says_that_the_slope_is_small(name):
    x = torch.linspace(-6, 6, 4099, dtype=torch.float64, device=device()).requires_grad_()
    reference = next(iter(type(make_activation(name)).examples(generator(0)))).reference
    module = make_activation(name)
    output = torch.relu(x) if name == "NoisyReLU" else reference(module, x)  # without noise
    (slope,) = torch.autograd.grad(output.sum(), x)
    place = x.detach().cpu().numpy()
    inside = np.zeros(len(place), dtype=bool)
    for zone in zones(name):
        inside |= (place > zone.low - 1e-9) & (place < zone.high + 1e-9)
    np.testing.assert_array_equal(inside, np.abs(slope.cpu().numpy()) < SATURATED)


def test_zones_have_names():
    assert [zone.name for zone in zones("ReLU")] == ["f′ = 0"]
    assert [zone.name for zone in zones("GELU")] == ["saturated", "turns"]
    assert zones("LeakyReLU") == zones("Identity") == []  # a slope of a hundredth is not below it
    # 1/(1 + |x|)² = 1/100
    assert [zone.high for zone in zones("Softsign", reach=20)] == pytest.approx([-9, 20])


def test_every_elementwise_activation_of_the_library_is_there():
    found = set()
    for name, kind in all_modules().items():
        named_in_torch = kind.counterpart.startswith("torch.nn.") or kind.lecture == 6
        if named_in_torch and kind.local and len(kind.__new__(kind).input_names()) == 1:
            found.add(name)
    assert found - {"Dropout"} == set(ACTIVATIONS)  # which is elementwise, but no function of x alone


def test_the_marks_carry_the_data():
    figure = activation("Sigmoid", at=0.5)
    top, bottom = figure.axes
    sigma = 1 / (1 + math.exp(-0.5))
    point, slope = (next(line for line in axes.lines if line.get_marker() == "o") for axes in (top, bottom))
    assert [*point.get_xydata()[0]] == pytest.approx([0.5, sigma])
    assert [*slope.get_xydata()[0]] == pytest.approx([0.5, sigma * (1 - sigma)])
    (x0, x1), (y0, y1) = next(line for line in top.lines if line.get_linestyle() == "--").get_data()
    assert (y1 - y0) / (x1 - x0) == pytest.approx(sigma * (1 - sigma))
    assert (y0 + y1) / 2 == pytest.approx(sigma)
    shaded = [(patch.get_x(), patch.get_x() + patch.get_width()) for patch in bottom.patches]
    assert shaded == [pytest.approx((zone.low, zone.high)) for zone in zones("Sigmoid")]
    assert "0.622" in figure.alt
    assert "0.235" in figure.alt


def test_an_unknown_name_is_explained():
    with pytest.raises(ValueError, match="did you mean 'LeakyReLU'"):
        activation("leakyrelu")
