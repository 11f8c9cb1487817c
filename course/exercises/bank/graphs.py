"""Assignment 01: backward passes of elementary modules, a neuron by hand, and a whole graph."""

from collections.abc import Callable

import torch
from torch import Generator, Tensor

from course.containers.graph import Graph
from course.device import rand, randn
from course.exercises.exercise import Case, Exercise
from course.exercises.questions import graphs
from course.exercises.questions.making import with_gradient
from course.module import Module
from course.modules import Add, Copy, CosineUnit, Max, Multiply

SHAPES = {"single numbers": (), "many axes": (2, 3, 2), "a batch": (3, 2)}

CLOSE = 1e-4
"""About how far apart two numbers are of which the larger wins narrowly; a difference step is shorter."""


def _elementwise(count: int) -> Callable[[Generator], list[Case]]:
    """Cases for an elementwise module of `count` inputs: with no axis, two, and more."""

    def cases(rng: Generator) -> list[Case]:
        return [
            Case(label, inputs=tuple(randn(rng, *shape) for _ in range(count)))
            for label, shape in SHAPES.items()
        ]

    return cases


def _max_cases(rng: Generator) -> list[Case]:
    def pair(label: str, shape: tuple[int, ...]) -> tuple[Tensor, Tensor]:
        x, y = randn(rng, *shape), randn(rng, *shape)
        return (x, x + CLOSE * (y.sign() + y)) if label == "many axes" else (x, y)

    return [Case(label, inputs=pair(label, shape)) for label, shape in SHAPES.items()]


def _cosine_cases(rng: Generator) -> list[Case]:
    theta = 0.5 + rand(rng)
    return [
        Case("one number", inputs=(randn(rng),), state={"theta": -theta}),
        Case("a batch", inputs=(randn(rng, 3, 2),), state={"theta": theta}),
    ]


class SigmoidNeuron(Module):
    """f = σ(w₀x₀ + w₁x₁ + w₂): the forward pass that the neuron's exercise differentiates by hand."""

    def forward(self, w: Tensor, x: Tensor) -> Tensor:
        self.save()
        return 1 / (1 + torch.exp(-(w[0] * x[0] + w[1] * x[1] + w[2])))


def _neuron_cases(rng: Generator) -> list[Case]:
    worked = (
        torch.tensor([2.0, -3.0, -3.0], device=rng.device),
        torch.tensor([-1.0, -2.0], device=rng.device),
    )
    return [
        Case("the lecture's neuron", with_gradient, worked),
        Case("random weights", with_gradient, (randn(rng, 3), randn(rng, 2))),
    ]


def _graph_cases(rng: Generator) -> list[Case]:
    theta = torch.tensor(0.75, device=rng.device)
    return [
        Case("one path", graphs.one_path, tuple(randn(rng, 2) for _ in range(3))),
        Case("fan-out", graphs.fan_out, tuple(randn(rng, 2) for _ in range(2))),
        Case("a long and a short path", graphs.long_and_short_path, tuple(randn(rng, 2) for _ in range(2))),
        Case(
            "a node with a parameter",
            graphs.with_parameter,
            (randn(rng, 3), 4 + randn(rng, 3)),
            {"wave.theta": theta},
        ),
        Case("a value that is added again", graphs.added_again, tuple(randn(rng, 2) for _ in range(2))),
        Case("a node that leads nowhere", graphs.dead_end, tuple(randn(rng, 2) for _ in range(2))),
        Case("an input that is not read", graphs.unread_input, (randn(rng, 2), randn(rng, 3), randn(rng, 2))),
        Case("one input", graphs.one_input, (randn(rng, 2),)),
    ]


