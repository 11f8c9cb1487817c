"""Joined or apart in single precision: the numbers of torch, and where they give out."""

import math

import pytest
import torch
import torch.nn.functional as F

from course.device import device
from course.figures.joined_or_apart import WAYS, by_each_way, joined_or_apart

SCORES = torch.tensor([0.0, 3.0, 12.0, 16.0, 17.5, 30.0], device=device())


def by_torch(function):
    s = SCORES.clone().requires_grad_()
    value = function(s)
    (grad,) = torch.autograd.grad(value.sum(), s)
    return value.tolist(), grad.tolist()


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("joined", lambda s: F.binary_cross_entropy_with_logits(s, torch.zeros_like(s), reduction="none")),
        (
            "bounded",
            lambda s: F.binary_cross_entropy(torch.sigmoid(s), torch.zeros_like(s), reduction="none"),
        ),
        ("as written", lambda s: -torch.log(1 - torch.sigmoid(s))),
    ],
)
def test_numbers_are_those_of_torch(name, function):
    found, (value, grad) = by_each_way(SCORES)[name], by_torch(function)
    assert found.loss == pytest.approx(value, rel=1e-4, abs=1e-6, nan_ok=True)
    assert found.gradient == pytest.approx(grad, rel=1e-4, abs=1e-6, nan_ok=True)


def test_only_the_joined_loss_is_right_everywhere():
    exact = [1 / (1 + math.exp(-s)) for s in SCORES.tolist()]
    ways = by_each_way(SCORES)
    assert ways["joined"].gradient == pytest.approx(exact, rel=1e-6)
    assert ways["joined"].lost(SCORES.tolist()) is None
    assert ways["bounded"].gradient[-1] == 0
    assert ways["bounded"].loss[-1] == 100
    assert math.isnan(ways["as written"].gradient[-1])
    assert math.isinf(ways["as written"].loss[-1])
    assert ways["bounded"].lost(SCORES.tolist()) == ways["as written"].lost(SCORES.tolist()) == 17.5


def test_the_picture_tells_the_numbers_at_the_mark():
    figure = joined_or_apart(at=25.0)
    said = " ".join(text.get_text() for text in figure.texts)
    assert "BCEWithLogitsLoss: 25, gradient 1" in said
    assert "BCELoss: 100, gradient 0" in said
    assert "∞, gradient NaN" in said
    assert all(label in figure.alt for _, _, label in WAYS.values())


def test_a_mark_outside_is_an_error():
    with pytest.raises(ValueError, match="choose a score from 0 to 30"):
        joined_or_apart(at=31.0)
