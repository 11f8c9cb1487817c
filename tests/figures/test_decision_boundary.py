"""A classifier replayed: its pictures are those of torch with the same weights.

Hidden units make classes separable.
"""

import numpy as np
import pytest
import torch
from scipy.optimize import linprog

from course.data import two_moons
from course.figures._replay import replay
from course.figures.decision_boundary import decision_boundary
from course.figures.hidden_representation import grid, hidden_representation


def in_torch(state, units, activation):
    parts = [torch.nn.Linear(2, units), getattr(torch.nn, activation)(), torch.nn.Linear(units, 1)]
    net = torch.nn.Sequential(*parts).to(next(iter(state.values())))
    net.load_state_dict(state)
    return net


def separable(points, targets):
    """Whether a line parts the classes: a linear program, sign · (w·x + b) ≥ 1."""
    signs = np.where(targets == 1, 1.0, -1.0)[:, None]
    rows = -signs * np.concatenate([points, np.ones((len(points), 1))], axis=1)
    return linprog(np.zeros(3), A_ub=rows, b_ub=-np.ones(len(points)), bounds=[(None, None)] * 3).status == 0


@pytest.mark.parametrize("activation", ["Tanh", "ReLU"])
def test_every_epoch_is_the_network_with_that_epochs_weights(activation):
    run = replay("two moons", 6, activation, seed=1)
    assert len(run.states) == len(run.losses) == 101
    target = run.data.targets[:, None].float()
    for epoch in (0, 7, 100):
        with torch.no_grad():
            logits = in_torch(run.states[epoch], 6, activation)(run.data.inputs)
        assert run.losses[epoch] == pytest.approx(
            torch.nn.functional.binary_cross_entropy_with_logits(logits, target).item(), abs=1e-5
        )
        assert run.accuracies[epoch] == pytest.approx(((logits > 0) == (target > 0.5)).float().mean().item())
        assert torch.allclose(run.at(epoch)(run.data.inputs), logits, atol=1e-5)
    assert torch.equal(run.data.inputs, two_moons(200, seed=1).inputs)
    assert replay("two moons", 6, activation, seed=1) is run


def test_regions_are_the_networks_probabilities():
    figure = decision_boundary("circles", 8, "Tanh", epoch=60, seed=2)
    left, right = figure.axes
    (image,) = left.images
    x = np.linspace(*image.get_extent()[:2], 120)
    y = np.linspace(*image.get_extent()[2:], 120)
    run = replay("circles", 8, "Tanh", seed=2)
    net = in_torch(run.states[60], 8, "Tanh")
    points = torch.tensor(
        np.stack(np.meshgrid(x, y), axis=-1), dtype=torch.float32, device=run.data.inputs.device
    )
    with torch.no_grad():
        expected = net(points).sigmoid()[..., 0].cpu()
    np.testing.assert_allclose(image.get_array(), expected, atol=1e-4)
    drawn = np.concatenate(
        [found.get_offsets() for found in left.collections if len(found.get_offsets()) > 1]
    )
    assert {tuple(row) for row in drawn.round(4)} == {
        tuple(row) for row in run.data.inputs.cpu().numpy().astype(float).round(4)
    }
    dot = right.lines[-1]
    assert (dot.get_xdata()[0], dot.get_ydata()[0]) == (60, run.losses[60])
    assert f"{run.accuracies[60]:.0%}" in left.get_title()


def test_without_hidden_units_the_boundary_is_a_line_and_xor_is_out_of_reach():
    run = replay("XOR", 4, "Tanh", layers=0)
    assert len(run.net.modules) == 1
    assert max(run.accuracies) <= 0.76  # a line has at most three of the four corners on their side
    figure = decision_boundary("two moons", layers=0, epoch=100)
    (contour,) = [found for found in figure.axes[0].collections if len(found.get_offsets()) <= 1]
    line = contour.get_paths()[0].vertices
    residual = line - line[0]
    assert np.linalg.matrix_rank(residual, tol=0.02 * np.linalg.norm(residual)) == 1


def test_two_hidden_units_make_xor_separable():
    run = replay("XOR", 2, "Tanh")
    points, targets = run.data.inputs, run.data.targets.cpu().numpy()
    hidden = lambda epoch: run.at(epoch)[1](run.at(epoch)[0](points)).cpu().numpy()  # noqa: E731
    assert not separable(points.cpu().numpy(), targets)
    assert not separable(hidden(0), targets)
    assert separable(hidden(100), targets)
    right = hidden_representation().axes[1]
    drawn = np.concatenate(
        [found.get_offsets() for found in right.collections if len(found.get_offsets()) > 1]
    )
    order = np.argsort(targets, kind="stable")
    np.testing.assert_allclose(drawn, hidden(100)[order], atol=1e-5)


def test_words_follow_the_training():
    assert "line parts XOR" in hidden_representation().get_suptitle()
    assert "no line parts" in hidden_representation(epoch=5).get_suptitle()
    assert "after 5 epochs" in decision_boundary(epoch=5).alt


def test_the_grid_goes_through_the_network():
    lines = grid((0.0, 1.0, -1.0, 1.0), count=3, fineness=5)
    assert len(lines) == 6
    np.testing.assert_allclose(lines[1], [[0.5, y] for y in np.linspace(-1, 1, 5)])
    np.testing.assert_allclose(lines[5][:, 1], 1)


def test_wrong_choices_are_named():
    for draw in (decision_boundary, hidden_representation):
        with pytest.raises(ValueError, match="no data set of two classes 'moons' here: choose two moons"):
            draw("moons")
        with pytest.raises(ValueError, match="no activation 'tanh'"):
            draw(activation="tanh")
        with pytest.raises(ValueError, match="epoch=101 was not trained"):
            draw(epoch=101)
