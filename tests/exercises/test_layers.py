"""Assignment 02: what its cases are there to catch, and what its texts claim."""

import json

import pytest
import torch

from course import Chain, Module, generator
from course.data import digits
from course.exercises import find_exercise, grade
from course.exercises.bank.layers import EXERCISES
from course.modules import CrossEntropyLoss, LeakyReLU, SiLU
from course.optim import SGD
from course.training import accuracy, evaluate, fit
from tests.conftest import ROOT

SOURCE = ROOT / "solutions" / "02_layers" / "02_layers.ipynb"


@pytest.fixture(scope="module")
def answers():
    """The classes of the instructor's notebook, by name."""
    cells = [cell for cell in json.loads(SOURCE.read_text())["cells"] if cell["cell_type"] == "code"]
    names = {"__name__": "__main__"}
    for cell in cells:
        if cell["metadata"]["nbgrader"]["solution"] or cell["id"] == "imports":
            exec("".join(cell["source"]), names)
    return names


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.name)
def test_solutions_earn_everything_for_many_inputs(answers, exercise):
    answer = answers[exercise.truth.__name__]
    assert all(grade(exercise, answer, seed=seed).complete for seed in range(6))


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "prelu", "softplus"])
def test_every_case_has_numbers_on_both_sides_of_the_bend(name):
    for seed in range(20):
        for case in find_exercise(name).cases(generator(seed)):
            if case.inputs[0].dim():
                assert case.inputs[0].sign().unique().tolist() == [-1, 1]


@pytest.mark.parametrize(
    ("slope", "points"),
    [
        (lambda x, beta: torch.exp(beta * x) / (1 + torch.exp(beta * x)), 7),  # infinity by infinity
        (lambda x, beta: 1 / (1 + torch.exp(-beta * x)), 10),  # one by infinity
        (lambda x, beta: torch.sigmoid(x), 6),
        (lambda x, beta: beta * torch.sigmoid(beta * x), 6),
        (lambda x, beta: (x > 0).double(), 3),
    ],
)
def test_softplus_gives_points_for_each_situation(answers, slope, points):
    class Softplus(answers["Softplus"]):
        def backward(self, grad_output):
            return grad_output * slope(self.saved["x"], self.beta)

    assert grade(find_exercise("softplus"), Softplus).points == points


def test_what_is_written_into_saved_tensors_shows_in_a_second_backward(answers):
    class Tanh(answers["Tanh"]):
        def backward(self, grad_output):
            return grad_output * self.saved["out"].square_().neg_().add_(1)

    score = grade(find_exercise("tanh"), Tanh)
    assert [part.name for part in score.verdicts if not part.passed] == ["repeatable"]


def test_the_question_in_words_is_about_facts():
    leaky, silu = LeakyReLU(-0.5), SiLU()
    x = torch.tensor([1.0, -2.0])
    assert leaky(x).tolist() == [1, 1]
    assert leaky.backward(torch.ones(2)).tolist() == [1, -0.5]
    x = torch.linspace(-3, 0, 3001)
    assert x[silu(x).argmin()].item() == pytest.approx(-1.28, abs=0.005)


def test_a_network_of_the_solutions_learns(answers):
    """As in the notebook's last cell, in fewer epochs."""
    linear, prelu, tanh, softplus = (answers[name] for name in ("Linear", "PReLU", "Tanh", "Softplus"))
    torch.manual_seed(0)
    train, test = digits().split().standardize()
    net: Module = Chain(
        linear(64, 48), prelu(48), linear(48, 32), tanh(), linear(32, 32), softplus(), linear(32, 10)
    )
    fit(net, CrossEntropyLoss(), SGD(net.parameters(), lr=0.1), train, epochs=5, progress=False)
    assert evaluate(net, CrossEntropyLoss(), test, metrics=[accuracy])["accuracy"] > 0.6
