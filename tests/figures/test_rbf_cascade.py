"""The cascade of radial basis functions: bumps by formula, least-squares weights, centers of k-means."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score

from course.figures.rbf_cascade import RIDGE, explained, load, network, places, rbf_cascade


def bumps(x, net):
    return np.exp(-net.beta.value[0].item() * (x[:, None] - net.centers.value[:, 0].cpu().numpy()) ** 2)


@pytest.mark.parametrize(
    ("data", "centers", "width"), [("hills", 12, 0.7), ("hills", 5, 2.0), ("diabetes", 6, 1.0)]
)
def test_weights_are_those_of_least_squares(data, centers, width):
    found, net = load(data), network(data, centers, width)
    x, target = found.inputs[:, 0].cpu().numpy(), found.targets[:, 0].cpu().numpy()
    ridge = Ridge(alpha=RIDGE * len(x), fit_intercept=False, solver="cholesky").fit(bumps(x, net), target)
    np.testing.assert_allclose(net.weight.value[0].cpu(), ridge.coef_, rtol=1e-5)
    predicted = ridge.predict(bumps(x, net))
    np.testing.assert_allclose(net(found.inputs)[:, 0].cpu(), predicted, rtol=1e-6)
    assert explained(found, net) == pytest.approx(r2_score(target, predicted), abs=1e-6)
    sigma = (2 * net.beta.value[0].item()) ** -0.5
    assert sigma == pytest.approx(width * (x.max() - x.min()) / centers)


def test_centers_are_the_means_of_the_points_nearest_to_them():
    centers = places("diabetes", 5).cpu().numpy()[:, 0]
    x = load("diabetes").inputs[:, 0].cpu().numpy()
    nearest = np.abs(x[:, None] - centers).argmin(axis=1)
    means = [x[nearest == number].mean() for number in range(5)]
    np.testing.assert_allclose(centers, means, atol=0.15)
    assert (np.diff(centers) > 0).all()


def test_more_bumps_explain_more_and_narrow_ones_leave_gaps():
    shares = [explained(load("hills"), network("hills", centers, 0.7)) for centers in (3, 10, 40)]
    assert shares[0] < shares[1] < shares[2] > 0.95
    narrow = network("hills", 8, 0.1)
    between = (narrow.centers.value[:-1] + narrow.centers.value[1:]) / 2
    assert (narrow(between) < 1).all()  # a meter, where the ground is above 300
    weights = network("hills", 8, 3.0).weight.value
    assert weights.abs().max() > 10 * load("hills").targets.max()  # wide bumps: large weights that cancel
    assert weights.min() < 0


def test_marks_carry_the_data():
    figure = rbf_cascade("hills", centers=7, width=0.8)
    net = network("hills", 7, 0.8)
    top, middle, bottom = figure.axes
    for axes, factor in ((top, np.ones(7)), (middle, net.weight.value[0].cpu().numpy())):
        fills, lines, marks = axes.collections
        drawn = np.stack([path.vertices for path in lines.get_paths()])
        np.testing.assert_allclose(drawn[:, :, 1].T, bumps(drawn[0, :, 0], net) * factor, atol=1e-9)
        np.testing.assert_allclose(marks.get_offsets()[:, 0], net.centers.value[:, 0].cpu())
        assert len(fills.get_paths()) == 7
    dots, curve = bottom.lines
    assert len(dots.get_xdata()) == 403
    np.testing.assert_allclose(
        curve.get_ydata(), sum(path.vertices[:, 1] for path in middle.collections[1].get_paths())
    )
    share = explained(load("hills"), net)
    assert figure.get_suptitle() == f"7 bumps of width 3.4 km explain {share:.0%} of the variance"


def test_wrong_arguments():
    with pytest.raises(ValueError, match="no data set 'moons' here: choose hills or diabetes"):
        rbf_cascade("moons")
    with pytest.raises(ValueError, match="0 bumps of width 1: there must be at least one"):
        rbf_cascade(centers=0, width=1)
    assert torch.equal(places("hills", 4), places("hills", 4))
