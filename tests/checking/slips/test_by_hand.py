"""Wrong gradients of the functions that are differentiated by hand."""

import pytest
import torch

from course.checks import check_module
from tests.checking.slips.wrong import rand


def _neuron(w, x):
    power = torch.exp(-(w[0] * x[0] + w[1] * x[1] + w[2]))
    return power, 1 / (1 + power)


def neuron(slope=lambda f, power: f * f * power, of_w=None, of_x=None):
    def sigmoid_neuron(w, x):
        power, f = _neuron(w, x)
        arrives, one = slope(f, power), torch.ones_like(f)
        w_factors = torch.stack([x[0], x[1], one]) if of_w is None else of_w(w, x, one)
        return f, (arrives * w_factors, arrives * (w[:2] if of_x is None else of_x(w, x)))

    return sigmoid_neuron


@pytest.mark.parametrize(
    ("wrong", "tensors", "name", "words"),
    [
        (neuron(slope=lambda f, p: f * p), "wx", "wrong slope", "the square is missing"),
        (neuron(slope=lambda f, p: f * f), "wx", "step left out", "derivative of exp"),
        (neuron(slope=lambda f, p: f * (1 + f)), "wx", "wrong slope", "1 + f"),
        (neuron(of_w=lambda w, x, one: torch.stack([x[0], x[1], 0 * one])), "w", "path lost", "w[2]"),
        (neuron(of_w=lambda w, x, one: torch.stack([w[0], w[1], one])), "w", "wrong factor", "with itself"),
        (
            neuron(of_w=lambda w, x, one: torch.stack([one, x[0], x[1]])),
            "w",
            "permuted",
            "first of the weights",
        ),
        (neuron(of_x=lambda w, x: w[1:]), "x", "permuted", "shifted by one"),
        (neuron(of_x=lambda w, x: x), "x", "wrong factor", "with itself"),
    ],
)
def test_neuron(wrong, tensors, name, words):
    names = {"w": "∂L/∂x0", "x": "∂L/∂x1"}
    mistakes = check_module(wrong, (rand(3), rand(2, seed=1))).mistakes
    assert set(mistakes) == {names[tensor] for tensor in tensors}
    for mistake in mistakes.values():
        assert (mistake.name, words in mistake.what) == (name, True), mistake.sentence


def bump_with(**changed):
    def bump(x, mu, beta, u):
        offset = x - mu
        squared = (offset**2).sum()
        hidden = torch.exp(-beta * squared)
        pull = 2 * u * hidden * beta * offset
        grads = {"x": -pull, "mu": pull, "beta": -u * hidden * squared, "u": hidden}
        values = {"offset": offset, "squared": squared, "hidden": hidden, "beta": beta, "u": u}
        wrong = {name: formula(**values) for name, formula in changed.items()}
        return u * hidden, tuple((grads | wrong).values())

    return bump


@pytest.mark.parametrize(
    ("wrong", "position", "name", "words"),
    [
        (
            bump_with(x=lambda offset, hidden, beta, u, **_: -u * hidden * beta * offset),
            0,
            "wrong slope",
            "square",
        ),
        (
            bump_with(x=lambda offset, beta, u, **_: -2 * u * beta * offset),
            0,
            "step left out",
            "derivative of exp",
        ),
        (
            bump_with(
                mu=lambda offset, hidden, beta, u, squared: 2 * u * hidden * beta * squared + 0 * offset
            ),
            1,
            "wrong slope",
            "the squared distance stands",
        ),
        (
            bump_with(beta=lambda hidden, u, **_: -u * hidden),
            2,
            "missing factor",
            "squared distance is left out",
        ),
        (bump_with(u=lambda hidden, u, **_: u * hidden), 3, "extra factor", "the whole output"),
    ],
)
def test_bump(wrong, position, name, words):
    inputs = (rand(3), rand(3, seed=1), torch.tensor(0.3), torch.tensor(1.7))
    mistakes = check_module(wrong, inputs).mistakes
    assert set(mistakes) == {f"∂L/∂x{position}"}
    (mistake,) = mistakes.values()
    assert (mistake.name, words in mistake.what) == (name, True), mistake.sentence
