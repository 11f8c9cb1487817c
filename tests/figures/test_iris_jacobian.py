"""The Jacobian at a flower: central differences agree, and the bars are the network's probabilities."""

import numpy as np
import pytest

from course.figures.iris_jacobian import FEATURES, flowers, iris_jacobian, nudged, trained


@pytest.mark.parametrize("flower", [0, 77, 133])
def test_it_is_what_nudging_finds(flower):
    before, slopes, _ = nudged(trained(), flower, "petal width", 0.2)
    for column, feature in enumerate(FEATURES):
        up, down = (nudged(trained(), flower, feature, h)[2] for h in (1e-5, -1e-5))
        np.testing.assert_allclose(slopes[:, column], (up - down) / 2e-5, rtol=1e-5, atol=1e-8)
    np.testing.assert_allclose(slopes.sum(0), 0, atol=1e-12)
    assert before.sum().item() == pytest.approx(1)


def test_the_network_knows_its_flowers():
    right = trained()(flowers().inputs).argmax(1) == flowers().targets
    assert right.double().mean() > 0.94


def test_bars_and_promises_carry_the_data():
    figure = iris_jacobian(flower=70, feature="petal length", nudge=0.5, model=trained())
    before, slopes, after = nudged(trained(), 70, "petal length", 0.5)
    bars = figure.axes[1]
    np.testing.assert_allclose([bar.get_height() for bar in bars.patches], after)
    (promise,) = (line for line in bars.lines if line.get_marker() == "D")
    np.testing.assert_allclose(promise.get_ydata(), before + 0.5 * slopes[:, 2])


@pytest.mark.parametrize(
    ("wrong", "cause"),
    [({"flower": 150}, "flower 150 is not in the data"), ({"feature": "color"}, "irises have no 'color'")],
)
def test_what_is_not_there_is_explained(wrong, cause):
    with pytest.raises(ValueError, match=cause):
        iris_jacobian(**wrong)