EXERCISES = (
    Exercise(
        name="add",
        truth=Add,
        cases=_elementwise(2),
        points={"shapes": 1, "∂L/∂x": 3, "∂L/∂y": 3, "leaves inputs alone": 1},
        hints=(
            "Raise x by a tiny amount. By how much does a rise? And if you raise y instead?",
            "Lecture 03, the pattern of the plus node: look at what its two incoming edges carry in the "
            "backward pass.",
            "For a = x − y the local derivatives are 1 and −1, so the gradients are g and −g.",
        ),
    ),
    Exercise(
        name="multiply",
        truth=Multiply,
        cases=_elementwise(2),
        points={"∂L/∂x": 5, "∂L/∂y": 5, "leaves inputs alone": 2},
        hints=(
            "Hold y still: a is then a straight line in x. What is its slope?",
            "Lecture 03: in f = q·z at q = 3, z = −4 the two gradients were −4 and 3. Which number went "
            "where?",
            "For a = x² the local derivative is 2x, so the gradient is 2·x·g: local derivative times what "
            "arrives.",
        ),
    ),
    Exercise(
        name="max",
        truth=Max,
        cases=_max_cases,
        points={"∂L/∂x": 6, "∂L/∂y": 6, "leaves inputs alone": 2},
        hints=(
            "Only one of the two inputs decides the output. What happens to a when you nudge the other one?",
            "Lecture 03, the pattern of the max node: the gradient takes one road only. A comparison of "
            "tensors gives a mask.",
            "For a = |x| the local derivative is 1 where x > 0 and −1 where x < 0: g * torch.where(x > 0, "
            "1.0, -1.0).",
        ),
    ),
    Exercise(
        name="copy",
        truth=Copy,
        cases=_elementwise(1),
        points={"shapes": 1, "∂L/∂x": 6, "leaves inputs alone": 1},
        hints=(
            "x reaches the loss along two paths. What does the chain rule do with several paths?",
            "Lecture 03: in the graph with x read twice, how did the gradient at x come about?",
            "For a = 3x, the same x is used three times over, and the gradient is g + g + g.",
        ),
    ),
    Exercise(
        name="cosine_unit",
        truth=CosineUnit,
        cases=_cosine_cases,
        points={"∂L/∂x": 6, "∂L/∂theta": 6, "accumulation": 4, "leaves inputs alone": 2},
        hints=(
            "Two derivatives are asked for: one by the input, one by the parameter. θ is one number, x may "
            "be many.",
            "Chain rule: derivative of the outer function, times derivative of the inner one. The constant π "
            "adds nothing.",
            "For a = sin(θx): ∂a/∂x = θ cos(θx), ∂a/∂θ = x cos(θx); the gradient of θ sums over all elements "
            "of x "
            "and is added to theta.grad with +=.",
        ),
    ),
    Exercise(
        name="sigmoid_neuron",
        truth=SigmoidNeuron,
        cases=_neuron_cases,
        points={"∂L/∂w": 7, "∂L/∂x": 7, "leaves inputs alone": 1},
        hints=(
            "Walk the graph from the back, a step a line: each gradient is the one you just had, times one "
            "local derivative.",
            "Lecture 03 stepped through this neuron: compare your numbers at w = [2, −3, −3], x = [−1, −2] "
            "with its edges.",
            "For f = e^(ab + c) with s = ab + c: df/ds = f, then df/da = df/ds · b, df/db = df/ds · a, df/dc "
            "= df/ds.",
        ),
    ),
    Exercise(
        name="graph",
        truth=Graph,
        cases=_graph_cases,
        points={
            "one path": 4,
            "fan-out": 4,
            "a long and a short path": 4,
            "a node with a parameter": 4,
            "a value that is added again": 1,
            "a node that leads nowhere": 1,
            "an input that is not read": 1,
            "one input": 1,
        },
        hints=(
            "A node's backward may run only when its whole gradient has arrived. Which order makes sure of "
            "that?",
            "Lecture 03: a value that is read twice gets the sum of two gradients. Find the steps that said "
            "so.",
            "For a chain: start with g = grad_output, then g = module.backward(g), last one first. A graph "
            "has one g a name.",
        ),
    ),
)
