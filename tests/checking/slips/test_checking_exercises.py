"""Assignment 04: what is said of mended modules that are still wrong, and of wrong functions."""

import pytest
import torch

from course import Module, Parameter
from course.checks import check_module
from course.exercises import find_exercise
from course.exercises.bank.gradient_checking import Proportions as RightProportions
from course.exercises.grading import grade
from course.modules import Sine
from tests.checking.slips.written import Wrong, must_be_named


class MSELoss(Module):
    def forward(self, x, target):
        self.save(x=x, target=target)
        return ((x - target) ** 2).mean()


class MatMul(Module):
    def forward(self, x, y):
        self.save(x=x, y=y)
        return x @ y


class SiLU(Module):
    def forward(self, x):
        gate = torch.sigmoid(x)
        self.save(x=x, gate=gate)
        return x * gate


class Divide(Module):
    def forward(self, x, y):
        self.save(x=x, y=y)
        return x / y


class Wave(Module):
    def __init__(self, features):
        self.frequency = Parameter.uniform((features,), 3.0)

    def forward(self, x):
        self.save(x=x)
        return torch.sin(self.frequency.value * x)


Wave.__name__ = "Sine"


class Proportions(Module):
    def forward(self, x):
        total = x.sum(dim=1, keepdim=True)
        self.save(x=x, total=total)
        return x / total


def two(formula):
    return lambda self, g: formula(g, *(self.saved[name] for name in self.input_names()))


def gated(formula):
    return lambda self, g: formula(g, self.saved["x"], self.saved["gate"])


def parts(formula):
    return lambda self, g: formula(g, self.saved["x"], self.saved["total"])


def waves(of_x, of_frequency=lambda g, x, w: (g * x * torch.cos(w * x)).sum(0)):
    def backward(self, grad_output):
        x, w = self.saved["x"], self.frequency.value
        self.frequency.grad += of_frequency(grad_output, x, w)
        return of_x(grad_output, x, w)

    return backward


def sine(g, x, w):
    return g * w * torch.cos(w * x)


def rows(shape=(4, 3)):
    return lambda: (0.5 + torch.rand(shape),)


PAIR = {"shapes": ((4, 3), (4, 3))}
SQUARES = {"shapes": ((3, 3), (3, 3))}
X = {"shapes": ((5, 3),)}
WAVES = {"args": (3,), "shapes": ((4, 3),)}
COUNTS = {"inputs": rows()}
COLUMN = {"inputs": lambda: (torch.randn(4, 3), 0.5 + torch.rand(4, 1))}
ALIKE = {"inputs": lambda: (torch.randn(4, 3), 0.5 + torch.rand(4, 3))}
SHAPED = {"inputs": lambda: (torch.randn(3), 0.5 + torch.rand(4, 3))}

