"""Wrong gradients: each mistake spoils one gradient in its own way; the diagnosis calls it by its name."""

import numpy as np
import pytest
import torch

from course.checking.diagnosis import MISTAKES as NAMES
from course.device import device, generator
from course.figures._matrix import number_text
from course.figures.broken_linear import MISTAKES, BrokenLinear
from course.figures.wrong_gradient import check_broken, wrong_gradient

DIAGNOSES = {
    "mean over the batch": ("weight", "mean for sum"),
    "factors exchanged": ("weight", "transposed"),
    "minus sign": ("weight", "sign"),
    "last unit forgotten": ("weight", "wrong in places"),
    "bias forgotten": ("bias", "zero gradient"),
    "weight transposed": ("x", "missing transpose"),
    "upstream ignored": ("x", "upstream ignored"),
}


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("mistake", DIAGNOSES)
def test_one_gradient_is_wrong_and_its_mistake_is_named(mistake, seed):
    name, diagnosis = DIAGNOSES[mistake]
    report = check_broken(mistake, seed)
    assert report.wrong == (name,)
    assert report.mistakes[f"∂L/∂{name}"].name == diagnosis
    assert diagnosis in NAMES


def test_without_a_mistake_all_is_right():
    assert set(DIAGNOSES) | {"no mistake"} == set(MISTAKES)
    report = check_broken("no mistake")
    assert report.wrong == ()
    assert all(part.passed for part in report.parts)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_what_is_spoiled_is_spoiled_as_it_says(mistake):
    rng = generator(1)
    x, upstream = (torch.randn(3, 4, generator=rng, device=device(), dtype=torch.float64) for _ in range(2))
    module = BrokenLinear(4, mistake, rng).to(dtype=torch.float64)
    weight, bias = (parameter.value.clone().requires_grad_() for parameter in (module.weight, module.bias))
    leaf = x.clone().requires_grad_()
    true = dict(
        zip(
            ("x", "weight", "bias"),
            torch.autograd.grad((leaf @ weight.T + bias * 1.0), (leaf, weight, bias), upstream),
            strict=True,
        )
    )
    expected = dict(true)
    name = MISTAKES[mistake][0]
    expected[name] = {
        "mean over the batch": true["weight"] / 3,
        "factors exchanged": true["weight"].T,
        "minus sign": -true["weight"],
        "last unit forgotten": true["weight"] * torch.tensor([[1.0], [1], [1], [0]], device=device()),
        "bias forgotten": torch.zeros(4),
        "weight transposed": upstream @ weight.detach().T,
        "upstream ignored": weight.detach().sum(dim=0).expand(3, 4),
        "no mistake": true["x"],
    }[mistake]
    module(x)
    for times in (1, 2):  # gradients of parameters add up, as they should
        given = module.backward(upstream)
        np.testing.assert_allclose(given.cpu(), expected["x"].cpu(), atol=1e-9)
        np.testing.assert_allclose(module.weight.grad.cpu(), times * expected["weight"].cpu(), atol=1e-9)
        np.testing.assert_allclose(module.bias.grad.cpu(), times * expected["bias"].cpu(), atol=1e-9)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_the_three_maps_carry_the_numbers_and_the_title_the_name(mistake):
    report, figure = check_broken(mistake), wrong_gradient(mistake)
    name, diagnosis = DIAGNOSES.get(mistake, ("weight", "no mistake"))
    (axes,) = figure.axes
    texts = [text.get_text() for text in axes.texts]
    assert diagnosis in texts[0]
    given, numeric = report.analytic[name], report.numeric[name]
    cells = [text.get_text() for text in axes.texts if text.get_fontsize() == 15][1:]
    assert cells == [
        number_text(number, 2) for part in (given, numeric, given - numeric) for number in part.ravel()
    ]
    assert f"∂L/∂{name} {'right' if mistake == 'no mistake' else 'wrong'}" in texts[-1]
    assert diagnosis in figure.alt


def test_an_unknown_mistake_is_explained():
    with pytest.raises(ValueError, match="no mistake is called 'typo': there are mean over the batch"):
        wrong_gradient("typo")
