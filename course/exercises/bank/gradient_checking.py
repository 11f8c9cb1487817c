"""Assignment 04: a gradient check of one's own, and six modules whose backward has a bug."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from torch import Generator, Tensor
from torch.autograd.functional import jacobian

from course.device import rand, randn
from course.exercises.bank._wrong_answers import WrongAnswer, named
from course.exercises.bank._wrong_checks import (
    STEP,
    TWICE,
    WRONG_ERRORS,
    WRONG_STEPS,
    cube_between,
    twice_a_row,
    wrong_differences,
)
from course.exercises.exercise import Call, Case, Exercise
from course.exercises.questions.gradient_checking import (
    FUNCTIONS,
    both_ways,
    differentiate,
    differentiate_at_copy,
    verdicts,
)
from course.exercises.questions.making import called_with
from course.module import Module
from course.modules import Divide, MatMul, MSELoss, Sine

DOUBLE = torch.float64


_randn, _rand = partial(randn, dtype=DOUBLE), partial(rand, dtype=DOUBLE)


def _positive(rng: Generator, *shape: int) -> Tensor:
    return 0.5 + _rand(rng, *shape)


def _far_from_zero(rng: Generator, *shape: int) -> Tensor:
    """Numbers of more than 1.5, and of less than −1.5."""
    x = _randn(rng, *shape)
    return x + 1.5 * x.sign()


# --- a numerical gradient


def _numerical_gradient_cases(rng: Generator) -> list[Call]:
    def case(
        label: str,
        name: str,
        x: Tensor,
        wanted: Callable[[Tensor], Tensor],
        tolerance: float,
        epsilon: float,
        mistakes: Sequence[WrongAnswer] = (),
    ) -> Call:
        """One function to differentiate; all that is known of it is its slope, `wanted`."""
        run = partial(differentiate_at_copy, name, epsilon)
        common = wrong_differences(FUNCTIONS[name], wanted, epsilon)
        return Call(label, run, (x,), named(wanted, tolerance, (*mistakes, *common)), parts=())

    def same_shape(inputs: Sequence[Tensor], results: Sequence[np.ndarray]) -> str:
        got, x = results[0].shape, tuple(inputs[0].shape)
        return "" if got == x else f"has shape {got}, but x has shape {x}"

    def of_row_sums(x: Tensor) -> Tensor:
        return 2 * x.sum(1, keepdim=True).expand_as(x)

    in_place = partial(differentiate, "sum of sines", 1e-5)
    return [
        case("a vector", "sum of sines", _randn(rng, 5), torch.cos, 1e-4, 1e-5),
        case(
            "a matrix",
            "sum of squared row sums",
            _randn(rng, 3, 2),
            of_row_sums,
            1e-4,
            1e-5,
            [WrongAnswer(f"{TWICE} And does a whole row move at once?", twice_a_row, 1e-3)],
        ),
        case("a single number", "exponential", _randn(rng), torch.exp, 1e-4, 1e-5),
        case(
            "just as central as it should be",
            "sum of cubes",
            _far_from_zero(rng, 4),
            cube_between(STEP, -STEP),
            1e-8,
            STEP,
            WRONG_STEPS,
        ),
        Call("leaves x alone", in_place, (_randn(rng, 2, 3, 2),), same_shape, parts=()),
    ]


# --- the relative error


def _relative_error_cases(rng: Generator) -> list[Call]:
    """Pairs of arrays that are made so that their relative error is known."""

    def pair(largest: float, scale: float = 1.0) -> tuple[Tensor, Tensor, float]:
        """Two arrays that differ most at one place, by `far`, where neither of them is largest."""
        a = 0.4 * _rand(rng, 3, 2) - 0.2
        b = a + 0.01 * _rand(rng, 3, 2)
        far = float(0.2 + 0.1 * rand(rng))
        b[1, 0] = a[1, 0] - far
        a[2, 1], b[2, 1] = largest, largest * 0.95
        return a * scale, b * scale, far

    def case(label: str, a: Tensor, b: Tensor, known: float) -> Call:
        wanted = torch.tensor(known, dtype=DOUBLE)
        wrong = named(lambda *_: (wanted, wanted), 1e-6, WRONG_ERRORS)
        return Call(label, both_ways, (a, b), wrong, parts=())

    something, nothing = _positive(rng, 4), torch.zeros(4, dtype=DOUBLE, device=rng.device)
    return [
        case("arrays of numbers", *pair(1.0)),
        case("the largest one is negative", *pair(-1.0)),
        case("tiny numbers", *pair(1.0, 1e-12)),
        case("one of them zero", something, nothing, 1.0),
        case("both zero", nothing, nothing.clone(), 0.0),
    ]


# --- a gradient check


Spoil = Callable[[Tensor, Tensor], Tensor]
"""What a wrong gradient is made of: the right one, and x."""


def _tables(name: str, x: Tensor, spoil: Spoil) -> tuple[Tensor, Tensor]:
    """The spoiled gradient at x for each output, and its change with each number of x."""

    def slopes(x: Tensor) -> Tensor:
        rows = jacobian(FUNCTIONS[name], x, create_graph=True)
        assert isinstance(rows, Tensor)
        return torch.stack([spoil(row, x) for row in rows.reshape(-1, *x.shape)], -1)

    bends = jacobian(slopes, x)
    assert isinstance(bends, Tensor)
    return slopes(x).detach(), bends.flatten(-x.dim())


def _check_gradient_cases(rng: Generator) -> list[Call]:
    def case(label: str, name: str, spoil: Spoil, x: Tensor, overlooked: str, refused: str = "") -> Call:
        """A gradient that is right and one that is not are checked twice each, in an order that is drawn.

        Only the judge knows the order: who guesses, or takes turns, is seldom right.

        Args:
            overlooked: why a check may call the wrong one right.
            refused: why it may call the right one wrong, beside what is the cause in all cases.
        """
        order = torch.randperm(4, generator=rng, device=rng.device).cpu().numpy() < 2
        both = [_tables(name, x, spoil), _tables(name, x, lambda grad, x: grad)]
        tables = [table for right in order for table in both[int(right)]]

        def accept(inputs: Sequence[Tensor], results: Sequence[np.ndarray]) -> str:
            said = {truth: {float(got) for got in results[0][order == truth]} for truth in (1, 0)}
            if not said[1] | said[0] <= {0.0, 1.0}:
                return "is neither True nor False"
            if len(said[1]) + len(said[0]) > 2:
                return "says True once and False once of the same gradient"
            false = [
                f"{bool(*got)} of a {'right' if truth else 'wrong'} gradient"
                for truth, got in said.items()
                if got != {truth}
            ]
            if len(false) != 1:
                return f"said {' and '.join(false)}" if false else ""
            return f"said {false[0]}: {refused + _REFUSED if said[1] == {0.0} else overlooked}"

        return Call(label, partial(verdicts, name), (x, *tables), accept, parts=())

    return [
        case(
            "a missing factor",
            "cubes",
            lambda grad, x: grad / x,
            _positive(rng, 2, 3),
            "is each number compared, by a relative error with the limit of the text?",
        ),
        case(
            "a wrong sign",
            "sines",
            lambda grad, x: -grad,
            _randn(rng, 4),
            "are only absolute values compared?",
        ),
        case(
            "a mean for a sum",
            "column sums",
            lambda grad, x: grad / len(x),
            _randn(rng, 5, 2),
            "are sizes compared, too, or only directions?",
        ),
        case(
            "two numbers exchanged",
            "exponentials",
            lambda grad, x: grad[[*range(len(grad) - 2), -1, -2]],
            _randn(rng, 6),
            "is each number compared with the one at its own place, or only sums, means or lengths?",
        ),
        case(
            "what ones would hide",
            "softmax",
            lambda grad, x: -grad,
            _randn(rng, 2, 3),
            _HIDDEN,
            f"{_HIDDEN} Or: ",
        ),
        case(
            "slightly too large",
            "exponentials",
            lambda grad, x: (1 + 3e-6) * grad,
            2 + _rand(rng, 6),
            "is the limit that of the text?",
        ),
        case(
            "small gradients",
            "small sines",
            lambda grad, x: 2 * grad,
            _randn(rng, 4),
            "an absolute error, or something added to a denominator, does not see what is tiny",
        ),
        case(
            "a wrong shape",
            "column sums",
            lambda grad, x: grad[0],
            _randn(rng, 3, 2),
            "torch takes a vector from a matrix without complaint: were the shapes compared?",
        ),
        case(
            "not a number",
            "sines",
            lambda grad, x: grad * torch.nan,
            _randn(rng, 3),
            "nan is neither above nor below a limit: which answer does the comparison give then?",
        ),
    ]


_HIDDEN = (
    "a row of softmax's outputs adds up to 1, so that a loss that is their sum has the slope 0, right or "
    "wrong: which upstream gradient is used?"
)
_REFUSED = (
    "do both sides use the same upstream gradient, at which x did forward run last, before "
    "backward was asked, and is the error a relative one?"
)
"""What a check may have done that calls a right gradient wrong."""


# --- six modules to mend: the points are for what the bug spoils, so that the broken module itself has none
# of them


def _mse_loss_cases(rng: Generator) -> list[Case]:
    def of(label: str, *shape: int) -> Case:
        return Case(label, inputs=(_randn(rng, *shape), _randn(rng, *shape)))

    return [of("many axes", 2, 3, 2), of("one row", 1, 3), of("several rows", 3, 2)]


def _matmul_cases(rng: Generator) -> list[Case]:
    def of(label: str, rows: int, inner: int, columns: int) -> Case:
        return Case(label, inputs=(_randn(rng, rows, inner), _randn(rng, inner, columns)))

    return [
        of("a row and a column", 1, 4, 1),
        of("sizes that differ", 4, 3, 2),
        of("square matrices", 3, 3, 3),
    ]


VERY_FAR = 400.0
"""So many times farther to the right e^x is infinite."""


def _silu_cases(rng: Generator) -> list[Case]:
    signs = torch.tensor([1.0, -1.0, 1.0, -1.0], dtype=DOUBLE, device=rng.device)
    far = signs * (2 + 6 * _rand(rng, 4))
    far[2] *= VERY_FAR
    return [
        Case("far from zero", inputs=(far,)),
        Case("a matrix", inputs=(_randn(rng, 3, 3),)),
    ]


def _divide_cases(rng: Generator) -> list[Case]:
    def of(label: str, x: Tensor, y: Tensor) -> Case:
        return Case(label, inputs=(x, y))

    matrix = _randn(rng, 4, 3)
    matrix[1, 1] = 0  # y may not be 0, x may
    return [
        of("a pair of matrices", matrix, _positive(rng, 4, 3)),
        of("both are spread", _randn(rng, 3, 2, 1), _positive(rng, 2)),
        of("one row divided by several", _randn(rng, 3), _far_from_zero(rng, 4, 3)),
        of("a divisor for each column", _randn(rng, 4, 3), _positive(rng, 3)),
        of("a divisor for each row", _randn(rng, 3, 2), _positive(rng, 3, 1)),
    ]


def _sine_cases(rng: Generator) -> list[Case]:
    def of(label: str, rows: int) -> Case:
        state = {"frequency": 2 + rand(rng, 3)}
        return Case(label, called_with(3), (_randn(rng, rows, 3),), state)

    return [of("one row", 1), of("several rows", 3)]


class SiLU(Module):
    """a = x σ(x) = x / (1 + e⁻ˣ), elementwise, in elementary steps, so that an omitted path can be named."""

    def forward(self, x: Tensor) -> Tensor:
        """The input times its gate."""
        self.save()
        return x / (1 + torch.exp(-x))


class Proportions(Module):
    """a = x / Σ x, the sum running over each row of positive numbers: what part of its row each number is."""

    def forward(self, x: Tensor) -> Tensor:
        """Each row divided by its sum."""
        self.save()
        return x / x.sum(dim=1, keepdim=True)


def _proportions_cases(rng: Generator) -> list[Case]:
    def of(label: str, rows: int, columns: int) -> Case:
        return Case(label, inputs=(_positive(rng, rows, columns),))

    return [of("one row", 1, 4), of("several rows", 4, 3)]


EXERCISES = (
    Exercise(
        name="numerical_gradient",
        truth=None,
        cases=_numerical_gradient_cases,
        points={
            "a vector": 3,
            "a matrix": 3,
            "a single number": 2,
            "just as central as it should be": 6,
            "leaves x alone": 2,
        },
        hints=(
            "One number of x moves, the others stay; it goes back, and the next one moves. How many runs of "
            "f is that in all?",
            "Lecture 09, 'One weight by hand', does it for one weight. Move copies, made with clone(), "
            "rather than x itself. "
            "x.reshape(-1) makes a vector of x, of a single number, too.",
            "A sibling, one-sided and for a vector: "
            "for i in range(len(x)): ahead = x.clone(); ahead[i] += epsilon; slope[i] = (f(ahead) - f(x)) / "
            "epsilon.",
        ),
    ),
    Exercise(
        name="relative_error",
        truth=None,
        cases=_relative_error_cases,
        points={
            "arrays of numbers": 3,
            "the largest one is negative": 2,
            "tiny numbers": 1,
            "one of them zero": 1,
            "both zero": 1,
        },
        hints=(
            "There are three largest numbers to find, each over a whole array. Large means far from zero, on "
            "either side.",
            "Lecture 09, part 2. What is the denominator when both arrays are zero? Python can ask before it "
            "divides.",
            "A sibling, relative to the typical size instead of the largest: "
            "(a - b).pow(2).mean().sqrt() / (a.pow(2).mean() + b.pow(2).mean()).sqrt().",
        ),
    ),
    Exercise(
        name="check_gradient",
        truth=None,
        cases=_check_gradient_cases,
        points={
            "a missing factor": 2,
            "a wrong sign": 2,
            "a mean for a sum": 2,
            "two numbers exchanged": 2,
            "what ones would hide": 3,
            "small gradients": 1,
            "slightly too large": 1,
            "a wrong shape": 2,
            "not a number": 1,
        },
        hints=(
            "Of which function of x is backward's result the gradient? A module gives many numbers; a "
            "gradient belongs to one.",
            "Lecture 09, part 4: L = Σ g·a, with a g that you choose. Backward remembers the last forward: "
            "was it at x? "
            "And what does torch do when it subtracts a vector from a matrix?",
            "A sibling, the check of a plain function f with a slope given by a formula: "
            "relative_error(numerical_gradient(lambda x: f(x).sum(), x), slope(x)) < 1e-6.",
        ),
    ),
    Exercise(
        name="mend_mse_loss",
        truth=MSELoss,
        cases=_mse_loss_cases,
        points={"∂L/∂x": 3, "∂L/∂target": 3, "several rows": 3},
        hints=(
            "In the picture, divide a dot's height by its ring's. Is the quotient the same everywhere? What "
            "is that number?",
            "Lecture 07, 'A loss is an average over examples': what does twice as much data do to each one's "
            "gradient?",
            "For a mean of cubes over n numbers, every gradient is 3x²/n, times what arrives; n counts all "
            "numbers of x.",
        ),
    ),
    Exercise(
        name="mend_matmul",
        truth=MatMul,
        cases=_matmul_cases,
        points={"∂L/∂y": 5, "sizes that differ": 4},
        hints=(
            "One of the two gradients is right. Print the shapes of everything in the other line, with sizes "
            "that all differ.",
            "Lecture 04, 'Dimension analysis': there is only one way to put x and G together that has the "
            "shape of y.",
            "For A = Xᵀ Y, with rows that match rows: ∂L/∂Y = X G, and ∂L/∂X = Y Gᵀ.",
        ),
    ),
    Exercise(
        name="mend_silu",
        truth=SiLU,
        cases=_silu_cases,
        points={"∂L/∂x": 5, "a matrix": 4},
        hints=(
            "Draw the graph of forward. How many edges leave x?",
            "Lecture 06, 'The product rule is two paths'. Count the terms of the derivative, and those of "
            "the broken one.",
            "For a = x·tanh(x), with t = tanh(x): one path brings g·t, the other g·x·(1 − t²), and they add "
            "up.",
        ),
    ),
    Exercise(
        name="mend_divide",
        truth=Divide,
        cases=_divide_cases,
        points={
            "∂L/∂y": 2,
            "both are spread": 1,
            "one row divided by several": 2,
            "a divisor for each column": 2,
            "a divisor for each row": 2,
        },
        hints=(
            "The formulas are right. Compare shapes: that of each gradient, and that of what it is the "
            "gradient of.",
            "Lecture 03, a value that is read twice: what happens to the gradients that come back? torch has "
            "a sum_to_size.",
            "For a = x + b with x of shape (4, 3) and b of shape (3,): each number of b goes into four "
            "outputs, so that its "
            "gradient is grad_output.sum(dim=0).",
        ),
    ),
    Exercise(
        name="mend_sine",
        truth=Sine,
        cases=_sine_cases,
        points={"accumulation": 5, "several rows": 4},
        hints=(
            "Every dot lies in its ring: after one backward, all is well. What if there is a second one?",
            "Lecture 05: two batches, or two places that share a parameter, and one gradient for both. Who "
            "sets it to zero?",
            "For a = x + θ: self.theta.grad += grad_output.sum().",
        ),
    ),
    Exercise(
        name="mend_proportions",
        truth=Proportions,
        cases=_proportions_cases,
        points={"∂L/∂x": 5, "several rows": 4},
        hints=(
            "Raise one number of a row: which of the row's proportions change, and in which direction?",
            "Softmax is like it, and lecture 07 has its Jacobian. Two paths lead from x_j to the outputs. "
            "One is missing.",
            "For a_i = x_i − m with the row's mean m of n numbers: ∂a_i/∂x_j = δ_ij − 1/n, so ∂L/∂x_j = g_j "
            "− (1/n) Σ_i g_i.",
        ),
    ),
)
