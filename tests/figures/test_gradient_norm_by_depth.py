"""Gradient norms by depth: those of torch.autograd, vanishing and exploding where theory says so."""

import itertools
import math

import numpy as np
import pytest
import torch

from course.device import device, generator
from course.figures.gradient_norm_by_depth import LINES, gradient_norm_by_depth, short, spread
from course.figures.gradient_norms import BATCH, INITIALIZATIONS, WIDTH, deep_chain, gradient_norms
from course.modes import recording
from course.modules import Linear


def growth(activation, initialization, scale=1.0, depth=30):
    """The factor by which the gradient grows at each layer, on average."""
    return (gradient_norms(activation, initialization, depth, scale)[0]) ** (1 / depth)


@pytest.mark.parametrize("initialization", INITIALIZATIONS)
@pytest.mark.parametrize("activation", LINES)
def test_norms_are_those_of_autograd(activation, initialization):
    depth, seed = 4, 2
    chain, rng = deep_chain(activation, initialization, depth, 1.5, seed), generator(1000 * seed + 999)
    x, upstream = (
        torch.randn(BATCH, WIDTH, generator=rng, device=device(), dtype=torch.float64) for _ in range(2)
    )
    values = [x.requires_grad_()]
    with recording():
        for layer in range(depth):
            values.append(chain[2 * layer + 1](chain[2 * layer](values[-1])))
        true = torch.autograd.grad(values[-1], values, upstream / upstream.norm())
    norms = gradient_norms(activation, initialization, depth, 1.5, seed)
    np.testing.assert_allclose(norms, [float(grad.norm()) for grad in true], rtol=1e-9)


@pytest.mark.parametrize(
    ("name", "deviation"), [("small", 0.01), ("Xavier", (2 / (64 + 64)) ** 0.5), ("He", (2 / 64) ** 0.5)]
)
def test_weights_are_drawn_as_in_the_papers(name, deviation):
    weights = [
        module.weight.value
        for module in deep_chain("ReLU", name, 20, 3.0, 0).modules
        if isinstance(module, Linear)
    ]
    assert torch.stack(weights).std().item() == pytest.approx(3 * deviation, rel=0.01)
    assert len(weights) == 20


def test_what_vanishes_and_what_explodes():
    # half of the units pass the gradient: 2/n · n · ½ = 1
    assert growth("ReLU", "He") == pytest.approx(1, abs=0.1)
    assert growth("ReLU", "Xavier") == pytest.approx(math.sqrt(1 / 2), abs=0.07)
    assert growth("ReLU", "He", scale=3) == pytest.approx(3 * growth("ReLU", "He"))  # ReLU is homogeneous
    assert growth("Sigmoid", "Xavier") == pytest.approx(0.25, abs=0.03)  # σ′ is at most a quarter
    assert growth("Sigmoid", "small") < growth("Sigmoid", "He") < 0.5
    assert 0.8 < growth("Tanh", "Xavier") < 1.1
    assert growth("Tanh", "Xavier", scale=3) > 1.3
    assert gradient_norms("Sigmoid", "small", 50)[0] < 1e-45 < 1e-15 < gradient_norms("SELU", "Xavier", 50)[0]


def test_the_lines_carry_the_data():
    figure = gradient_norm_by_depth(depth=7, scale=2.0)
    for axes, initialization in zip(figure.axes, INITIALIZATIONS, strict=True):
        assert initialization in axes.get_title()
        assert axes.get_yscale() == "log"
        assert axes.get_xlim() == (8, 1)  # backward runs from left to right
        for name in LINES:
            (line,) = (line for line in axes.lines if line.get_label() == name)
            norms = gradient_norms(name, initialization, 7, 2.0)
            assert line.get_ydata().tolist() == norms
            assert line.get_xdata().tolist() == list(range(1, 9))
            assert f"{name} {short(norms[0])}" in [text.get_text() for text in axes.texts]


def test_labels_keep_their_distance_and_their_order():
    heights = spread([-30.0, 0.1, 0.0, 0.2, 40.0], gap=1.5, low=-12, high=9)
    assert sorted(range(5), key=heights.__getitem__) == [0, 2, 1, 3, 4]
    assert all(b - a > 1.5 - 1e-9 for a, b in itertools.pairwise(sorted(heights)))
    assert heights[0] == -12
    assert heights[4] == 9
    assert spread([50.0, 51.0], gap=1.5, low=-12, high=9) == [7.5, 9]
    assert spread([-50.0, -51.0], gap=1.5, low=-12, high=9) == [-10.5, -12]


def test_numbers_are_short():
    assert [short(number) for number in (0.17, 65.4, 2.9e-13, 6e42, 0.0)] == [
        "0.17",
        "65",
        "10⁻¹³",
        "10⁴³",
        "0",
    ]


def test_a_chain_needs_layers():
    with pytest.raises(ValueError, match="it must be at least 1"):
        gradient_norm_by_depth(depth=0)
