"""Loss surfaces: the library's losses and gradients are the formulas', the ways are torch.optim's."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression

import course
from course.figures._contours import lattice
from course.figures._surfaces import SURFACES, surface
from course.figures.loss_surface import LOOKS, loss_surface, point, ways

BMI, PROGRESSION = load_diabetes(return_X_y=True, scaled=False)[0][:, 2], load_diabetes(return_X_y=True)[1]


def scaled(numbers):
    return torch.tensor((numbers - numbers.mean()) / numbers.std(), device=course.device())


def line(x, target):
    return lambda p: ((p[..., :1] * x + p[..., 1:] - target) ** 2 / 2).mean(dim=-1)


FORMULAS = {
    "bowl": lambda p: p[..., 0] ** 2 / 2 + 5 * p[..., 1] ** 2,
    "saddle": lambda p: (p[..., 0] ** 2 - p[..., 1] ** 2) / 2,
    "valley": lambda p: (1 - p[..., 0]) ** 2 / 4 + (p[..., 1] - p[..., 0] ** 2) ** 2,
    "regression": line(torch.tensor(BMI / 10, device=course.device()), scaled(PROGRESSION)),
    "regression, standardized": line(scaled(BMI), scaled(PROGRESSION)),
}
TORCH = {
    "SGD": lambda p, lr: torch.optim.SGD(p, lr=lr),
    "Momentum": lambda p, lr: torch.optim.SGD(p, lr=lr, momentum=0.9),
    "RMSProp": lambda p, lr: torch.optim.RMSprop(p, lr=lr, alpha=0.9),
    "Adam": lambda p, lr: torch.optim.Adam(p, lr=lr),
}


@pytest.mark.parametrize("name", SURFACES)
def test_values_and_gradients_are_the_formulas(name, rng):
    points = torch.randn(7, 2, generator=rng, device=rng.device, dtype=torch.float64)
    found, formula = surface(name), FORMULAS[name]
    assert torch.allclose(found.loss(points), formula(points), atol=1e-9)
    leaf = points.clone().requires_grad_()
    formula(leaf).sum().backward()
    assert torch.allclose(found.gradient(points), leaf.grad, atol=1e-9)
    height, (across, up) = found.height(5), lattice(found.window, 5)
    corner = torch.tensor([found.window[1], found.window[2]], dtype=torch.float64, device=rng.device)
    assert (across[0, 4], up[0, 4]) == (corner[0], corner[1])
    assert height[0, 4] == pytest.approx(formula(corner).item())


@pytest.mark.parametrize("name", SURFACES)
def test_minimum_and_start(name):
    found = surface(name)
    if name == "saddle":
        assert found.lowest is None
        return
    assert found.gradient(course.tensor([found.lowest], torch.float64)).abs().max() < 1e-9
    for place in (found.lowest, found.start):
        assert found.window[0] < place[0] < found.window[1]
        assert found.window[2] < place[1] < found.window[3]


def test_the_regressions_minimum_is_the_least_squares_line():
    fit = LinearRegression().fit(BMI[:, None] / 10, scaled(PROGRESSION).cpu().numpy())
    assert surface("regression").lowest == pytest.approx((fit.coef_[0], fit.intercept_))
    correlation = np.corrcoef(BMI, PROGRESSION)[0, 1]
    assert surface("regression, standardized").lowest == pytest.approx((correlation, 0), abs=1e-9)


@pytest.mark.parametrize("kind", TORCH)
@pytest.mark.parametrize("name", ["bowl", "valley", "regression"])
def test_ways_are_those_of_torch(name, kind):
    found = surface(name)
    theta = torch.tensor(found.start, dtype=torch.float64, device=course.device(), requires_grad=True)
    optimizer, expected = TORCH[kind]([theta], 0.04), [list(found.start)]
    for _ in range(25):
        optimizer.zero_grad()
        FORMULAS[name](theta).sum().backward()
        optimizer.step()
        expected.append(theta.tolist())
    np.testing.assert_allclose(ways(found, 0.04, 25)[kind], expected, atol=1e-9)


def test_gradient_descent_in_a_bowl_goes_by_the_closed_form():
    found = ways(surface("bowl", 20.0), 0.08, 30)["SGD"]
    steps = np.arange(31)
    np.testing.assert_allclose(found[:, 0], -2.3 * (1 - 0.08) ** steps, atol=1e-9)
    np.testing.assert_allclose(found[:, 1], 1.2 * (1 - 0.08 * 20) ** steps, atol=1e-9)


def test_the_condition_decides_which_learning_rate_is_too_large():
    for rate, climbs in ((0.19, False), (0.21, True)):  # 2 / 10 is the border
        last = ways(surface("bowl", 10.0), rate, 60)["SGD"][-1]
        assert bool(abs(last[1]) > 1.2) is climbs


def test_a_way_out_of_all_bounds_ends_where_it_was():
    found = ways(surface("valley"), 3.0, 50)["SGD"]
    assert np.isfinite(found).all()
    assert (found[-1] == found[-2]).all()
    assert "SGD climbed" in point({"SGD": np.array([1.0, 2.0]), "Adam": np.array([1.0, 0.5])}, 1)


@pytest.mark.parametrize("name", ["bowl", "saddle", "regression"])
def test_marks_carry_the_data(name):
    figure = loss_surface(name, learning_rate=0.1, steps=12)
    left, right = figure.axes
    found, expected = surface(name), ways(surface(name), 0.1, 12)
    floor = FORMULAS[name](course.tensor(found.lowest, torch.float64)).item() if found.lowest else None
    for kind, (color, marker, _) in LOOKS.items():
        (drawn,) = [mark for mark in left.lines if (mark.get_color(), mark.get_marker()) == (color, marker)]
        np.testing.assert_allclose(np.stack(drawn.get_data(), axis=1), expected[kind])
        (curve,) = [mark for mark in right.lines if (mark.get_color(), mark.get_marker()) == (color, marker)]
        losses = found.loss(course.tensor(expected[kind], torch.float64)).cpu().numpy()
        np.testing.assert_allclose(
            curve.get_ydata(), losses if floor is None else np.maximum(losses - floor, 1e-6)
        )
        assert kind in [text.get_text() for text in right.texts]
    best = min(LOOKS, key=lambda kind: found.loss(course.tensor(expected[kind][-1:], torch.float64)).item())
    assert figure.get_suptitle() == f"After 12 steps {best} is lowest"


def test_unknown_surface():
    with pytest.raises(ValueError, match="no surface 'hill': choose bowl"):
        loss_surface("hill")