WRONG = [
    Wrong(
        "no mean",
        MSELoss,
        two(lambda g, x, y: (2 * g * (x - y), -2 * g * (x - y))),
        "x",
        "missing 1/N",
        "the division by 12 is missing",
        **PAIR,
    ),
    Wrong(
        "rows",
        MSELoss,
        two(lambda g, x, y: (2 * g * (x - y) / len(x), -2 * g * (x - y) / 12)),
        "x",
        "wrong factor",
        "the number of rows",
        **PAIR,
    ),
    Wrong(
        "no two",
        MSELoss,
        two(lambda g, x, y: (g * (x - y) / 12, -2 * g * (x - y) / 12)),
        "x",
        "wrong slope",
        "the two from the square",
        **PAIR,
    ),
    Wrong(
        "sign",
        MSELoss,
        two(lambda g, x, y: (2 * g * (y - x) / 12, -2 * g * (x - y) / 12)),
        "x",
        "sign",
        "which of the two",
        **PAIR,
    ),
    Wrong(
        "absolute",
        MSELoss,
        two(lambda g, x, y: (2 * g * (x - y).sign() / 12, -2 * g * (x - y) / 12)),
        "x",
        "other formula",
        "absolute value",
        **PAIR,
    ),
    Wrong(
        "y forgotten",
        MSELoss,
        two(lambda g, x, y: (2 * g * x / 12, -2 * g * (x - y) / 12)),
        "x",
        "missing factor",
        "target is left out",
        **PAIR,
    ),
    Wrong(
        "no T",
        MatMul,
        two(lambda g, x, y: (g @ y.T, x @ g)),
        "y",
        "missing transpose",
        "x times grad_output",
        **SQUARES,
    ),
    Wrong(
        "no T",
        MatMul,
        two(lambda g, x, y: (g @ y, x.T @ g)),
        "x",
        "missing transpose",
        "grad_output times y",
        **SQUARES,
    ),
    Wrong(
        "order",
        MatMul,
        two(lambda g, x, y: (y.T @ g, x.T @ g)),
        "x",
        "missing transpose",
        "y transposed times grad_output",
        **SQUARES,
    ),
    Wrong(
        "operand",
        MatMul,
        two(lambda g, x, y: (g @ x.T, x.T @ g)),
        "x",
        "wrong factor",
        "grad_output times x transposed",
        **SQUARES,
    ),
    Wrong(
        "elementwise",
        MatMul,
        two(lambda g, x, y: (g * y, x.T @ g)),
        "x",
        "other formula",
        "number by number",
        **SQUARES,
    ),
    Wrong(
        "gate's path",
        SiLU,
        gated(lambda g, x, s: g * x * s * (1 - s)),
        "x",
        "path lost",
        "only the one through σ(x)",
        **X,
    ),
    Wrong("own path", SiLU, gated(lambda g, x, s: g * s), "x", "path lost", "only the first", **X),
    Wrong(
        "minus",
        SiLU,
        gated(lambda g, x, s: g * (s - x * s * (1 - s))),
        "x",
        "sign",
        "has the wrong sign",
        **X,
    ),
    Wrong(
        "precedence",
        SiLU,
        gated(lambda g, x, s: g * s + x * s * (1 - s)),
        "x",
        "misplaced factor",
        "only one of the two paths",
        **X,
    ),
    Wrong(
        "no x",
        SiLU,
        gated(lambda g, x, s: g * (s + s * (1 - s))),
        "x",
        "missing factor",
        "x, is left out",
        **X,
    ),
    Wrong(
        "half",
        SiLU,
        gated(lambda g, x, s: g * (s + x * (1 - s))),
        "x",
        "wrong slope",
        "half of the sigmoid's slope is left out; or",
        **X,
    ),
    Wrong(
        "no gate",
        SiLU,
        gated(lambda g, x, s: g * (1 + x * (1 - s))),
        "x",
        "missing factor",
        "in both terms",
        **X,
    ),
    Wrong("plus", SiLU, gated(lambda g, x, s: g * (s + x * s * (1 + s))), "x", "wrong slope", "a plus", **X),
    Wrong(
        "product",
        SiLU,
        gated(lambda g, x, s: g * s * x * s * (1 - s)),
        "x",
        "wrong factor",
        "multiplied, they add up",
        **X,
    ),
    Wrong(
        "unsummed",
        Divide,
        two(lambda g, x, y: (g / y, -g * x / y**2)),
        "y",
        "broadcast not reduced",
        "not summed where y",
        **COLUMN,
    ),
    Wrong(
        "unsummed",
        Divide,
        two(lambda g, x, y: (g / y, -g * x / y**2)),
        "x",
        "broadcast not reduced",
        "not summed where x",
        **SHAPED,
    ),
    Wrong(
        "mean",
        Divide,
        two(lambda g, x, y: (g / y, (-g * x / y**2).mean(1, keepdim=True))),
        "y",
        "mean for sum",
        "is a mean",
        **COLUMN,
    ),
    Wrong(
        "no square",
        Divide,
        two(lambda g, x, y: (g / y, -g * x / y)),
        "y",
        "wrong slope",
        "the square is missing",
        **ALIKE,
    ),
    Wrong(
        "no x",
        Divide,
        two(lambda g, x, y: (g / y, -g / y**2)),
        "y",
        "missing factor",
        "x is left out",
        **ALIKE,
    ),
    Wrong(
        "times",
        Divide,
        two(lambda g, x, y: (g * y, -g * x / y**2)),
        "x",
        "wrong factor",
        "multiplied with y",
        **ALIKE,
    ),
    Wrong(
        "inner",
        Wave,
        waves(lambda g, x, w: g * torch.cos(w * x)),
        "x",
        "missing factor",
        "the inner derivative is left out",
        **WAVES,
    ),
    Wrong(
        "sine",
        Wave,
        waves(lambda g, x, w: g * w * torch.sin(w * x)),
        "x",
        "wrong slope",
        "written as a sine",
        **WAVES,
    ),
    Wrong(
        "cos of x",
        Wave,
        waves(lambda g, x, w: g * w * torch.cos(x)),
        "x",
        "missing factor",
        "left out inside",
        **WAVES,
    ),
    Wrong(
        "x for w",
        Wave,
        waves(lambda g, x, w: g * x * torch.cos(w * x)),
        "x",
        "wrong factor",
        "exchanged as inner",
        **WAVES,
    ),
    Wrong(
        "mean",
        Wave,
        waves(sine, lambda g, x, w: (g * x * torch.cos(w * x)).mean(0)),
        "frequency",
        "mean for sum",
        "a mean over the rows",
        **WAVES,
    ),
    Wrong(
        "last row",
        Wave,
        waves(sine, lambda g, x, w: (g * x * torch.cos(w * x))[-1]),
        "frequency",
        "examples missing",
        "only the last",
        **WAVES,
    ),
    Wrong(
        "all",
        Wave,
        waves(sine, lambda g, x, w: (g * x * torch.cos(w * x)).sum()),
        "frequency",
        "wrong axis",
        "runs over everything",
        **WAVES,
    ),
    Wrong(
        "constant",
        Proportions,
        parts(lambda g, x, t: g / t),
        "x",
        "constant statistics",
        "the row's sum depends on x",
        **COUNTS,
    ),
    Wrong(
        "plus",
        Proportions,
        parts(lambda g, x, t: g / t + (g * x).sum(1, keepdim=True) / t**2),
        "x",
        "sign",
        "the wrong sign",
        **COUNTS,
    ),
    Wrong(
        "no square",
        Proportions,
        parts(lambda g, x, t: g / t - (g * x).sum(1, keepdim=True) / t),
        "x",
        "wrong slope",
        "square",
        **COUNTS,
    ),
    Wrong(
        "no sum",
        Proportions,
        parts(lambda g, x, t: g * (t - x) / t**2),
        "x",
        "diagonal only",
        "the sum is missing",
        **COUNTS,
    ),
    Wrong(
        "no x",
        Proportions,
        parts(lambda g, x, t: g / t - g.sum(1, keepdim=True) / t**2),
        "x",
        "missing factor",
        "x is left out of the sum",
        **COUNTS,
    ),
    Wrong(
        "columns",
        Proportions,
        parts(lambda g, x, t: g / t - (g * x).sum(0) / t**2),
        "x",
        "wrong axis",
        "over the columns",
        **COUNTS,
    ),
    Wrong(
        "plus, and columns",
        Proportions,
        parts(lambda g, x, t: g / t + (g * x).sum(0, keepdim=True) / t**2),
        "x",
        "wrong axis",
        "two things: the second term is added",
        **COUNTS,
    ),
    Wrong(
        "keepdim",
        Proportions,
        parts(lambda g, x, t: g / t - (g * x).sum(1) / t**2),
        "x",
        "wrong axis",
        "lost its axis",
        inputs=rows((4, 4)),
    ),
    Wrong(
        "over the columns",
        Proportions,
        parts(lambda g, x, t: (g - (g * x / t).sum(0, keepdim=True)) / t),
        "x",
        "wrong axis",
        "over the columns",
        **COUNTS,
    ),
    Wrong(
        "softmax",
        Proportions,
        parts(lambda g, x, t: x / t * (g - (g * x / t).sum(1, keepdim=True))),
        "x",
        "other formula",
        "softmax",
        **COUNTS,
    ),
]


