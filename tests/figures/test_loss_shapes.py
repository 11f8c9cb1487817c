"""Losses over one number: torch's values and gradients, and the largest pull where the picture says so."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from course.device import device
from course.figures.loss_shapes import TASKS, loss_shapes, value_and_gradient

BY_TORCH = {
    "Euclidean ½(y − x)²": lambda x: 0.5 * x**2,
    "absolute |x − y|": torch.abs,
    "Huber, δ = 1": lambda x: F.huber_loss(x, torch.zeros_like(x), reduction="none"),
    "cross-entropy −log σ(s)": lambda s: F.softplus(-s),
    "hinge max(0, 1 − s)": lambda s: F.relu(1 - s),
    "Euclidean ½(1 − σ(s))²": lambda s: 0.5 * (1 - torch.sigmoid(s)) ** 2,
}


@pytest.mark.parametrize(
    ("task", "name"), [(task, name) for task, about in TASKS.items() for name in about.losses]
)
def test_curves_are_those_of_torch(task, name):
    x = torch.linspace(-7.77, 4.44, 50, dtype=torch.float64, device=device()).requires_grad_()
    expected = BY_TORCH[name](x)
    (true,) = torch.autograd.grad(expected.sum(), x)
    value, grad = value_and_gradient(task, name, x.detach())
    np.testing.assert_allclose(value.cpu(), expected.detach().cpu(), atol=1e-9)
    np.testing.assert_allclose(grad.cpu(), true.cpu(), atol=1e-9)


def test_marks_stand_on_the_curves_and_are_said():
    figure = loss_shapes(at=-3.0)
    (mark,) = (
        line for line in figure.axes[1].lines if line.get_xdata()[0] == -3 and line.get_ydata()[0] == -1
    )
    assert mark.get_marker() == "o"
    assert "hinge max(0, 1 − s): loss 4, gradient −1" in figure.alt
    assert any("at −3: 4" in text.get_text() for text in figure.axes[0].texts)


def test_a_point_outside_is_drawn_at_the_end():
    assert "At 4, " in loss_shapes("a number", at=99.0).alt


def test_unknown_tasks_are_named():
    with pytest.raises(ValueError, match="there is no task 'maybe': choose a number or yes or no"):
        loss_shapes("maybe")
