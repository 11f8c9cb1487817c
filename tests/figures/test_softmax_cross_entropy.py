"""Softmax and cross-entropy: joined gradient, chained gradient, torch.autograd's and p − y are the same."""

import math

import pytest
import torch

from course.figures.softmax_cross_entropy import cross_entropy, softmax_cross_entropy

LOGITS = [[0.0, 0.4, 0.9], [-5.0, 5.0, 5.0], [3.0, -1.5, 0.25], [0.0, 0.0, 0.0]]


@pytest.mark.parametrize("target", [0, 1, 2])
@pytest.mark.parametrize("logits", LOGITS)
def test_all_ways_agree(logits, target):
    found = cross_entropy(logits, target)
    x = torch.tensor(logits, dtype=torch.float64, device="cpu", requires_grad=True)
    loss = torch.nn.functional.cross_entropy(x, torch.tensor(target, device="cpu"))
    (true,) = torch.autograd.grad(loss, x)
    total = sum(math.exp(number) for number in logits)
    assert found.p == pytest.approx([math.exp(number) / total for number in logits])
    assert found.loss == pytest.approx(loss.item())
    assert found.joined == pytest.approx(true.tolist())
    assert found.chained == pytest.approx(true.tolist())
    assert found.joined == pytest.approx([p - y for p, y in zip(found.p, found.y, strict=True)])
    assert found.y == [float(place == target) for place in range(3)]
    assert sum(found.joined) == pytest.approx(0)


def test_the_lectures_example():
    found = cross_entropy([math.log(0.2), math.log(0.3), math.log(0.5)], 1)
    assert found.p == pytest.approx([0.2, 0.3, 0.5])
    assert found.joined == pytest.approx([0.2, -0.7, 0.5])


def test_the_bars_carry_the_data():
    figure = softmax_cross_entropy(1.0, -2.0, 0.5, target=2)
    found = cross_entropy([1.0, -2.0, 0.5], 2)
    heights = [[patch.get_height() for patch in axes.patches] for axes in figure.axes]
    assert heights[0] == [1.0, -2.0, 0.5]
    assert heights[1] == pytest.approx([*found.p, *found.y])
    assert heights[2] == pytest.approx(found.joined)
    (diamonds,) = (line for line in figure.axes[2].lines if line.get_marker() == "D")
    assert diamonds.get_ydata().tolist() == found.chained
    said = [text.get_text().replace("−", "-") for text in figure.axes[2].texts]
    assert [float(text) for text in said] == pytest.approx(found.joined, abs=0.005)
    assert "p₂" in figure.get_suptitle()


def test_a_target_that_is_no_class_is_explained():
    with pytest.raises(ValueError, match="the target 3 is no class: the classes are 0 to 2"):
        softmax_cross_entropy(target=3)