@pytest.mark.parametrize(
    "wrong", WRONG, ids=lambda wrong: f"{wrong.kind.__name__}: {wrong.label}: {wrong.tensor}"
)
def test_it_is_named(wrong):
    must_be_named(wrong)


def test_the_exercises_own_truths_have_the_lists():
    class Wrong(RightProportions):
        def backward(self, grad_output):
            return torch.zeros_like(grad_output) + grad_output

    class Twice(Sine):
        def backward(self, grad_output):
            return super().backward(grad_output) / self.frequency.value

    torch.manual_seed(0)
    said = check_module(Wrong(), (0.5 + torch.rand(4, 3),)).mistakes["∂L/∂x"]
    assert said.name == "local derivative ignored"
    said = check_module(Twice(3), (torch.randn(4, 3),)).mistakes["∂L/∂x"]
    assert "the inner derivative is left out" in said.what


# --- plain functions


def difference(ahead, behind, divisor, whole=False):
    """A numerical gradient whose steps and divisor may be wrong."""

    def numerical_gradient(f, x, epsilon=6e-6):
        slopes = torch.zeros_like(x)
        for i in range(x.numel()):
            step = torch.zeros_like(x).reshape(-1)
            if whole:
                step += epsilon
            else:
                step[i] = epsilon
            step = step.reshape(x.shape)
            slopes.view(-1)[i] = (f(x + ahead * step) - f(x - behind * step)) / divisor(epsilon)
        return slopes

    return numerical_gradient


