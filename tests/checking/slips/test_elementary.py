"""Wrong gradients of the elementary modules of a graph."""

import functools

import torch

from course.modules import (
    Abs,
    Add,
    Concatenate,
    Copy,
    CosineUnit,
    Divide,
    Exp,
    Log,
    Max,
    Multiply,
    Power,
    Reciprocal,
    Sqrt,
    Square,
    Subtract,
)
from tests.checking.slips.wrong import Wrong, parametrize, rand

PAIR = [rand(4, 3), rand(4, 3, seed=1)]
EQUAL_PARTS = ("wrong place", "cut into equal parts")
WITH_ROW = [rand(4, 3), rand(3, seed=1)]


def both(kind, backward, x, y, inputs=PAIR):
    def whole(self, g):
        return backward(g, *self.read)

    named = {name: about for name, about in (("x", x), ("y", y)) if about}
    return Wrong(_reads(kind), inputs, whole, named)


def _reads(kind):
    """The class, whose forward also keeps its inputs."""

    @functools.wraps(kind.forward)
    def forward(self, *inputs):
        self.read = inputs
        return kind.forward(self, *inputs)

    return type(kind.__name__, (kind,), {"forward": forward})


@parametrize(
    both(
        Add,
        lambda g, x, y: (g * y, g * x),
        ("extra factor", "gradient of a product"),
        ("extra factor", "gradient of a product"),
    ),
    both(
        Add,
        lambda g, x, y: (g / 2, g / 2),
        ("constant factor", "shared out"),
        ("constant factor", "shared out"),
    ),
    both(Add, lambda g, x, y: (g, g[-1]), None, ("examples missing", "only the last row"), WITH_ROW),
    both(Add, lambda g, x, y: (g, g.sum().expand(3)), None, ("wrong axis", "over everything"), WITH_ROW),
    both(Subtract, lambda g, x, y: (g + x, -g), ("extra term", "x is added"), None),
    both(
        Multiply,
        lambda g, x, y: (g + y, g + x),
        ("extra term", "y is added to grad_output"),
        ("extra term", "x is added to grad_output"),
    ),
    both(Multiply, lambda g, x, y: (g * x * y, g * x), ("extra factor", "the whole product"), None),
    both(
        Multiply,
        lambda g, x, y: (g * y, g.sum(0) * x.sum(0)),
        None,
        ("misplaced factor", "each summed first"),
        WITH_ROW,
    ),
    both(Divide, lambda g, x, y: (g / y, -g / y**2), None, ("missing factor", "x is left out")),
    both(Divide, lambda g, x, y: (g / y, -g * x / y), None, ("wrong slope", "the square")),
    both(Divide, lambda g, x, y: (g * y, -g * x / y**2), ("wrong factor", "forward divides"), None),
    both(
        Max,
        lambda g, x, y: (g * (x > 0), g * (y > 0)),
        ("wrong mask", "as for a ReLU"),
        ("wrong mask", "as for a ReLU"),
    ),
    both(Max, lambda g, x, y: (g / 2, g / 2), ("wrong mask", "shared out"), ("wrong mask", "shared out")),
    both(
        Max,
        lambda g, x, y: (g * (x > y), g * 1 - (x > y).double()),
        None,
        ("wrong slope", "parentheses are missing"),
    ),
    both(
        Max,
        lambda g, x, y: (g * (x.abs() > y.abs()), g * (y > x)),
        ("wrong mask", "without their signs"),
        None,
    ),
)
def test_two_inputs(wrong):
    wrong.check()


@parametrize(
    Wrong(Copy, [rand(4, 3)], lambda self, a, b: (a + b) / 2, {"x": ("mean for sum", "averaged")}),
    Wrong(
        Copy, [rand(4, 3)], lambda self, a, b: a * b, {"x": ("wrong factor", "multiplied with each other")}
    ),
    Wrong(Copy, [rand(4, 3)], lambda self, a, b: a - b, {"x": ("sign", "subtracted")}),
    Wrong(Copy, [rand(4, 3)], lambda self, a, b: 2 * a, {"x": ("path lost", "counted for the others")}),
    Wrong(
        Copy,
        [rand(4, 3)],
        lambda self, a, b: torch.stack([a, b]),
        {"x": ("broadcast not reduced", "not collected into one")},
    ),
)
def test_copies(wrong):
    wrong.check()


