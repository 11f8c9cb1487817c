"""Assignment 02: backward passes of the layer with weights, and of the bends between two such layers."""

from collections.abc import Callable

import torch
from torch import Generator, Tensor

from course.device import rand, randn
from course.exercises.exercise import Case, Exercise
from course.exercises.questions.making import called_with
from course.modules import LeakyReLU, Linear, PReLU, ReLU, Sigmoid, Softplus, Tanh


def _both_signs(rng: Generator, *shape: int) -> Tensor:
    """As many positive as negative numbers, give or take one.

    A mask that is all open, or all shut, hides mistakes.
    """
    x = randn(rng, *shape).abs()
    order = torch.randperm(x.numel(), generator=rng, device=rng.device)
    return x * (order % 2 * 2 - 1).reshape(shape)


def _linear_case(label: str, rng: Generator, examples: int, in_features: int, out_features: int) -> Case:
    state = {"weight": randn(rng, out_features, in_features), "bias": randn(rng, out_features)}
    return Case(label, called_with(in_features, out_features), (randn(rng, examples, in_features),), state)


def _linear_cases(rng: Generator) -> list[Case]:
    return [
        _linear_case("all sizes equal", rng, 3, 3, 3),  # where a matrix the wrong way round fits, too
        _linear_case("a single example", rng, 1, 3, 2),
        _linear_case("a single input", rng, 3, 1, 2),
        _linear_case("a single output", rng, 6, 4, 1),
        _linear_case("four examples", rng, 4, 2, 3),
    ]


def _near_and_far(rng: Generator, far: float) -> Tensor:
    """One example of numbers from 1e-4 to `far`, and up to twice as far, on both sides of 0."""
    numbers = torch.tensor((-far, -3.0, -1e-4, 1e-4, 0.5, far), device=rng.device)
    return (numbers * (1 + rand(rng, len(numbers))))[None]


def _elementwise(far: float) -> Callable[[Generator], list[Case]]:
    """Cases for an activation of any shape, with numbers as far from 0 as that."""

    def cases(rng: Generator) -> list[Case]:
        return [
            Case("a single number", inputs=(_both_signs(rng).abs(),)),
            Case("near to 0 and far", inputs=(_near_and_far(rng, far),)),
            Case("sequences", inputs=(_both_signs(rng, 2, 3, 2),)),
            Case("a batch", inputs=(_both_signs(rng, 4, 3),)),
        ]

    return cases


def _leaky_cases(rng: Generator) -> list[Case]:
    return [
        Case("the usual slope", inputs=(_near_and_far(rng, 200.0),)),
        Case("a falling slope", called_with(negative_slope=-0.5), (_both_signs(rng, 2, 3, 2),)),
        Case("a steeper slope", called_with(negative_slope=1.5), (_both_signs(rng, 4, 3),)),
    ]


FALLING, STEEPER = -0.5, 1.5
"""Slopes with which the output has not the sign of the input, or is not the larger of x and βx."""


def _prelu_case(label: str, rng: Generator, slopes: tuple[float, ...], *shape: int) -> Case:
    """One case; each slope is within 0.2 of the one that is given."""
    near = torch.tensor(slopes, device=rng.device) + 0.4 * rand(rng, len(slopes)) - 0.2
    return Case(label, called_with(len(slopes)), (_both_signs(rng, *shape),), {"weight": near})


def _prelu_cases(rng: Generator) -> list[Case]:
    return [
        _prelu_case("one slope", rng, (STEEPER,), 4, 3),
        _prelu_case("one slope, one example", rng, (FALLING,), 1, 4),
        _prelu_case("a slope for each feature, one example", rng, (STEEPER, FALLING, 0.3), 1, 3),
        _prelu_case("a slope for each feature", rng, (FALLING, STEEPER), 5, 2),
    ]


FAR = (-1000.0, -300.0, -50.0, 50.0, 300.0, 1000.0)
"""eˣ is infinite from x = 710 on in float64, and from 89 on in float32."""


BENT = (-30.0, -22.0, -3.0, 3.0, 22.0, 30.0)
"""Where softplus with β = 0.1 still bends; with β = 1 it is a straight line there."""


def _softplus_cases(rng: Generator) -> list[Case]:
    far = torch.tensor(FAR, device=rng.device) * (1 + rand(rng, len(FAR)))
    flat = torch.tensor(BENT, device=rng.device) * (1 + 0.2 * rand(rng, len(BENT)))
    return [
        Case("far from 0", inputs=(far,)),
        Case("flatter (β = 0.1)", called_with(beta=0.1), (flat,)),
        Case("sharper (β = 3)", called_with(beta=3.0), (_both_signs(rng, 2, 5),)),
        Case("near 0", inputs=(_both_signs(rng, 4, 3),)),
    ]