def in_place(f, x, epsilon=6e-6):
    slopes, flat = torch.zeros_like(x), x.view(-1)
    for i in range(x.numel()):
        flat[i] += epsilon
        ahead = f(x)
        flat[i] -= 2 * epsilon
        slopes.view(-1)[i] = (ahead - f(x)) / (2 * epsilon)
        flat[i] += epsilon
    return slopes


def rowwise(f, x, epsilon=6e-6):
    if x.dim() == 0:
        return (f(x + epsilon) - f(x - epsilon)) / (2 * epsilon)
    slopes = torch.zeros_like(x)
    for i in range(len(x)):
        step = torch.zeros_like(x)
        step[i] = epsilon
        slopes[i] = (f(x + step) - f(x - step)) / (2 * epsilon)
    return slopes


CENTRAL = "just as central as it should be"
DIFFERENCES = [
    (CENTRAL, difference(1, 0, lambda e: e), "one-sided difference, from x to a place ahead"),
    (CENTRAL, difference(0, 1, lambda e: e), "one-sided difference, from a place behind to x"),
    ("a vector", difference(1, 1, lambda e: e), "twice the slope"),
    (CENTRAL, difference(1, 1, lambda e: e), "twice the slope"),
    ("a vector", difference(1, 0, lambda e: 2 * e), "half the slope"),
    (CENTRAL, difference(1, 0, lambda e: 2 * e), "one-sided difference"),
    ("a vector", difference(-1, -1, lambda e: 2 * e), "the sign is wrong"),
    ("a matrix", difference(1, 1, lambda e: 2), "not divided by the length of the step"),
    ("a vector", difference(1, 1, lambda e: 2 * e, whole=True), "all numbers of x move at once"),
    ("a vector", difference(0, 0, lambda e: 2 * e), "did f run at a place that had moved"),
    (CENTRAL, difference(0.5, 0.5, lambda e: e), "half of the step that was asked for"),
    (CENTRAL, difference(2, 2, lambda e: 4 * e), "twice the step that was asked for"),
    (
        CENTRAL,
        lambda f, x, epsilon: difference(1, 1, lambda e: 2e-5)(f, x, 1e-5),
        "is not used, but a much shorter",
    ),
    (CENTRAL, difference(1, 1, lambda e: 2 / e), "/ and * run from left to right"),
    (CENTRAL, difference(1, 1, lambda e: 1 / e), "multiplied with the step"),
    (CENTRAL, difference(1, 1, lambda e: 2 * e * e), "divided by the step twice"),
    (CENTRAL, difference(1, 1, lambda e: 1), "not divided by the length of the step"),
    ("a matrix", rowwise, "a whole row move"),
    (
        "a vector",
        lambda f, x, epsilon: (f(x + epsilon) - f(x - epsilon)) / (2 * epsilon),
        "all numbers of x move at once",
    ),
]