def cosine(of_x, of_theta, **named):
    def whole(self, g):
        x, theta = self.saved["x"], self.theta.value
        s = torch.sin(theta * x)
        self.theta.grad = self.theta.grad + (of_theta or (lambda g, s, x, theta: -(g * s * x).sum()))(
            g, s, x, theta
        )
        return (of_x or (lambda g, s, x, theta: -g * s * theta))(g, s, x, theta)

    return Wrong(CosineUnit, [rand(4, 3)], whole, named)


@parametrize(
    cosine(lambda g, s, x, t: -g * s, None, x=("missing factor", "inner derivative by x")),
    cosine(lambda g, s, x, t: g * s, None, x=("missing factor", "and the minus as well")),
    cosine(lambda g, s, x, t: -g * s * x, None, x=("wrong factor", "by theta")),
    cosine(lambda g, s, x, t: -g * t * torch.cos(t * x), None, x=("wrong slope", "left a cosine")),
    cosine(lambda g, s, x, t: -g * t * torch.sin(x), None, x=("wrong slope", "without the theta inside")),
    cosine(lambda g, s, x, t: -g * t * t * s, None, x=("extra factor", "multiplied twice")),
    cosine(lambda g, s, x, t: torch.pi - g * t * s, None, x=("extra term", "π")),
    cosine(None, lambda g, s, x, t: -(g * s).sum(), theta=("missing factor", "inner derivative by theta")),
    cosine(None, lambda g, s, x, t: -(g * s * t).sum(), theta=("wrong factor", "by x, not by theta")),
    cosine(
        None, lambda g, s, x, t: -(g.sum() * (s * x).sum()), theta=("misplaced factor", "sums are multiplied")
    ),
    cosine(None, lambda g, s, x, t: -(g * s * x)[0].sum(), theta=("examples missing", "the first row")),
)
def test_cosine_unit(wrong):
    wrong.check()


def of_x(kind, backward, name, words, *options, x=None):
    inputs = [rand(4, 3) if x is None else x]
    return Wrong(_reads(kind), inputs, lambda self, g: backward(g, *self.read), {"x": (name, words)}, options)


POSITIVE = rand(4, 3).abs()


@parametrize(
    of_x(Exp, lambda g, x: g * x * torch.exp(x - 1), "wrong slope", "like a power"),
    of_x(Log, lambda g, x: g / torch.log(x), "output for input", "divided by the output", x=POSITIVE),
    of_x(Sqrt, lambda g, x: g / 2 * torch.sqrt(x), "wrong slope", "parentheses", x=POSITIVE),
    of_x(Sqrt, lambda g, x: g / torch.sqrt(x), "missing factor", "a half", x=POSITIVE),
    of_x(Square, lambda g, x: g * x, "missing factor", "does not come down"),
    of_x(Square, lambda g, x: 2 * g * x**2, "wrong slope", "not lowered"),
    of_x(Reciprocal, lambda g, x: -g / x, "wrong slope", "not one lower"),
    of_x(Power, lambda g, x: g * 3 * x**3, "wrong slope", "not lowered", 3),
    of_x(Power, lambda g, x: g * 2 * x**2, "wrong factor", "after it was lowered", 3),
    of_x(Power, lambda g, x: g * 3 * (x**3 - 1), "wrong slope", "parentheses are missing around", 3),
    of_x(Log, lambda g, x: g / (x + 1e-4), "extra term", "a small number is added", x=POSITIVE),
    of_x(Reciprocal, lambda g, x: -g / (x**2 + 1e-3), "extra term", "a small number is added"),
    of_x(Abs, lambda g, x: g * (x > 0), "wrong mask", "as for a ReLU"),
)
def test_functions_of_one_number(wrong):
    wrong.check()


@parametrize(
    Wrong(
        Concatenate,
        [rand(2, 3), rand(5, 3, seed=1), rand(2, 3, seed=2)],
        lambda self, g: torch.tensor_split(g, 3),
        {"x0": EQUAL_PARTS, "x1": EQUAL_PARTS, "x2": EQUAL_PARTS},
    ),
)
def test_what_is_joined(wrong):
    wrong.check()
