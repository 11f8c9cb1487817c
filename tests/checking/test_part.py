"""Verdicts are data: what a part is about, what was found, and the sentence that is made of it."""

import math

import numpy as np
import pytest
import torch

from course import Module, generator
from course.checking.diagnosis import Diagnosis, Mistake
from course.checking.evidence import probe
from course.checking.finding import Finding, Numbers, Problem, difference
from course.checking.part import Kind, Part, folded
from course.checks import check_module
from course.modules import Linear
from tests.checking import test_bad_answers as bad

X = torch.randn(5, 3, generator=generator(7))
NAMES = [
    "output",
    "shapes",
    "∂L/∂x",
    "accumulation",
    "repeatable",
    "leaves inputs alone",
    "by hand",
    "ties",
    "result",
    "one row",
]


class Half(Linear):
    def backward(self, grad_output):
        self.weight.grad += grad_output.T @ self.saved["x"] / 2
        self.bias.grad += grad_output.sum(0)
        return grad_output @ self.weight.value


def test_a_wrong_gradient_in_fields():
    part = check_module(Half(3, 2), (X,))["∂L/∂weight"]
    assert (part.kind, part.tensor, part.passed, part.problem) == (
        Kind.GRADIENT,
        "weight",
        False,
        Problem.DIFFERENT,
    )
    assert part.numbers is not None
    assert part.numbers.given == pytest.approx(part.numbers.expected / 2)
    assert (part.numbers.differ, part.numbers.compared, len(part.numbers.where)) == (6, 6, 2)
    assert part.mistake is not None
    assert part.mistake.mistake is Mistake.CONSTANT_FACTOR
    assert part.message == f"{part.found}. {part.mistake.sentence}"
    assert part.found.startswith(
        f"is {part.numbers.given:.6g} at {list(part.numbers.where)}, but the numeric gradient is "
    )


def test_a_right_gradient_in_fields():
    part = check_module(Linear(3, 2), (X,))["∂L/∂weight"]
    assert (part.passed, part.problem, part.found, part.message, part.numbers) == (
        True,
        Problem.NONE,
        "",
        "",
        None,
    )


class Stub(Linear):
    def backward(self, grad_output):
        raise NotImplementedError


class Forever(Linear):
    def backward(self, grad_output):
        while True:
            pass


PROBLEMS = [
    (bad.NoReturn, "∂L/∂x", Problem.MISSING),
    (bad.TooManyArguments, "∂L/∂x", Problem.RAISED),
    (bad.ListOfNumbers, "∂L/∂x", Problem.WRONG_KIND),
    (bad.Words, "∂L/∂x", Problem.WRONG_KIND),
    (bad.Nan, "∂L/∂x", Problem.NOT_FINITE),
    (bad.FailsTheSecondTime, "accumulation", Problem.RAISED),
    (bad.Leaves, "∂L/∂x", Problem.EXITED),
    (bad.TooMany, "∂L/∂x", Problem.WRONG_COUNT),
    (Stub, "shapes", Problem.NOT_WRITTEN),
    (Stub, "∂L/∂bias", Problem.NOT_WRITTEN),
]


@pytest.mark.parametrize(
    ("kind", "part", "problem"), PROBLEMS, ids=[f"{row[0].__name__}-{row[1]}" for row in PROBLEMS]
)
def test_each_problem_has_its_kind(kind, part, problem):
    assert check_module(kind(3, 2), (X,))[part].problem is problem


def test_the_end_of_time_is_a_kind_of_its_own():
    module = Forever(3, 2).to(dtype=torch.float64)
    evidence = probe(module, ("x",), (X.double(),), (torch.ones(5, 2).double(),), seconds=0.2)
    assert evidence.failures["backward"].problem is Problem.OUT_OF_TIME


@pytest.mark.parametrize("name", NAMES)
def test_a_part_is_found_by_its_name(name):
    assert Part.called(name).name == name
    assert Part.called(name).passed


def test_kinds_by_name():
    assert (Part.called("∂L/∂module.weight").kind, Part.called("∂L/∂module.weight").tensor) == (
        Kind.GRADIENT,
        "module.weight",
    )
    assert Part.called("shapes").kind is Kind.SHAPES
    assert Part.called("fan-out").kind is Kind.CASE
    assert Part.called("gradient").kind is Kind.CASE  # a label that no part has


