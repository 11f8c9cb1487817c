"""On paper: a failing score shows short numbers that can be redone by hand, and that are right."""

import numpy as np
import torch

from course.exercises import find_exercise, grade
from course.modules import Copy, Linear, Multiply, Sigmoid
from tests.exercises.test_exercises import RightMultiply, StubMultiply


class Squared(Multiply):
    def backward(self, grad_output):
        return grad_output * self.saved["y"] ** 2, grad_output * self.saved["x"]


def test_the_numbers_are_short_and_redone_by_hand():
    paper = grade(find_exercise("multiply"), Squared).paper
    assert paper is not None
    assert paper.tensor == "x"
    for name in ("x", "y", "grad_output"):
        assert np.array_equal(paper.given[name], paper.given[name].round(1))
        assert np.all(paper.given[name] != 0)
    y, grad = paper.given["y"], paper.given["grad_output"]
    assert np.allclose(paper.numeric, grad * y)
    assert np.allclose(paper.yours, grad * y**2)
    assert f"your ∂L/∂x is {float(paper.yours.reshape(-1)[0]):.4g}" in paper.sentence.replace("[", "")


def test_it_stands_in_the_table_and_on_the_page():
    score = grade(find_exercise("multiply"), Squared)
    assert f"On paper: {score.paper.sentence}" in repr(score)
    assert "On paper: x = " in score._repr_html_()


def test_the_gradients_that_arrive_differ_from_output_to_output():
    class First(Copy):
        def backward(self, *grads):
            return grads[0]

    given = grade(find_exercise("copy"), First).paper.given
    assert not np.array_equal(given["grad_output"], given["grad_output1"])


def test_the_parameters_are_shown_too():
    class NoBias(Linear):
        def backward(self, grad_output):
            self.weight.grad += grad_output.T @ self.saved["x"]
            self.bias.grad += grad_output.mean(dim=0) / 2
            return grad_output @ self.weight.value

    paper = grade(find_exercise("linear"), NoBias).paper
    assert paper.tensor == "bias"
    assert {"x", "weight", "bias", "grad_output"} == set(paper.given)
    assert np.allclose(paper.numeric, paper.given["grad_output"].sum(axis=0))


def test_nothing_is_shown_of_a_right_answer_a_stub_or_a_crash():
    class Crash(Sigmoid):
        def backward(self, grad_output):
            raise RuntimeError("no")

    assert grade(find_exercise("multiply"), RightMultiply).paper is None
    assert grade(find_exercise("multiply"), StubMultiply).paper is None
    assert grade(find_exercise("sigmoid"), Crash).paper is None


def test_what_is_right_for_short_numbers_is_left_out():
    class Small(Multiply):
        def backward(self, grad_output):
            x, y = self.saved["x"], self.saved["y"]
            exact = torch.equal(x, x.round(decimals=1))
            return (grad_output * y if exact else 2 * grad_output * y), grad_output * x

    score = grade(find_exercise("multiply"), Small)
    assert not score.complete
    assert score.paper is None
