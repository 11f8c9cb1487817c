"""Residual gradients: the norms are torch.autograd's, and weights of zero leave the way around alone."""

import numpy as np
import pytest
import torch

from course.device import device, generator
from course.figures.residual_gradient import BATCH, LOW, WIDTH, layer_norms, network, residual_gradient


def by_autograd(kind, depth, scale, seed):
    weights = [
        block.module[0].weight.value if kind == "residual" else block[0].weight.value
        for block in network(kind, depth, scale, seed).modules
    ]
    rng = generator(1000 + seed)
    x, upstream = (
        torch.randn(BATCH, WIDTH, generator=rng, device=device(), dtype=torch.float64) for _ in range(2)
    )
    values = [x.requires_grad_()]
    for weight in weights:
        through = torch.tanh(values[-1] @ weight.T)
        values.append(through + values[-1] if kind == "residual" else through)
    return [
        grad.norm().item() for grad in torch.autograd.grad(values[-1], values, upstream / upstream.norm())
    ]


@pytest.mark.parametrize("kind", ["plain", "residual"])
@pytest.mark.parametrize(("depth", "scale", "seed"), [(1, 1.0, 0), (7, 0.5, 1), (20, 1.5, 2)])
def test_norms_are_those_of_autograd(kind, depth, scale, seed):
    found = layer_norms(kind, depth, scale, seed)
    assert len(found) == depth + 1
    assert found[-1] == pytest.approx(1)
    np.testing.assert_allclose(found, by_autograd(kind, depth, scale, seed), rtol=1e-9)


def test_without_weights_only_the_way_around_is_left():
    assert layer_norms("residual", 5, 0.0) == pytest.approx([1] * 6)
    assert layer_norms("plain", 5, 0.0) == pytest.approx([0] * 5 + [1])
    assert "F(x) 0 is left" in residual_gradient(depth=5, scale=0.0).alt


@pytest.mark.parametrize("scale", [0.05, 1.0, 3.0])
def test_the_lines_carry_the_norms(scale):
    figure = residual_gradient(depth=30, scale=scale)
    lines = figure.axes[0].lines[1:]
    for kind, line in zip(("residual", "plain"), lines, strict=True):
        expected = np.log10(layer_norms(kind, 30, scale))
        np.testing.assert_allclose(line.get_ydata(), np.maximum(expected, 2 * LOW))
    places = sorted(text.get_position()[1] for text in figure.axes[0].texts)
    assert places[1] - places[0] > 1.9
    assert "2³⁰" in figure.axes[0].get_title()


def test_wrong_arguments_are_explained():
    with pytest.raises(ValueError, match="a network of depth 0 has no layers"):
        residual_gradient(depth=0)
    with pytest.raises(ValueError, match="scale=-1 is no size of weights"):
        residual_gradient(scale=-1)
