"""Kinks: decisions are seen, points are moved off them, and ties hand their gradient on once."""

import pytest
import torch
import torch.nn.functional as F

from course import Module, generator
from course.checking.kinks import Decisions, differ
from course.checks import check_module
from course.gradients import crosses_kink, numerical_gradients
from course.modules import Abs, L1Loss, LeakyReLU, Max, MaxPool2d, ReLU

DECIDES = {
    "relu": torch.relu,
    "F.relu": F.relu,
    "clamp": lambda x: x.clamp(min=0),
    "clamp_max": lambda x: x.clamp_max(0),
    "abs": abs,
    "max": lambda x: x.max(),
    "amax": lambda x: x.amax(dim=1),
    "max dim": lambda x: x.max(dim=1).values,
    "min": lambda x: x.min(dim=1).values,
    "maximum": lambda x: torch.maximum(x, -x),
    "leaky": lambda x: F.leaky_relu(x, 0.1),
    "prelu": lambda x: F.prelu(x, torch.tensor([0.1], dtype=x.dtype)),
    "mask": lambda x: (x > 0) * x,
    "where": lambda x: torch.where(x > 0, x, 0.1 * x),
    "hardtanh": lambda x: F.hardtanh(x, -1e-7, 1.0),
    "l1": lambda x: F.l1_loss(x, 0 * x),
    "sort": lambda x: x.sort(dim=1).values * torch.arange(x.shape[1]),
    "pool": lambda x: F.max_pool2d(x[None], 2),
    "threshold": lambda x: F.threshold(x, 0.0, 0.0),
}


def decided(function, x):
    with Decisions() as decisions:
        function(x)
    return decisions.taken


@pytest.mark.parametrize("name", DECIDES)
def test_a_decision_that_flips_is_seen(name):
    x = torch.tensor([[3e-7, 1.0], [2.0, 1.0 + 3e-7]], dtype=torch.float64)
    x[1, 0] = x[1, 1] - 1e-7
    down = x - torch.tensor([[6e-7, 0], [0, 0]])
    across = x + torch.tensor([[0, 0], [6e-7, 0]])
    function = DECIDES[name]
    assert any(bool(differ(decided(function, x), decided(function, other))) for other in (down, across))
    assert not bool(differ(decided(function, x), decided(function, x.clone())))


@pytest.mark.parametrize("function", [torch.exp, torch.softmax, torch.matmul])
def test_smooth_functions_decide_nothing(function):
    x = torch.randn(3, 3, dtype=torch.float64)
    arguments = {torch.exp: (x,), torch.softmax: (x, 1), torch.matmul: (x, x)}[function]
    assert decided(lambda x: function(*arguments), x) == []


@pytest.mark.parametrize("vectorize", [True, False])
def test_numbers_at_a_kink_are_left_out(vectorize):
    x = torch.tensor([-1.0, 1e-9, 2.0], dtype=torch.float64)
    ones = torch.ones(3, dtype=torch.float64)
    (gradient,) = numerical_gradients(torch.relu, [x], [ones], skip_kinks=True, vectorize=vectorize)
    assert gradient.isnan().tolist() == [False, True, False]
    (plain,) = numerical_gradients(torch.relu, [x], [ones], vectorize=vectorize)
    assert 0.4 < plain[1] < 0.6  # half of one side, half of the other: the derivative of neither


def test_a_point_at_a_kink_is_recognized():
    zero = torch.zeros(2, dtype=torch.float64)
    assert crosses_kink(torch.relu, [zero])
    assert crosses_kink(torch.maximum, [zero + 1, zero + 1])
    assert not crosses_kink(torch.relu, [zero + 1])
    assert not crosses_kink(torch.exp, [zero])


@pytest.mark.parametrize(
    ("module", "inputs"),
    [
        (ReLU(), (torch.zeros(4, 3),)),
        (LeakyReLU(), (torch.zeros(5),)),
        (Abs(), (torch.zeros(3),)),
        (Max(), (torch.ones(4), torch.ones(4))),
        (L1Loss(), (torch.ones(4), torch.ones(4))),
        (MaxPool2d(2), (torch.zeros(1, 1, 4, 4),)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_right_modules_pass_at_kinks_since_the_point_is_moved(module, inputs):
    report = check_module(module, inputs)
    assert report.passed, report


class Twice(Module):
    def forward(self, x, y):
        self.save(x=x, y=y)
        return torch.maximum(x, y)

    def backward(self, grad_output):
        x, y = self.saved["x"], self.saved["y"]
        return grad_output * (x >= y), grad_output * (y >= x)


class ToTheFirst(Twice):
    def backward(self, grad_output):
        first = self.saved["x"] >= self.saved["y"]
        return grad_output * first, grad_output * ~first


class Halves(Twice):
    def backward(self, grad_output):
        x, y = self.saved["x"], self.saved["y"]
        tie = 0.5 * (x == y)
        return grad_output * ((x > y) + tie), grad_output * ((y > x) + tie)


def test_ties_hand_the_gradient_on_once():
    inputs = (torch.randn(6, generator=generator(1)), torch.randn(6, generator=generator(2)))
    assert check_module(ToTheFirst(), inputs).passed
    assert check_module(Halves(), inputs).passed
    report = check_module(Twice(), inputs)
    assert [part.name for part in report.parts if not part.passed] == ["ties"]
    assert report.mistakes["ties"].name == "ties routed twice"
