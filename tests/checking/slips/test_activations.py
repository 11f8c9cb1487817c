"""Wrong slopes, masks and branches of the activations are named for what they are."""

import torch

from course.modules import (
    ELU,
    GELU,
    SELU,
    Hardtanh,
    LeakyReLU,
    LogSigmoid,
    Mish,
    PReLU,
    ReLU,
    Sigmoid,
    SiLU,
    Softplus,
    Softsign,
    Tanh,
)
from tests.checking.slips.wrong import Wrong, parametrize, rand

X = [rand(4, 3)]
PHI = (2 * torch.pi) ** -0.5
ALPHA, SCALE = 1.6732632423543772, 1.0507009873554805


def mish_tanh(x):
    return torch.tanh(torch.nn.functional.softplus(x))


def sigmoid(backward, name, words):
    return Wrong(Sigmoid, X, lambda self, g: backward(g, self.saved["out"]), {"x": (name, words)})


def tanh(backward, name, words):
    return Wrong(Tanh, X, lambda self, g: backward(g, self.saved["out"]), {"x": (name, words)})


@parametrize(
    sigmoid(lambda g, a: g * a * (1 + a), "wrong slope", "1 + out"),
    sigmoid(lambda g, a: g * (1 - a), "missing factor", "1 − out: it does not become 0"),
    sigmoid(lambda g, a: g * a, "missing factor", "the output is taken for the slope"),
    sigmoid(lambda g, a: g * a * 1 - a, "wrong slope", "parentheses are missing"),
    sigmoid(lambda g, a: a * (g - a), "wrong slope", "in place of 1"),
    sigmoid(lambda g, a: g * (1 - a) ** 2, "wrong slope", "squared"),
    sigmoid(lambda g, a: g * (1 - 2 * a), "wrong slope", "2 · out"),
    sigmoid(lambda g, a: g + a * (1 - a), "extra term", "added to grad_output"),
    sigmoid(lambda g, a: g / (a * (1 - a)), "wrong factor", "divided by the local derivative"),
    sigmoid(lambda g, a: g * (a * (1 - a)) ** 2, "extra factor", "multiplied twice"),
    sigmoid(lambda g, a: torch.sigmoid(g), "local derivative ignored", "forward is applied to grad_output"),
    sigmoid(lambda g, a: g.sum(0) * a * (1 - a), "wrong axis", "summed over the examples"),
    sigmoid(lambda g, a: g[0] * a * (1 - a), "examples missing", "the first example's grad_output"),
    sigmoid(lambda g, a: a * (1 + a), "wrong slope", "grad_output is not used"),
    tanh(lambda g, a: g * (1 - a), "wrong slope", "1 − out"),
    tanh(lambda g, a: g * (1 + a**2), "wrong slope", "1 + out²"),
    tanh(lambda g, a: g * 1 - a**2, "wrong slope", "only the 1 is multiplied"),
    tanh(lambda g, a: g * (1 - a) ** 2, "wrong slope", "squared as a whole"),
    tanh(lambda g, a: g * (1 - 2 * a), "wrong slope", "doubled"),
    tanh(lambda g, a: -2 * a * g, "wrong slope", "differentiated once more"),
    tanh(lambda g, a: g * (1 - a**2) + a, "extra term", "the output is added"),
    sigmoid(lambda g, a: g * (a + (1 - a)), "local derivative ignored", "left out, or its two factors"),
    sigmoid(
        lambda g, a: g * torch.sigmoid(a) * torch.sigmoid(-a), "output for input", "which is σ(x) already"
    ),
    tanh(lambda g, a: g * 2 * (1 + a) / 2 * (1 - (1 + a) / 2), "missing factor", "the inner 2 is left out"),
    tanh(lambda g, a: g * (1 - torch.tanh(a) ** 2), "output for input", "which is tanh(x) already"),
)
def test_slopes_with_the_output(wrong):
    wrong.check()


def softplus(backward, name, words):
    return Wrong(
        Softplus, X, lambda self, g: backward(g, self.saved["x"], self.beta), {"x": (name, words)}, (2.0,)
    )


def of_x(kind, backward, name, words, *options):
    return Wrong(kind, X, lambda self, g: backward(g, self.kept), {"x": (name, words)}, options)


def keeps(kind):
    """The class, whose forward also keeps its input."""

    def forward(self, x):
        self.kept = x
        return kind.forward(self, x)

    return type(kind.__name__, (kind,), {"forward": forward})