def part_of(exercise, answer, label):
    score = grade(find_exercise(exercise), answer)
    return next(part.message for part in score.verdicts if part.name == label)


@pytest.mark.parametrize(("label", "answer", "words"), DIFFERENCES)
def test_a_wrong_difference_is_named(label, answer, words):
    assert words in part_of("numerical_gradient", answer, label)


def test_moving_x_itself_is_said():
    assert "was changed in place" in part_of("numerical_gradient", in_place, "leaves x alone")


def largest(a):
    return a.abs().max()


ERRORS = [
    ("tiny numbers", lambda a, b: largest(a - b), "the absolute error"),
    ("arrays of numbers", lambda a, b: largest(a - b) / largest(a), "one of the two only"),
    ("arrays of numbers", lambda a, b: largest(a - b) / (largest(a) + largest(b)), "the sum of the two"),
    ("arrays of numbers", lambda a, b: (a - b).norm() / max(a.norm(), b.norm()), "lengths"),
    ("arrays of numbers", lambda a, b: (a - b).norm(), "the length of the difference"),
    (
        "arrays of numbers",
        lambda a, b: ((a - b).abs() / torch.maximum(a.abs(), b.abs())).max(),
        "at its own place",
    ),
    ("arrays of numbers", lambda a, b: (a - b).max() / max(largest(a), largest(b)), "keeps its sign"),
    (
        "arrays of numbers",
        lambda a, b: (a - b).abs() / max(largest(a), largest(b)),
        "one number is asked for",
    ),
    (
        "the largest one is negative",
        lambda a, b: largest(a - b) / max(a.max(), b.max()),
        "found with its sign",
    ),
    ("both zero", lambda a, b: largest(a - b) / torch.maximum(largest(a), largest(b)), "0 is divided by 0"),
    ("tiny numbers", lambda a, b: largest(a - b) / (max(largest(a), largest(b)) + 1e-8), "1e-08 is added"),
]


@pytest.mark.parametrize(("label", "answer", "words"), ERRORS)
def test_a_wrong_error_is_named(label, answer, words):
    assert words in part_of("relative_error", answer, label)


def checks(upstream=torch.randn_like, again=True, judge=None, anew=False):
    """A gradient check with one thing left out."""

    def check_gradient(module, x):
        g = upstream(module(x))
        numeric = difference(1, 1, lambda e: 2 * e)(lambda moved: (g * module(moved)).sum(), x)
        if again:
            module(x)
        given = module.backward(upstream(g) if anew else g)
        if judge is not None:
            return judge(given, numeric)
        if given.shape != x.shape:
            return False
        return bool(largest(given - numeric) < 1e-6 * max(largest(given), largest(numeric)))

    return check_gradient


CHECKS = [
    ("what ones would hide", checks(torch.ones_like), "a row of softmax's outputs adds up to 1"),
    ("a missing factor", checks(anew=True), "do both sides use the same upstream gradient"),
    ("a missing factor", checks(again=False), "at which x did forward run last"),
    (
        "small gradients",
        checks(judge=lambda a, b: a.shape == b.shape and bool(largest(a - b) < 1e-6)),
        "an absolute error",
    ),
    ("a wrong shape", checks(judge=lambda a, b: bool(largest(a - b) / largest(b) < 1e-6)), ""),
    (
        "not a number",
        checks(judge=lambda a, b: a.shape == b.shape and not bool(largest(a - b) > 1e-6 * largest(b))),
        "neither above nor below",
    ),
    (
        "a wrong sign",
        checks(
            judge=lambda a, b: a.shape == b.shape and bool(largest(a.abs() - b.abs()) < 1e-6 * largest(b))
        ),
        "only absolute values",
    ),
]


@pytest.mark.parametrize(("label", "answer", "words"), CHECKS)
def test_a_wrong_verdict_has_its_cause(label, answer, words):
    message = part_of("check_gradient", answer, label)
    assert words in message
