"""Curve fits: curves and shares are those of the models, in the data's own units."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LinearRegression

from course.data import digits, hills
from course.figures.curve_fits import curve_fits, explained
from course.figures.rbf_cascade import network
from course.modules import Linear


@pytest.fixture(scope="module")
def line():
    """The least-squares line of the standardized hills, and scikit-learn's of the hills as they are."""
    data = hills(dtype=torch.float64).standardize(targets=True)
    x, y = data.inputs, data.targets
    model = Linear(1, 1).to(dtype=torch.float64)
    model.weight.value, model.bias.value = (x * y).mean()[None, None], torch.zeros_like(model.bias.value)
    raw = hills(dtype=torch.float64)
    return data, model, LinearRegression().fit(raw.inputs.cpu(), raw.targets.cpu())


def test_the_share_is_scikit_learns_r2(line):
    data, model, fitted = line
    raw = hills(dtype=torch.float64)
    assert explained(model, data) == pytest.approx(fitted.score(raw.inputs.cpu(), raw.targets.cpu()))


def test_standardized_data_and_curves_are_drawn_in_their_own_units(line):
    data, model, fitted = line
    raw = hills(dtype=torch.float64)
    points, curve = curve_fits({"line": model}, data).axes[0].lines
    np.testing.assert_allclose(points.get_xdata(), raw.inputs[:, 0].cpu())
    np.testing.assert_allclose(points.get_ydata(), raw.targets[:, 0].cpu())
    expected = fitted.predict(np.array(curve.get_xdata())[:, None])[:, 0]
    np.testing.assert_allclose(curve.get_ydata(), expected)


def test_names_stand_beside_their_curves_apart_and_with_their_share():
    models = {f"{count} bumps": network("hills", count, 0.7) for count in (2, 4, 16)}
    figure = curve_fits(models)
    texts = figure.axes[0].texts
    data = hills(dtype=torch.float64)
    assert [text.get_text() for text in texts] == [
        f"{name}: {explained(model, data):.0%}" for name, model in models.items()
    ]
    heights = sorted(text.xy[1] for text in texts)
    low, high = figure.axes[0].get_ylim()
    assert min(np.diff(heights)) > 0.09 * (high - low)
    assert all(name in figure.alt for name in models)


def test_what_is_no_curve_is_explained():
    with pytest.raises(ValueError, match="is no curve: choose one feature"):
        curve_fits(data=digits())
    with pytest.raises(ValueError, match="0 models: there must be one to 5"):
        curve_fits({})
