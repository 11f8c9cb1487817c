"""Grid or random: where the nine trials lie, and that they are real trainings.

Chance favors the random search.
"""

import numpy as np
import pytest
import torch

from course.data import digits
from course.figures.grid_or_random import (
    DECAYS,
    RATES,
    curve,
    expected,
    grid_or_random,
    grid_places,
    random_places,
    scores,
    trial,
)
from course.training import batches


def test_three_values_against_nine():
    for seed in range(5):
        grid, drawn = grid_places(seed), random_places(seed)
        assert grid.shape == drawn.shape == (9, 2)
        for axis, (low, high) in enumerate((RATES, DECAYS)):
            assert len(np.unique(grid[:, axis].round(9))) == 3
            assert len(np.unique(drawn[:, axis])) == 9
            for points in (grid, drawn):
                assert low <= points[:, axis].min() < points[:, axis].max() <= high
            steps = np.diff(np.unique(grid[:, axis].round(9)))
            np.testing.assert_allclose(steps, (high - low) / 3)
    places = np.concatenate([random_places(seed) for seed in range(300)])
    np.testing.assert_allclose(np.quantile(places[:, 0], [0.25, 0.5, 0.75]), [-2, -1, 0], atol=0.1)
    shifts = np.array([grid_places(seed)[0, 0] for seed in range(500)])
    np.testing.assert_allclose([shifts.min(), shifts.max()], [RATES[0], RATES[0] + 4 / 3], atol=0.02)


def test_a_trial_is_a_training():
    train, validation = digits().split()
    train = train[:400]
    rng = torch.Generator(device=train.inputs.device).manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(64, 32), torch.nn.ReLU(), torch.nn.Linear(32, 10)).to(
        train.inputs.device
    )
    with torch.no_grad():
        for parameter, bound in zip(net.parameters(), (8, 8, 32**0.5, 32**0.5), strict=True):
            parameter.uniform_(-1 / bound, 1 / bound, generator=rng)
    optimizer, order = (
        torch.optim.SGD(net.parameters(), lr=0.3, weight_decay=1e-4),
        torch.Generator("cpu").manual_seed(0),
    )
    for _ in range(5):
        for rows in batches(400, 50, order):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(net(train.inputs[rows]), train.targets[rows]).backward()
            optimizer.step()
    right = (net(validation.inputs).argmax(dim=1) == validation.targets).float().mean().item()
    assert trial(float(np.log10(0.3)), -4.0) == pytest.approx(right, abs=0.01)
    assert trial(20.0, -4.0) == 0.1  # diverges


def test_the_learning_rate_matters_and_the_weight_decay_does_not():
    rates, shares = curve()
    assert shares.max() > 0.75 > 0.2 > shares[-1]
    assert shares[0] < 0.2
    best = float(rates[shares.argmax()])
    decays = [trial(best, float(decay)) for decay in np.linspace(*DECAYS, 4)]
    assert max(decays) - min(decays) < 0.03


def test_random_wins_on_average():
    assert expected("random") > expected("grid") + 0.05
    rates, shares = curve()
    few = [np.interp(random_places(seed)[:, 0], rates, shares).max() for seed in range(200)]
    assert expected("random") == pytest.approx(np.mean(few), abs=0.04)


def test_marks_carry_the_data():
    figure = grid_or_random(seed=2)
    for column, places in enumerate((grid_places(2), random_places(2))):
        above, below = figure.axes[column], figure.axes[2 + column]
        np.testing.assert_allclose(above.lines[1].get_xdata(), 10 ** places[:, 0])
        np.testing.assert_allclose(above.lines[1].get_ydata(), scores(places))
        assert above.lines[2].get_ydata()[0] == max(scores(places))
        (points,) = [found for found in below.collections if len(found.get_offsets()) == 9]
        np.testing.assert_allclose(points.get_offsets(), 10.0**places)
        assert np.argmax(points.get_sizes()) == np.argmax(scores(places))
        assert f"best {max(scores(places)):.0%}" in above.get_title()
    assert "3 learning rates" in figure.axes[0].get_title()
    assert "9 learning rates" in figure.axes[1].get_title()