def test_a_message_is_made_of_its_fields():
    finding, mistake = (
        Finding(Problem.DIFFERENT, "is 1, but 2 is right"),
        Diagnosis(Mistake.SIGN, "the sign", 0.9),
    )
    gradient = Part(Kind.GRADIENT, "x", finding, mistake, case="a batch")
    assert gradient.message == "is 1, but 2 is right. Likely: the sign (case: a batch)"
    assert Part(Kind.ACCUMULATION, "x", finding, mistake).message == "is 1, but 2 is right"
    failed = Part(Kind.GRADIENT, "x", finding)
    whole = Part(Kind.CASE, "x", failed.statement, mistake, "a batch", failed)
    assert (whole.name, whole.message) == ("a batch", "∂L/∂x is 1, but 2 is right")
    failed = Part(Kind.GRADIENT, "x", finding, mistake)
    assert Part(Kind.CASE, "x", failed.statement, None, "a batch", failed).message.endswith(
        "right. Likely: the sign"
    )


@pytest.mark.parametrize("kind", [Kind.RESULT, Kind.TIES, Kind.SHAPES])
def test_a_finding_that_is_a_sentence_needs_no_name(kind):
    finding = Finding(Problem.DIFFERENT, "is neither True nor False")
    assert Part(kind, "", finding).statement == finding


def test_a_difference_says_where_and_how_much():
    given, expected = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 2.5], [3.0, math.nan]])
    assert difference(given, expected, 1e-6, "the truth") == Finding(
        Problem.DIFFERENT,
        "is 2 at [0, 1], but the truth is 2.5 (1 of 3 differ)",
        Numbers(2.0, 2.5, (0, 1), 1, 3),
    )
    assert difference(given, given + 1e-9, 1e-6, "the truth") is None
    assert difference(given, given + 0.5, 1e-6, "the truth", noise=1.0) is None
    assert difference(given[0], given, 1e-6, "the truth") == Finding(
        Problem.WRONG_SHAPE, "has shape (2,), but the truth has shape (2, 2)"
    )
    infinite = difference(np.array([math.inf, 1.0]), np.ones(2), 1e-6, "the truth")
    assert infinite is not None
    assert infinite.words == "is inf at [0], but the truth is 1 (1 of 2 is no finite number)"
    assert infinite.problem is Problem.NOT_FINITE
    unknown = difference(np.ones(2), np.full(2, math.nan), 1e-6, "the truth")
    assert unknown is not None
    assert unknown.problem is Problem.NOT_COMPARED


def test_a_mistake_is_its_name():
    assert Mistake("mean for sum") is Mistake.MEAN_FOR_SUM
    assert Mistake.MEAN_FOR_SUM == "mean for sum"
    assert Mistake.MEAN_FOR_SUM.meaning == "a mean stands where a sum belongs"
    with pytest.raises(ValueError, match="'mean for summ' is not a valid Mistake"):
        Mistake("mean for summ")


def test_only_a_refusal_of_ours_is_one():
    class Talks(Linear):
        def backward(self, grad_output):
            return grad_output @ self.weight.value

    class Unguarded(Module):
        """Its backward runs without a forward, and raises what sounds like our error."""

        def forward(self, x):
            self.save()
            return x

    Unguarded.backward = lambda self, grad_output: (_ for _ in ()).throw(
        RuntimeError("call forward before backward")
    )
    assert check_module(Talks(3, 2), (X,))["needs forward first"].passed
    part = check_module(Unguarded(), (X,))["needs forward first"]
    assert (part.passed, part.problem) == (False, Problem.NOT_REFUSED)


def test_one_cause_is_told_once():
    crash = Finding(Problem.RAISED, "backward raised TypeError: no")
    zeros = Finding(Problem.NOT_ADDED, "weight.grad is all zeros: nothing was added")
    wrong, mistake = Finding(Problem.DIFFERENT, "is 0, but 2 is right"), Diagnosis(Mistake.SIGN, "it", 0.9)
    parts = folded(
        [
            Part(Kind.OUTPUT),
            Part(Kind.GRADIENT, "x", crash),
            Part(Kind.REPEATABLE, "x", crash),
            Part(Kind.ACCUMULATION, "weight", zeros, mistake),
            Part(Kind.GRADIENT, "weight", wrong, mistake),
            Part(Kind.GRADIENT, "bias", wrong),
        ]
    )
    assert [part.follows for part in parts] == ["", "", "∂L/∂x", "∂L/∂weight", "", ""]
    assert parts[2].line == "follows from “∂L/∂x”"
    assert parts[2].message == crash.words


def test_another_mistake_is_no_consequence():
    wrong, other = Finding(Problem.DIFFERENT, "is 1"), Finding(Problem.DIFFERENT, "is 2")
    overwritten = Diagnosis(Mistake.OVERWRITTEN, "assigned", 0.9)
    replaced = Finding(Problem.NOT_ADDED, "a second backward must add")
    parts = folded(
        [
            Part(Kind.GRADIENT, "x", wrong),
            Part(Kind.GRADIENT, "y", other),
            Part(Kind.ACCUMULATION, "x", replaced, overwritten),
        ]
    )
    assert [part.follows for part in parts] == ["", "", ""]