def small(x):
    return torch.exp(-x.abs()) / (1 + torch.exp(-x.abs()))


def at_output(factor, x):
    """The slope of x times a function of x, with that function taken at the product."""
    out = (x * factor(x)).requires_grad_()
    with torch.enable_grad():
        value = factor(out)
        (slope,) = torch.autograd.grad(value.sum(), out)
    return value.detach() + x * slope


@parametrize(
    softplus(lambda g, x, b: g * b * torch.sigmoid(b * x), "extra factor", "β is a factor"),
    softplus(lambda g, x, b: g * torch.sigmoid(x), "wrong slope", "β is left out of the exponent"),
    softplus(lambda g, x, b: g * torch.sigmoid(-b * x), "wrong slope", "falls as x grows"),
    softplus(lambda g, x, b: g / (1 + torch.exp(b * x)), "wrong slope", "falls as x grows"),
    softplus(lambda g, x, b: g * torch.exp(b * x), "step left out", "derivative of the logarithm"),
    softplus(lambda g, x, b: torch.sigmoid(b * x) / b, "missing factor", "grad_output is not used"),
    of_x(
        keeps(SiLU), lambda g, x: g * torch.sigmoid(x) * (1 - torch.sigmoid(x)), "wrong slope", "product rule"
    ),
    of_x(keeps(SiLU), lambda g, x: g * torch.sigmoid(x), "path lost", "only the first"),
    of_x(
        keeps(SiLU),
        lambda g, x: g * torch.sigmoid(x) * (1 + x - torch.sigmoid(x)),
        "wrong slope",
        "parentheses are missing",
    ),
    of_x(keeps(GELU), lambda g, x: g * torch.special.ndtr(x), "path lost", "only one term is there, Φ"),
    of_x(
        keeps(GELU),
        lambda g, x: g * (torch.special.ndtr(x) + PHI * torch.exp(-(x**2) / 2)),
        "missing factor",
        "x, is left out",
    ),
    of_x(
        keeps(GELU),
        lambda g, x: g * (torch.special.ndtr(x) + x * torch.exp(-(x**2) / 2)),
        "missing factor",
        "what stands before exp",
    ),
    of_x(
        keeps(Mish),
        lambda g, x: g * torch.tanh(torch.nn.functional.softplus(x)),
        "path lost",
        "only one term is there, tanh",
    ),
    of_x(keeps(Softsign), lambda g, x: g / (1 + x.abs()), "wrong slope", "not squared"),
    of_x(keeps(Softsign), lambda g, x: g / (1 + x**2), "wrong slope", "only x is squared"),
    of_x(keeps(LogSigmoid), lambda g, x: g * torch.sigmoid(x), "wrong slope", "the sigmoid itself"),
    softplus(lambda g, x, b: g * ((x > 0).to(x) - small(b * x)), "missing factor", "the sign of x"),
    of_x(
        keeps(LogSigmoid),
        lambda g, x: g * ((x < 0).to(x) - x.sign() * small(x)),
        "sign",
        "in the stable form",
    ),
    of_x(
        keeps(Mish),
        lambda g, x: g * at_output(lambda x: torch.tanh(torch.nn.functional.softplus(x)), x),
        "output for input",
        "softplus is taken of the output",
    ),
    of_x(
        keeps(SiLU),
        lambda g, x: g * at_output(torch.sigmoid, x),
        "output for input",
        "taken of the output",
    ),
    of_x(
        keeps(GELU),
        lambda g, x: g * at_output(torch.special.ndtr, x),
        "output for input",
        "the normal distribution is taken of the output",
    ),
)
def test_slopes_with_the_input(wrong):
    wrong.check()


def leaky(backward, name, words):
    return Wrong(
        LeakyReLU,
        X,
        lambda self, g: backward(g, self.saved["x"], self.negative_slope),
        {"x": (name, words)},
        (0.4,),
    )


def where(mask, yes, no):
    return torch.where(mask, yes, no)


