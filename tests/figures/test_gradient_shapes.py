"""Shapes to scale: the products of the tiles are what torch computes.

Every gradient has the shape of its value.
"""

import itertools

import numpy as np
import pytest
import torch

from course.figures.gradient_shapes import PARTS, gradient_shapes, products


@pytest.mark.parametrize("batch", [1, 5])
def test_the_products_are_torchs_gradients(batch):
    parts = products(batch)
    ((x, w1, a1, w2, a2),) = parts["forward"]
    ((g2, _, g1, _, g0),) = parts["backward"]
    (_, _, grad_w2), (_, _, grad_w1) = parts["parameters"]
    leaves = [torch.from_numpy(np.ascontiguousarray(tile.numbers)).requires_grad_() for tile in (x, w1, w2)]
    with torch.enable_grad():
        hidden = leaves[0] @ leaves[1] + torch.from_numpy(a1.numbers - x.numbers @ w1.numbers)[:1]  # the bias
        hidden.retain_grad()
        output = hidden @ leaves[2]
        output.backward(torch.from_numpy(g2.numbers))
    np.testing.assert_allclose(hidden.detach(), a1.numbers, atol=1e-5)
    for tile, expected in (
        (g1, hidden.grad),
        (g0, leaves[0].grad),
        (grad_w1, leaves[1].grad.T),
        (grad_w2, leaves[2].grad.T),
    ):
        np.testing.assert_allclose(tile.numbers, expected, rtol=1e-4, atol=1e-5)
    assert g2.numbers.shape == a2.numbers.shape


@pytest.mark.parametrize("part", PARTS)
def test_tiles_stand_beside_each_other_within_the_canvas(part):
    axes = gradient_shapes(part, batch=8).axes[0]
    boxes = sorted(tuple(image.get_extent()[:2]) for image in axes.images)
    assert boxes[0][0] >= 1
    assert boxes[-1][1] <= axes.get_xlim()[1] - 1
    assert all(right < left for (_, right), (left, _) in itertools.pairwise(boxes))


@pytest.mark.parametrize("wrong", [{"part": "sideways"}, {"batch": 0}, {"batch": 9}])
def test_what_cannot_be_drawn_is_explained(wrong):
    with pytest.raises(ValueError, match=r"choose forward, backward, parameters and 1 to 8 examples"):
        gradient_shapes(**wrong)
