"""The gradient through an unrolled network: torch.autograd's norms, and the prediction ρ^(T−t)."""

import numpy as np
import pytest
import torch

from course.device import generator
from course.figures.unrolled_rnn import HIDDEN, INPUT_SCALE, flow, unrolled_rnn
from course.modules import RNNCell


def by_autograd(radius, steps, matrix, tanh):
    """The same network from the same random numbers, written as a plain loop."""
    rng = generator(0)
    cell = RNNCell(HIDDEN, HIDDEN, rng=rng)
    recurrent = torch.randn(HIDDEN, HIDDEN, generator=rng, device=rng.device)
    recurrent = torch.linalg.qr(recurrent).Q if matrix == "rotation" else recurrent
    recurrent = recurrent * (radius / torch.linalg.eigvals(recurrent).abs().max())
    x = INPUT_SCALE * torch.randn(steps, HIDDEN, generator=rng, device=rng.device)
    u = torch.randn(HIDDEN, generator=rng, device=rng.device)
    states, h = [], torch.zeros(HIDDEN)
    with torch.enable_grad():
        for x_t in x:
            h = cell.weight_ih.value @ x_t + cell.bias_ih.value + recurrent @ h + cell.bias_hh.value
            h = (torch.tanh(h) if tanh else h).requires_grad_()
            states.append(h)
        return [grad.norm().item() for grad in torch.autograd.grad(h @ (u / u.norm()), states)]


@pytest.mark.parametrize("matrix", ["rotation", "random"])
@pytest.mark.parametrize("radius", [0.6, 1.3])
def test_norms_are_autograds(radius, matrix):
    found = flow(radius, 12, matrix)
    np.testing.assert_allclose(found.tanh, by_autograd(radius, 12, matrix, tanh=True), rtol=1e-3)
    np.testing.assert_allclose(found.linear, by_autograd(radius, 12, matrix, tanh=False), rtol=1e-3)


@pytest.mark.parametrize("radius", [0.5, 1.0, 1.5])
def test_without_tanh_a_rotation_keeps_to_the_prediction(radius):
    found = flow(radius, 60)
    np.testing.assert_allclose(found.linear, found.predicted, rtol=1e-3)
    np.testing.assert_allclose(found.predicted, [radius ** (60 - t) for t in range(1, 61)])
    np.testing.assert_allclose(np.abs(found.eigenvalues), radius, rtol=1e-4)
    assert np.all(found.tanh <= found.linear * 1.001)  # no slope of tanh is above 1


def test_a_random_matrix_has_the_radius_as_its_largest_eigenvalue():
    sizes = np.abs(flow(1.2, 5, "random").eigenvalues)
    assert sizes.max() == pytest.approx(1.2)
    assert sizes.min() < 0.6


def test_curves_carry_the_data():
    figure = unrolled_rnn(0.7, 20)
    norms, eigenvalues = figure.axes
    found = flow(0.7, 20)
    drawn = [line.get_ydata() for line in norms.lines]
    np.testing.assert_allclose(drawn, np.log10([found.linear, found.predicted, found.tanh]))
    np.testing.assert_allclose(eigenvalues.lines[0].get_xdata(), found.eigenvalues.real)
    assert "on its way back the gradient vanishes" in figure.alt


def test_the_title_says_what_happens():
    titles = [unrolled_rnn(radius).get_suptitle() for radius in (0.8, 1.0, 1.4)]
    assert titles[0].endswith("the gradient vanishes")
    assert "without tanh the gradient lasts" in titles[1]
    assert titles[2].endswith("the gradient explodes")
    assert ("without tanh the gradient explodes, with tanh it vanishes") in unrolled_rnn(
        1.2, matrix="random"
    ).alt


@pytest.mark.parametrize("wrong", [{"radius": 0.0}, {"steps": 1}, {"matrix": "unitary"}])
def test_wrong_arguments(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        unrolled_rnn(**wrong)