EXERCISES = (
    Exercise(
        name="linear",
        truth=Linear,
        cases=_linear_cases,
        points={
            "shapes": 2,
            "∂L/∂x": 6,
            "∂L/∂weight": 7,
            "∂L/∂bias": 4,
            "accumulation": 3,
            "leaves inputs alone": 2,
        },
        hints=(
            "Which outputs does one number of x reach? Which ones does one weight reach, and one bias? Each "
            "gradient is a sum "
            "over exactly those.",
            "Lecture 05, section 4, has the three sums index by index. And lecture 04: the gradient has the "
            "shape of what it "
            "belongs to, which leaves only one way to put two matrices beside an @.",
            "For a = s * x with one factor for each feature: ∂L/∂x = g * s; every example uses s, so that "
            "s.grad collects "
            "g * x over the examples, with +=. Matrix products collect such sums by themselves.",
        ),
    ),
    Exercise(
        name="sigmoid",
        truth=Sigmoid,
        cases=_elementwise(12.0),
        points={"∂L/∂x": 7, "repeatable": 2, "leaves inputs alone": 1},
        hints=(
            "How steep is the curve at its two ends, and in the middle? Your slope must be 0, 0 and a "
            "quarter there.",
            "Lecture 03 ran its neuron with one Sigmoid module: the slope needed nothing but what forward "
            "has saved.",
            "For a = 1/x the slope is −1/x², which is −a²: with the output saved, the gradient is −g * a * "
            "a.",
        ),
    ),
    Exercise(
        name="tanh",
        truth=Tanh,
        cases=_elementwise(12.0),
        points={"∂L/∂x": 7, "repeatable": 2, "leaves inputs alone": 1},
        hints=(
            "Where is tanh steepest, and how steep? What is left of its slope where the output is almost 1, "
            "or almost −1?",
            "Lecture 06 makes tanh from a stretched sigmoid, and follows the chain rule until only the "
            "output is left.",
            "For a = √x the slope is 1/(2√x), which is 1/(2a): with the output saved, the gradient is g / (2 "
            "* a).",
        ),
    ),
    Exercise(
        name="relu",
        truth=ReLU,
        cases=_elementwise(200.0),
        points={"∂L/∂x": 8, "leaves inputs alone": 2},
        hints=(
            "Nudge a negative number: what does the output do? Nudge a positive one?",
            "Lecture 06, the rectifiers: a gate, open or shut. A comparison of a tensor with a number gives "
            "a mask, and "
            "torch.where(mask, this, that) makes a new tensor.",
            "For a = |x| the slope is 1 on the right of 0 and −1 on the left: the gradient is g * "
            "torch.sign(x).",
        ),
    ),
    Exercise(
        name="leaky_relu",
        truth=LeakyReLU,
        cases=_leaky_cases,
        points={"∂L/∂x": 10, "repeatable": 1, "leaves inputs alone": 1},
        hints=(
            "The graph is made of two straight pieces. How steep is each of them, and for which x?",
            "Lecture 06, a leak, fixed or learned. The constructor was told how steep the leak is: ask the "
            "module.",
            "For a = x where x > 1, else x²: the slope is torch.where(x > 1, 1.0, 2 * x), and g multiplies "
            "it.",
        ),
    ),
    Exercise(
        name="prelu",
        truth=PReLU,
        cases=_prelu_cases,
        points={"∂L/∂x": 5, "∂L/∂weight": 6, "accumulation": 3, "leaves inputs alone": 2},
        hints=(
            "Hold x still and move β: which elements of the output move, and how fast? And how many elements "
            "share one β?",
            "Lecture 06 derives ∂L/∂β; lecture 03: fan-out sums. What is left has the shape of "
            "self.weight.grad, with one "
            "slope as with one for each feature.",
            "For a = s * x² with a parameter s: ∂L/∂x = g * 2 * s * x, and s.grad collects g * x², over the "
            "examples where "
            "each feature has an s of its own, over everything where one s serves all.",
        ),
    ),
    Exercise(
        name="softplus",
        truth=Softplus,
        cases=_softplus_cases,
        points={"near 0": 3, "sharper (β = 3)": 3, "far from 0": 3, "flatter (β = 0.1)": 1},
        hints=(
            "How steep is softplus far to the left, and far to the right? What does "
            "torch.exp(torch.tensor(1000.0)) give, and "
            "what is left when that is divided by itself?",
            "Lecture 06, the kink made smooth, says which curve is its slope, and what β does to it. You "
            "know a torch function "
            "that computes that curve at any x.",
            "For a = ln(cosh(βx)) / β the slope is sinh(βx) / cosh(βx), which is ∞/∞ at βx = 1000; "
            "torch.tanh(βx) is the same "
            "curve and gives 1. The β of the chain rule has met the 1/β.",
        ),
    ),
)
