"""Loss contours: the heights are torch's losses, the ways torch.optim's.

Only the Euclidean loss has flat corners.
"""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.linear_model import LogisticRegression

import course
from course.figures._contours import lattice
from course.figures.loss_contours import (
    LOSSES,
    WINDOW,
    accuracy,
    descend,
    flowers,
    heights,
    loss_contours,
    losses_and_gradients,
)


def oracle(kind, theta):
    """The loss at one (w, b), by torch."""
    y = (flowers().targets == 2).double()
    s = theta[0] * flowers().inputs[:, 0] + theta[1]
    if kind == "Euclidean":
        return F.mse_loss(s.sigmoid(), y) / 2
    return (
        F.binary_cross_entropy_with_logits(s, y)
        if kind == "cross-entropy"
        else F.relu(1 - (2 * y - 1) * s).mean()
    )


@pytest.mark.parametrize("kind", LOSSES)
def test_losses_and_gradients_are_those_of_torch(kind, rng):
    points = 3 * torch.randn(6, 2, generator=rng, device=rng.device, dtype=torch.float64)
    values, gradients = losses_and_gradients(kind, points)
    for point, value, gradient in zip(points, values, gradients, strict=True):
        leaf = point.clone().requires_grad_()
        expected = oracle(kind, leaf)
        expected.backward()
        assert value.item() == pytest.approx(expected.item())
        assert torch.allclose(gradient, leaf.grad)


@pytest.mark.parametrize("kind", LOSSES)
def test_ways_are_those_of_torch(kind):
    theta = torch.tensor([-3.0, 2.0], dtype=torch.float64, device=course.device(), requires_grad=True)
    optimizer, expected = torch.optim.SGD([theta], lr=0.7), [[-3.0, 2.0]]
    for _ in range(15):
        optimizer.zero_grad()
        oracle(kind, theta).backward()
        optimizer.step()
        expected.append(theta.tolist())
    np.testing.assert_allclose(descend(kind, (-3.0, 2.0), 0.7, 15), expected, atol=1e-9)


def test_cross_entropy_is_lowest_where_scikit_learn_finds_it():
    x, y = flowers().inputs.cpu().numpy(), flowers().targets.cpu().numpy() == 2
    found = LogisticRegression(C=1e9).fit(x, y)
    end = descend("cross-entropy", (0.0, 0.0), 2.0, 400)[-1]
    assert end == pytest.approx([found.coef_[0, 0], found.intercept_[0]], abs=1e-3)
    assert accuracy(end) == found.score(x, y)


def test_only_the_euclidean_loss_is_not_convex():
    across, up = lattice(WINDOW)
    corner = np.unravel_index(np.argmin(np.abs(across + 4.5) + np.abs(up - 4)), across.shape)
    for kind in LOSSES:
        height = heights(kind)
        assert height[corner] == pytest.approx(
            oracle(kind, torch.tensor([across[corner], up[corner]])).item()
        )
        # above 0 where the loss bends upwards
        middle = (height[:, :-2] + height[:, 2:]) / 2 - height[:, 1:-1]
        assert bool((middle < -1e-9).any()) is (kind == "Euclidean")
    start = {
        kind: losses_and_gradients(kind, course.tensor([[-4.5, 4.0]], torch.float64))[1].norm().item()
        for kind in LOSSES
    }
    assert start["Euclidean"] < 0.05 * start["cross-entropy"]


def test_marks_carry_the_data():
    figure = loss_contours(-2.0, 3.0, 0.5, 10)
    for axes, kind in zip(figure.axes, LOSSES, strict=True):
        way = descend(kind, (-2.0, 3.0), 0.5, 10)
        np.testing.assert_allclose(np.stack(axes.lines[0].get_data(), axis=1), way)
        assert axes.lines[1].get_xdata()[0] == -2
        assert axes.lines[2].get_xdata()[0] == way[-1, 0]
        assert f"{kind} {accuracy(way[-1]):.0%}" in figure.get_suptitle()
        bent = axes.images[0].get_array()
        assert np.argmin(bent) == np.argmin(heights(kind))
