"""Names over all cases of an exercise: one mistake explains every wrong case, contradicts no right one."""

import os
import subprocess
import sys

import pytest
import torch

from course.checking.diagnosis import Mistake
from course.exercises import find_exercise, grade
from course.modules import Add, Copy, CosineUnit, LeakyReLU, Linear, Multiply, Softmax


def mistakes(exercise, answer, seed=0):
    """The mistakes that are told, by part."""
    score = grade(find_exercise(exercise), answer, seed=seed)
    return {part.name: part.mistake for part in score.verdicts if part.mistake is not None}


class Halved(Multiply):
    def backward(self, grad_output):
        return 0.5 * grad_output * self.saved["y"], 0.5 * grad_output * self.saved["x"]


def test_a_factor_that_is_the_same_in_every_case_is_told_surely():
    told = mistakes("multiply", Halved)
    assert told["∂L/∂x"].mistake is Mistake.CONSTANT_FACTOR
    assert told["∂L/∂x"].sentence == "Likely: ∂L/∂x is 1/2 of the true one: a constant factor is wrong"


def test_a_factor_that_differs_from_case_to_case_is_not_told():
    class Drifting(Multiply):
        def backward(self, grad_output):
            factor = 1 + 1 / (1 + grad_output.numel())
            return factor * grad_output * self.saved["y"], grad_output * self.saved["x"]

    assert mistakes("multiply", Drifting) == {}


def test_a_factor_that_counts_the_examples_is_told_although_it_differs():
    class Averaged(Linear):
        def backward(self, grad_output):
            self.weight.grad += grad_output.T @ self.saved["x"]
            self.bias.grad += grad_output.mean(dim=0)
            return grad_output @ self.weight.value

    told = mistakes("linear", Averaged)
    assert told["∂L/∂bias"].mistake is Mistake.MEAN_FOR_SUM
    assert "is a mean over" in told["∂L/∂bias"].what


def test_what_is_zero_in_a_single_case_is_not_called_zero_everywhere():
    class Short(Linear):
        def backward(self, grad_output):
            x = self.saved["x"]
            for i in range(len(x) - 1):
                self.weight.grad += torch.outer(grad_output[i], x[i])
                self.bias.grad += grad_output[i]
            return grad_output @ self.weight.value

    told = mistakes("linear", Short)
    assert all(mistake.mistake is not Mistake.ZERO_GRADIENT for mistake in told.values())


def test_a_right_case_that_the_mistake_would_spoil_speaks_against_it():
    class Signs(Multiply):
        def backward(self, grad_output):
            sign = -1 if grad_output.dim() else 1
            return sign * grad_output * self.saved["y"], grad_output * self.saved["x"]

    assert mistakes("multiply", Signs) == {}


@pytest.mark.parametrize("slope", [0.01, 0.2])
def test_the_exercise_s_own_function_is_no_other_function(slope):
    class Fixed(LeakyReLU):
        def backward(self, grad_output):
            return torch.where(self.saved["x"] > 0, grad_output, slope * grad_output)

    for mistake in mistakes("leaky_relu", Fixed).values():
        assert "different function" not in mistake.what


def test_the_case_that_speaks_has_several_numbers_and_is_small():
    score = grade(find_exercise("multiply"), Halved)
    part = next(part for part in score.verdicts if part.name == "∂L/∂x")
    assert part.numbers is not None
    assert part.numbers.compared > 1
    assert score.reports["∂L/∂x"].title == part.case


def test_what_explains_some_cases_only_has_no_name():
    class Whole(Softmax):
        def backward(self, grad_output):
            out = self.saved["out"]
            if self.dim == 0:
                return out * grad_output.cos()
            return out * (grad_output - (out * grad_output).mean(self.dim, keepdim=True))

    score = grade(find_exercise("softmax"), Whole)
    assert not any(report.mistakes for report in score.reports.values())


def test_few_numbers_do_not_speak_for_cases_that_they_leave_unexplained():
    class Odd(Multiply):
        def backward(self, grad_output):
            x, y = self.saved["x"], self.saved["y"]
            return grad_output * (y if grad_output.dim() == 2 else y.cos()) * 2, grad_output * x

    assert mistakes("multiply", Odd) == {}


def test_the_gradient_that_arrives_and_a_parameter_s_own_may_stand_where_a_value_belongs():
    class Same(CosineUnit):
        def backward(self, grad_output):
            x, theta = self.saved["x"], self.theta.value
            self.theta.grad += -(grad_output * x * torch.sin(theta * x)).sum()
            return -grad_output * theta * torch.sin(theta * grad_output)

    class Grown(Linear):
        def backward(self, grad_output):
            self.bias.grad += grad_output.sum(0)
            self.weight.grad += grad_output.T @ self.saved["x"]
            return torch.einsum("bo,of->bf", grad_output, self.weight.grad)

    assert "computed of grad_output" in mistakes("cosine_unit", Same)["∂L/∂x"].what
    assert "the gradient of weight is used" in mistakes("linear", Grown)["∂L/∂x"].what


@pytest.mark.parametrize("seed", [1, 5])
def test_names_do_not_depend_on_the_order_of_a_set(seed):
    code = (
        "import torch\n"
        "from course.modules import Sigmoid\n"
        "from course.checks import check_module\n"
        "class Other(Sigmoid):\n"
        "    def backward(self, g):\n"
        "        return g * (1 - torch.as_tensor(self.saved['out']) ** 2)\n"
        f"torch.manual_seed({seed})\n"
        "print(check_module(Other(), (torch.randn(3, 4),))['∂L/∂x'].message)\n"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hash_seed in ("0", "1", "2")
    }
    assert len(told) == 1
    assert "tanh" in told.pop()


def test_what_no_points_are_given_for_still_costs_some():
    class Adds(Copy):
        def backward(self, grad_first, grad_second):
            grad_first += grad_second
            return grad_first

    class Doubled(Add):
        def forward(self, x, y):
            return 2 * super().forward(x, y)

        def backward(self, grad_output):
            return grad_output, grad_output

    for exercise, answer, words in (
        ("copy", Adds, "was changed in place"),
        ("add", Doubled, "the expected output"),
    ):
        score = grade(find_exercise(exercise), answer)
        assert 0 < score.points < score.exercise.max_points
        assert words in next(part.message for part in score.verdicts if not part.passed)
