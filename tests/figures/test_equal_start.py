"""Equal start: the picture's weights are the trained ones, and equal units stay equal in torch as well."""

import numpy as np
import pytest
import torch

from course.data import digits
from course.figures._matrix import shade
from course.figures.equal_start import EQUAL, UNITS, equal_start, trained


def test_units_stay_alike_in_torch_too():
    train = digits().split().train
    net = torch.nn.Sequential(torch.nn.Linear(64, UNITS), torch.nn.Tanh(), torch.nn.Linear(UNITS, 10)).to(
        train.inputs.device
    )
    optimizer = torch.optim.Adam(net.parameters(), lr=0.02)
    for parameter in net.parameters():
        torch.nn.init.constant_(parameter, EQUAL)
    for _ in range(50):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(net(train.inputs), train.targets).backward()
        optimizer.step()
    rows = net[0].weight.detach()
    torch.testing.assert_close(rows, rows[:1].expand_as(rows))
    assert (rows[0] - EQUAL).abs().max() > 0.1, "it learned, the same in all units"


def test_one_feature_or_eight():
    equal, random = trained("equal"), trained("random")
    assert (equal.different, random.different) == (1, UNITS)
    assert equal.right < 0.6 < 0.9 < random.right


def test_the_picture_shows_the_weights():
    figure = equal_start()
    both = [(start, unit) for start in ("equal", "random") for unit in range(UNITS)]
    for axes, (start, unit) in zip(figure.axes, both, strict=True):
        weights = trained(start).weights
        np.testing.assert_allclose(
            axes.images[0].get_array(), shade(weights[unit], float(np.abs(weights).max()))
        )
    assert f"{trained('equal').right:.0%} of the test digits" in figure.alt


def test_a_start_that_is_not_there():
    with pytest.raises(ValueError, match="start='zero': choose equal or random"):
        trained("zero")
