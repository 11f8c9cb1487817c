"""The V-curve: slopes and smallest error are where theory puts them, against torch.autograd's gradient."""

import numpy as np
import pytest
import torch

from course.figures.difference_error import METHODS, PRECISIONS, STEPS, error_curves, problem, relative_errors
from course.figures.gradient_check import gradient_check, power

CURVES = [(method, precision) for method in METHODS for precision in PRECISIONS]


def curve(method, precision, seed=0):
    return next(c for c in error_curves(seed) if (c.method, c.precision) == (method, precision))


def slope(found, low, high):
    """Of the straight line through the errors between two steps, both on logarithmic axes."""
    inside = (low <= STEPS) & (high >= STEPS)
    return np.polyfit(np.log(STEPS[inside]), np.log(found.errors[inside]), 1)[0]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_analytic_gradient_is_autograds(seed):
    made = problem(seed)
    weight, bias = (
        p.value.double().clone().requires_grad_(index == 0)
        for index, p in enumerate(made.chain[0].parameters())
    )
    loss = (torch.tanh(made.x.double() @ weight.T + bias) * made.upstream.double()).sum()
    (true,) = torch.autograd.grad(loss, weight)
    np.testing.assert_allclose(made.analytic.cpu(), true.cpu(), atol=1e-12)


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(("method", "precision"), CURVES)
def test_the_best_step_is_the_predicted_one_within_a_factor_of_ten(method, precision, seed):
    found = curve(method, precision, seed)
    eps = np.finfo(precision).eps
    assert found.predicted == pytest.approx(eps ** {"central": 1 / 3, "one-sided": 1 / 2}[method])
    assert 0.1 < found.best / found.predicted < 10


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_truncation_falls_with_the_square_of_a_central_step_and_with_a_one_sided_step(seed):
    assert slope(curve("central", "float64", seed), 1e-4, 1e-2) == pytest.approx(2, abs=0.05)
    assert slope(curve("one-sided", "float64", seed), 1e-6, 1e-2) == pytest.approx(1, abs=0.05)
    assert slope(curve("central", "float32", seed), 2e-2, 2e-1) == pytest.approx(2, abs=0.25)
    assert slope(curve("one-sided", "float32", seed), 3e-3, 1e-1) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("method", METHODS)
def test_round_off_grows_as_the_step_shrinks(method, seed):
    assert slope(curve(method, "float64", seed), 1e-12, 1e-9) == pytest.approx(-1, abs=0.15)
    assert slope(curve(method, "float32", seed), 1e-7, 1e-4) == pytest.approx(-1, abs=0.2)
    assert curve(method, "float32", seed).errors[0] == pytest.approx(1)  # the weight does not move at all


def test_differences_are_what_they_are_called():
    made, steps = problem(0), np.array([0.25])
    ahead, both = (
        made.numeric(steps, method, "float64")[0, 1, 2].item() for method in ("one-sided", "central")
    )
    weight, bias = (parameter.value.double() for parameter in made.chain[0].parameters())

    def loss(move):
        moved = weight.clone()
        moved[1, 2] += move
        return (torch.tanh(made.x.double() @ moved.T + bias) * made.upstream.double()).sum().item()

    assert ahead == pytest.approx((loss(0.25) - loss(0)) / 0.25)
    assert both == pytest.approx((loss(0.25) - loss(-0.25)) / 0.5)


def test_the_marks_carry_the_data():
    figure = gradient_check(epsilon=1e-3, method="one-sided", precision="float32")
    plot, cells = figure.axes
    (point,) = (line for line in plot.lines if line.get_marker() == "o")
    error = relative_errors("one-sided", "float32", np.array([1e-3]))[0]
    assert [*point.get_xydata()[0]] == pytest.approx([1e-3, error])
    lines = {line.get_label(): line for line in plot.lines}
    for found in error_curves():
        np.testing.assert_array_equal(lines[f"{found.method} {found.precision}"].get_ydata(), found.errors)
    predicted = sorted(line.get_xdata()[0] for line in plot.lines if line.get_marker() == "v")
    assert predicted == pytest.approx(sorted(found.predicted for found in error_curves()))
    off = (
        problem(0).numeric(np.array([1e-3]), "one-sided", "float32")[0].double() - problem(0).analytic
    ).abs()
    assert [text.get_text() for text in cells.texts] == [power(number) for number in off.flatten().tolist()]
    assert power(error) in cells.get_xlabel()


def test_numbers_are_short():
    assert [power(number) for number in (0.0, 0.4, 3.2e-9, 2.6e-12, 7.0)] == [
        "0",
        "0.4",
        "3e−9",
        "3e−12",
        "7",
    ]


def test_wrong_arguments_are_explained():
    with pytest.raises(ValueError, match="the step must be above 0"):
        gradient_check(epsilon=0.0)
    with pytest.raises(ValueError, match="'backward' is unknown: there are central and one-sided"):
        gradient_check(method="backward")