@parametrize(
    of_x(keeps(ReLU), lambda g, x: g * torch.relu(x), "wrong factor", "multiplied with the output"),
    of_x(keeps(ReLU), lambda g, x: g * torch.sign(x), "wrong mask", "the sign of x is multiplied"),
    of_x(keeps(ReLU), lambda g, x: g * (x < 0), "wrong mask", "inverted"),
    of_x(keeps(ReLU), lambda g, x: g * (g > 0), "wrong mask", "forward is applied to grad_output"),
    of_x(keeps(ReLU), lambda g, x: where(x > 0, g, x), "wrong factor", "x itself is handed back"),
    of_x(keeps(ReLU), lambda g, x: g * (x > 1), "wrong mask", "compares x with 1"),
    of_x(keeps(ReLU), lambda g, x: g + (x > 0), "extra term", "the mask is added"),
    leaky(lambda g, x, b: g * (x > 0), "path lost", "nothing comes back, as for a ReLU"),
    leaky(lambda g, x, b: where(x > 0, g, b * x), "wrong factor", "forward's value comes back"),
    leaky(lambda g, x, b: where(x > 0, b * g, g), "wrong mask", "exchanged"),
    leaky(lambda g, x, b: g * (x > 0) + b * g, "extra term", "counts on both sides"),
    leaky(lambda g, x, b: where(g > 0, g, b * g), "wrong mask", "forward is applied to grad_output"),
    leaky(lambda g, x, b: where(x > 0, g, 0.01 * g), "wrong factor", "a fixed number"),
    leaky(lambda g, x, b: where(x > 0, g, -b * g), "sign", "the sign is wrong"),
    of_x(keeps(ELU), lambda g, x: where(x > 0, g, g * torch.exp(x)), "missing factor", "α is left out", 0.5),
    of_x(
        keeps(ELU),
        lambda g, x: where(x > 0, g, g * 0.5 * (torch.exp(x) - 1)),
        "wrong slope",
        "its −1 adds no slope",
        0.5,
    ),
    of_x(
        keeps(SELU),
        lambda g, x: g * where(x > 0, SCALE, SCALE * ALPHA * (x.exp() - 1) + ALPHA),
        "missing factor",
        "α is added to the output without its λ",
    ),
    of_x(
        keeps(SiLU),
        lambda g, x: g * (torch.sigmoid(x) + x / (1 + x.exp())),
        "wrong slope",
        "half of the sigmoid's slope is left out; or, in a formula with the output",
    ),
    of_x(
        keeps(Mish),
        lambda g, x: g * (mish_tanh(x) + x * (1 - mish_tanh(x)) * torch.sigmoid(x) * (1 - torch.sigmoid(x))),
        "wrong slope",
        "two things: the derivative of",
    ),
    of_x(
        keeps(SELU),
        lambda g, x: where(x > 0, g, g * ALPHA * torch.exp(x)),
        "missing factor",
        "λ is left out",
    ),
    Wrong(
        keeps(ReLU),
        [torch.linspace(-1.1, 1.2, 24).reshape(4, 6)],
        lambda self, g: g * (self.kept > 0.3),
        {"x": ("wrong mask", "a number above 0")},
    ),
    leaky(lambda g, x, b: where(x > -0.5, g, b * g), "wrong mask", "a number below 0"),
    of_x(
        keeps(ELU), lambda g, x: where(x > 0, g, g * (x + 0.5)), "input for output", "the output plus α", 0.5
    ),
    of_x(keeps(Hardtanh), lambda g, x: g, "mask missing", "joined by “or”", -0.8, 0.5),
    of_x(keeps(Hardtanh), lambda g, x: g * (x < 0.5), "wrong mask", "the lower end is left out", -0.8, 0.5),
)
def test_branches(wrong):
    wrong.check()


def prelu(backward, name, words):
    """A wrong gradient of the slopes; that of x is right."""

    def whole(self, g):
        x = self.saved["x"]
        self.weight.grad = self.weight.grad + backward(self, g, x)
        return torch.where(x > 0, g, self.weight.value * g)

    return Wrong(PReLU, X, whole, {"weight": (name, words)}, (3,))


@parametrize(
    prelu(lambda self, g, x: (g * (x <= 0)).sum(0), "missing factor", "x is left out"),
    prelu(lambda self, g, x: (g * x).sum(0), "mask missing", "all elements count"),
    prelu(lambda self, g, x: (g * x * (x > 0)).sum(0), "wrong mask", "the elements with positive x count"),
    prelu(lambda self, g, x: (g * x * (x <= 0)).sum().expand(3), "wrong axis", "over everything"),
    prelu(lambda self, g, x: (g * x * (x <= 0))[0], "examples missing", "only the first example"),
    prelu(lambda self, g, x: (x * (x <= 0)).sum(0), "upstream ignored", "grad_output is not used"),
    prelu(
        lambda self, g, x: (g * self.weight.value * x * (x <= 0)).sum(0), "extra factor", "the slope itself"
    ),
)
def test_learned_slopes(wrong):
    wrong.check()
