"""Bad answers: each is a sentence that a beginner understands, and names the line.

It costs only the parts that it breaks.
"""

import inspect

import pytest
import torch

from course import Graph, Module, Parameter, generator
from course.checks import check_module
from course.modules import Linear

X = torch.randn(5, 3, generator=generator(7))


class Line(Linear):
    """A Linear whose backward is tried out below."""


def weight(self, grad_output):
    self.weight.grad += grad_output.T @ self.saved["x"]


class NoReturn(Line):
    def backward(self, grad_output):
        weight(self, grad_output)
        self.bias.grad += grad_output.sum(0)


class TooManyArguments(Line):
    def backward(self, grad_output, weight, bias):
        return grad_output @ weight


class ListOfNumbers(Line):
    def backward(self, grad_output):
        weight(self, grad_output)
        self.bias.grad += grad_output.sum(0)
        return (grad_output @ self.weight.value).tolist()


class Words(Line):
    def backward(self, grad_output):
        weight(self, grad_output)
        self.bias.grad += grad_output.sum(0)
        return "done"


class Nan(Line):
    def backward(self, grad_output):
        weight(self, grad_output)
        self.bias.grad += grad_output.sum(0)
        return (grad_output @ self.weight.value) / 0


class Misspelled(Line):
    def backward(self, grad_output):
        weight(self, grad_output)
        self.bias.grad += grad_output.sum(0)
        return grad_outptu @ self.weight.value  # pyright: ignore


class NotSaved(Line):
    def backward(self, grad_output):
        return grad_output @ self.saved["weight"]


class WrongShapes(Line):
    def backward(self, grad_output):
        return self.weight.value @ grad_output


class FailsTheSecondTime(Line):
    calls = 0

    def backward(self, grad_output):
        self.calls += 1
        if self.calls == 2:
            raise ValueError("only once")
        weight(self, grad_output)
        self.bias.grad += grad_output.sum(0)
        return grad_output @ self.weight.value


class Leaves(Line):
    def backward(self, grad_output):
        raise SystemExit(0)


class TooMany(Line):
    def backward(self, grad_output):
        weight(self, grad_output)
        self.bias.grad += grad_output.sum(0)
        return grad_output @ self.weight.value, grad_output.T


SAID = [
    (NoReturn, "∂L/∂x", "∂L/∂x is missing: backward gave None", {"∂L/∂x", "shapes", "repeatable"}),
    (TooManyArguments, "∂L/∂x", "backward must take self and one argument for each output", None),
    (ListOfNumbers, "∂L/∂x", "a list of numbers where a tensor belongs", {"∂L/∂x", "shapes", "repeatable"}),
    (Words, "∂L/∂x", "backward returned a str where a tensor belongs", {"∂L/∂x", "shapes", "repeatable"}),
    (Nan, "∂L/∂x", "(15 of 15 are no finite number)", {"∂L/∂x"}),
    (Misspelled, "∂L/∂x", "`return grad_outptu @ self.weight.value", None),
    (NotSaved, "∂L/∂x", "forward saved no 'weight'", None),
    (
        WrongShapes,
        "∂L/∂x",
        "a transpose is missing or one too many, or the factors of @ are in the wrong order",
        None,
    ),
    (
        FailsTheSecondTime,
        "accumulation",
        "a second backward raised ValueError: only once",
        {"accumulation", "repeatable"},
    ),
    (Leaves, "∂L/∂x", "backward left the program with exit()", None),
    (TooMany, "∂L/∂x", "backward returned 2 gradients for 1 input (x)", {"∂L/∂x", "shapes", "repeatable"}),
]


@pytest.mark.parametrize(("kind", "part", "said", "broken"), SAID, ids=[row[0].__name__ for row in SAID])
def test_it_is_said_kindly_and_costs_what_it_breaks(kind, part, said, broken):
    report = check_module(kind(3, 2), (X,))
    assert said in report[part].message
    assert "\n" not in report[part].message
    assert report["output"].passed
    if broken is not None:
        assert {p.name for p in report.parts if not p.passed} - {"leaves inputs alone"} == broken


@pytest.mark.parametrize("kind", [Misspelled, NotSaved, WrongShapes, FailsTheSecondTime, Leaves])
def test_the_line_is_named(kind):
    messages = " ".join(part.message for part in check_module(kind(3, 2), (X,)).parts)
    first = inspect.unwrap(kind.backward).__code__.co_firstlineno
    found = [
        int(word.rstrip(":"))
        for word in messages.split()
        if word.rstrip(":").isdigit() and word.endswith(":")
    ]
    assert found
    assert all(first < line <= first + 8 for line in found)


def test_a_class_or_a_number_in_place_of_a_module():
    with pytest.raises(TypeError, match=r"make a module of it first"):
        check_module(Linear, (X,))
    with pytest.raises(TypeError, match="takes a module or a function, got 3"):
        check_module(3, (X,))  # pyright: ignore


def test_a_function_with_its_gradient_in_two_functions():
    assert check_module(torch.sin, (X,), gradient=torch.cos).passed
    report = check_module(torch.sin, (X,), gradient=torch.sin)
    assert not report.passed
    assert report.title == "sin"


def test_a_graph_and_an_own_class():
    class Scale(Module):
        def __init__(self):
            self.factor = Parameter(torch.tensor(2.0))

        def forward(self, x):
            self.save(x=x)
            return x * self.factor.value

        def backward(self, grad_output):
            self.factor.grad += (grad_output * self.saved["x"]).sum()
            return grad_output * self.factor.value

    graph = Graph("x")
    graph.add("y", Scale(), "x")
    graph.add("z", Scale(), "y")
    assert check_module(Scale(), (X,)).passed
    assert check_module(graph, (X,)).passed
