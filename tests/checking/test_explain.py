"""Crashes teach: the line, and what the message of Python or torch means for a backward pass."""

import linecache

import pytest

from course import Module, generator
from course.checking.finding import Problem
from course.checks import check_module
from course.containers.chain import Chain
from course.device import randn
from course.exercises import find_exercise
from course.exercises.grading import grade
from course.modules import CosineUnit, Linear, Multiply, Negate, Sigmoid, Softmax, Tanh


def written(source: str, name: str, **names):
    """The class of a cell as a student writes it; its lines can be looked up, as in a notebook."""
    file = f"<cell {hash(source)}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    exec(compile(source, file, "exec"), names)
    return names[name]


def words_of(answer, exercise):
    verdicts = grade(find_exercise(exercise), answer).verdicts
    return next(part.finding for part in verdicts if part.finding is not None and not part.passed)


BACKWARDS = {
    "a power": ("return grad_output ^ 2, grad_output", "** is the power", Problem.RAISED),
    "no return": ("x = self.saved", "returned nothing: is there a `return`", Problem.MISSING),
    "the stub": (
        "# YOUR CODE HERE\n        raise NotImplementedError()",
        "is not written yet",
        Problem.NOT_WRITTEN,
    ),
    "what was saved": (
        "return grad_output * self.y, grad_output * self.x",
        "what forward saved is in self.saved['y']",
        Problem.RAISED,
    ),
    "an if of a tensor": (
        "return (grad_output,) * 2 if grad_output.new_ones(2) > 0 else None",
        "a tensor has many: use a mask",
        Problem.RAISED,
    ),
    "left over": (
        "# YOUR CODE HERE\n        g = grad_output\n        raise NotImplementedError()",
        "delete it, your answer is above",
        Problem.NOT_WRITTEN,
    ),
}


@pytest.mark.parametrize(("lines", "words", "problem"), BACKWARDS.values(), ids=BACKWARDS)
def test_a_backward_of_two_inputs(lines, words, problem):
    source = f"class Answer(Multiply):\n    def backward(self, grad_output):\n        {lines}\n"
    finding = words_of(written(source, "Answer", Multiply=Multiply), "multiply")
    assert words in finding.words
    assert finding.problem is problem
    if problem is Problem.RAISED:
        assert "(line 3: `" in finding.words


PARAMETERS = {
    "the parameter itself": (
        CosineUnit,
        "cosine_unit",
        'return grad_output * self.theta * self.saved["x"]',
        ".value",
    ),
    "a forgotten sum": (
        CosineUnit,
        "cosine_unit",
        'self.theta.grad += grad_output * self.saved["x"]\n        return grad_output',
        "which axes must be summed first?",
    ),
    "an axis that stays": (
        Linear,
        "linear",
        "self.bias.grad += grad_output.sum(0, keepdim=True)\n        return grad_output",
        "an axis more than the gradient",
    ),
    "a list": (Linear, "linear", "return [*grad_output]", "torch.stack"),
}


@pytest.mark.parametrize(("base", "exercise", "lines", "words"), PARAMETERS.values(), ids=PARAMETERS)
def test_a_backward_with_parameters(base, exercise, lines, words):
    source = f"class Answer({base.__name__}):\n    def backward(self, grad_output):\n        {lines}\n"
    findings = grade(find_exercise(exercise), written(source, "Answer", **{base.__name__: base})).verdicts
    assert any(part.finding and words in part.finding.words for part in findings)


def test_what_a_dtype_cannot_do_is_no_missing_answer():
    class Forward(Module):
        def forward(self, x):
            return x ^ 2

    report = check_module(Forward(), (randn(generator(0), 3),), reference=lambda m, x: x)
    finding = report["output"].finding
    assert finding.problem is Problem.RAISED
    assert "** is the power" in finding.words


def test_the_shapes_of_both_operands_are_told():
    source = (
        "class Answer(Linear):\n"
        "    def backward(self, grad_output):\n"
        "        other = grad_output @ self.weight.value.T + self.saved['x']\n"
        "        return other\n"
    )
    answer = written(source, "Answer", Linear=Linear)
    words = check_module(answer(3, 2), (randn(generator(0), 5, 3),))["∂L/∂x"].message
    shapes = (
        "grad_output: (5, 2), self.weight.value.T: (3, 2), self.weight.value: (2, 3), self.saved['x']: (5, 3)"
    )
    assert all(shape in words for shape in shapes.split("), "))
    assert "Shapes: " in words


def test_a_mean_that_lost_its_axis_is_told_where_all_else_fits():
    source = (
        "class Answer(Softmax):\n"
        "    def backward(self, grad_output):\n"
        "        return grad_output - (self.saved['out'] - 2 * grad_output).mean(self.dim)\n"
    )
    answer = written(source, "Answer", Softmax=Softmax)
    words = check_module(answer(1), (randn(generator(0), 4, 3),))["∂L/∂x"].message
    assert "`(self.saved['out'] - 2 * grad_output).mean(self.dim)` has lost an axis" in words
    assert "grad_output).mean(self.dim): (4,)" in words


def test_single_numbers_are_no_matrices():
    source = (
        "class Answer(Multiply):\n"
        "    def backward(self, grad_output):\n"
        "        return self.saved['y'] @ grad_output, self.saved['x'] * grad_output\n"
    )
    answer = written(source, "Answer", Multiply=Multiply)
    words = check_module(answer(), (randn(generator(0)), randn(generator(1))))["∂L/∂x"].message
    assert "* multiplies numbers one by one" in words


def test_a_tensor_taken_apart_into_rows_is_told():
    source = (
        "class Answer(Chain):\n"
        "    def backward(self, grad_output):\n"
        "        for module in reversed(list(self)):\n"
        "            grad_output, *_ = module.backward(grad_output)\n"
        "        return grad_output\n"
    )
    answer = written(source, "Answer", Chain=Chain)
    words = check_module(answer(Tanh(), Negate(), Sigmoid()), (randn(generator(0), 4, 3),))["∂L/∂x"].message
    assert "a loop over a tensor (zip, unpacking) takes its rows" in words


def test_shapes_are_told_only_where_they_are_the_trouble():
    answer = written(
        "class Answer(Linear):\n    def backward(self, grad_output):\n        return grad_output ^ 2\n",
        "Answer",
        Linear=Linear,
    )
    assert "Shapes" not in check_module(answer(3, 2), (randn(generator(0), 5, 3),))["∂L/∂x"].message


def test_a_parameter_is_not_looked_for_among_what_was_saved():
    answer = written(
        "class Answer(Linear):\n    def backward(self, grad_output):\n"
        "        return grad_output @ self.saved['weight']\n",
        "Answer",
        Linear=Linear,
    )
    words = check_module(answer(3, 2), (randn(generator(0), 5, 3),))["∂L/∂x"].message
    assert "a parameter is self.weight.value" in words
