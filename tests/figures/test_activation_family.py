"""All activations in one plot: those of lecture 06, with the derivatives that torch.autograd finds.

Each label stands at its curve.
"""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from course.device import device
from course.figures.activation_family import LOOKS, activation_family, family

BY_TORCH = {
    "Identity": lambda x: 1.0 * x,
    "Sigmoid": torch.sigmoid,
    "Tanh": torch.tanh,
    "ReLU": F.relu,
    "LeakyReLU": lambda x: torch.where(x > 0, x, 0.01 * x),
    "PReLU": lambda x: torch.where(x > 0, x, 0.25 * x),
    "Softplus": F.softplus,
    "ELU": F.elu,
    "GELU": F.gelu,
    "SiLU": F.silu,
}


@pytest.mark.parametrize("name", BY_TORCH)
def test_curves_are_those_of_torch(name):
    numbers, value, slope = family()[name]
    x = torch.tensor(numbers, dtype=torch.float64, device=device()).requires_grad_()
    expected = BY_TORCH[name](x)
    (true,) = torch.autograd.grad(expected.sum(), x)
    np.testing.assert_allclose(value, expected.detach().cpu(), atol=1e-9)
    np.testing.assert_allclose(slope, true.cpu(), atol=1e-9)


def test_noise_is_seen_and_repeatable():
    _, value, slope = family(seed=3)["NoisyReLU"]
    assert (value, slope) == family(seed=3)["NoisyReLU"][1:]
    assert value != family(seed=4)["NoisyReLU"][1]
    assert set(slope) == {0.0, 1.0}
    assert min(value) == 0


def test_each_name_points_at_its_curve_and_touches_no_other_name():
    figure = activation_family()
    figure.canvas.draw()
    for axes in figure.axes:
        curves = {line.get_label(): line for line in axes.lines if line.get_label() in LOOKS}
        assert set(curves) == set(LOOKS) == {text.get_text() for text in axes.texts}
        for text in axes.texts:
            leader = next(
                line
                for line in axes.lines
                if len(line.get_xdata()) == 2 and line.get_xydata()[1] == pytest.approx(text.get_position())
            )
            assert leader.get_xydata()[0].tolist() in curves[text.get_text()].get_xydata().tolist()
            assert text.get_color() == curves[text.get_text()].get_color()
        boxes = [text.get_window_extent() for text in axes.texts]
        assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
        assert all(
            axes.get_window_extent().padded(2).contains(*corner)
            for box in boxes
            for corner in (box.min, box.max)
        )


def test_families_are_told_apart_without_color():
    looks = list(LOOKS.values())
    assert len(set(looks)) == len(looks)


def test_one_can_stand_out():
    figure = activation_family(highlight="GELU")
    colors = {line.get_color() for line in figure.axes[1].lines if line.get_label() in set(LOOKS) - {"GELU"}}
    assert len(colors) == 1
    assert "GELU stands out" in figure.alt
    with pytest.raises(ValueError, match="no activation of lecture 06 is called 'swish'"):
        activation_family(highlight="swish")
