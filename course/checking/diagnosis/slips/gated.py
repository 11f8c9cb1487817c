"""Wrong formulas for activations that are a product of x with a gate of x: the product rule."""

import math
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from course.checking.diagnosis.mistakes import Mistake
from course.checking.diagnosis.slips.at import At, Slip, slips
from course.checking.diagnosis.slips.elementwise import Function, any_function, slope_at, slopes

PRODUCT_RULE = "the product rule has two terms, since x is in both factors"
FLAT = "it does not become 0 where the curve is flat"


AT_OUTPUT = "{} is taken of the output, where it is to be taken of x"


def _inner(x: Tensor) -> Tensor:
    """What GELU's approximation takes the tanh of; the two numbers are those of the paper."""
    return math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)


def _at_output(factor: Function, x: Tensor, out: Tensor) -> Tensor:
    """The slope of x times a function of x, with that function taken at the output."""
    return factor(out) + x * slope_at(factor, out)


def _twice(factor: Function, x: Tensor) -> Tensor:
    """The slope of x times a function of x, with that function applied twice."""
    return factor(factor(x)) + x * slope_at(factor, factor(x))


@slips("SiLU")
def silu(at: At) -> Iterator[Slip | None]:
    """The product rule for x σ(x)."""
    x, out = at["x"], at.out
    s = torch.sigmoid(x)
    bend = slope_at(torch.sigmoid, x)
    yield from slopes(
        at,
        F.silu,
        (s, Mistake.PATH_LOST, f"only one term is there, the sigmoid: {PRODUCT_RULE}"),
        (
            x * bend,
            Mistake.PATH_LOST,
            f"only one term is there, the one with the sigmoid's slope: {PRODUCT_RULE}",
        ),
        (
            bend,
            Mistake.WRONG_SLOPE,
            "the derivatives of the two factors are multiplied with each other: the product rule is another",
        ),
        (
            s + bend,
            Mistake.MISSING_FACTOR,
            "in the term with the sigmoid's slope, the other factor, x, is left out",
        ),
        (s - x * bend, Mistake.SIGN, "the two terms of the product rule are subtracted"),
        (x * bend - s, Mistake.SIGN, "the two terms of the product rule are subtracted"),
        (
            1 + x * bend,
            Mistake.MISSING_FACTOR,
            "in the term with the derivative of x, the sigmoid is left out",
        ),
        (1 + x * (1 - s), Mistake.MISSING_FACTOR, "the sigmoid is left out as a factor of the whole"),
        (s + x * s, Mistake.MISSING_FACTOR, "the sigmoid's slope is only half there"),
        (s + x * s * (1 + s), Mistake.WRONG_SLOPE, f"the sigmoid's slope is computed with 1 + σ: {FLAT}"),
        (
            s * (1 + x) * (1 - s),
            Mistake.WRONG_SLOPE,
            "parentheses are set wrongly: (1 − σ) multiplies both terms",
        ),
        (s * (1 + x - s), Mistake.WRONG_SLOPE, "parentheses are missing: x multiplies the 1 only"),
        (s * (2 - s), Mistake.MISSING_FACTOR, "in the term with the sigmoid's slope, x is left out"),
        (s + x * s**2, Mistake.WRONG_SLOPE, "the sigmoid's square is taken for its slope"),
        (
            s + out * (1 - out),
            Mistake.WRONG_SLOPE,
            "the slope is computed with the module's output, which is no sigmoid",
        ),
        (
            out * (1 - out),
            Mistake.WRONG_SLOPE,
            "this is the sigmoid's slope, with the module's output put in",
        ),
        (out + s, Mistake.WRONG_SLOPE, "in the second term, a factor is missing"),
        (out + (1 - out), Mistake.WRONG_SLOPE, "in the second term, the sigmoid is missing"),
        (
            s + x * torch.sigmoid(s) * (1 - torch.sigmoid(s)),
            Mistake.OUTPUT_FOR_INPUT,
            "the sigmoid is applied twice",
        ),
        (s + x - x * s**2, Mistake.WRONG_SLOPE, "the sigmoid's slope is that of tanh"),
        (s * x, Mistake.WRONG_FACTOR, "the output is multiplied, not its slope"),
        (_at_output(torch.sigmoid, x, out), Mistake.OUTPUT_FOR_INPUT, AT_OUTPUT.format("the sigmoid")),
        (s + x, Mistake.WRONG_SLOPE, "the two factors are added"),
        (1 + bend, Mistake.WRONG_SLOPE, "the derivatives of the two factors are added"),
    )
    half = "half of the sigmoid's slope is left out; or, in a formula with the output, x stands in its place"
    yield at.slip("x", at.grad * (s + x * (1 - s)), Mistake.WRONG_SLOPE, half, 0.85)
    twice = "the sigmoid is applied once more, to what is σ(x) already"
    yield from slopes(at, F.silu, (_twice(torch.sigmoid, x), Mistake.OUTPUT_FOR_INPUT, twice))
    yield from any_function(at, F.silu)


@slips("GELU")
def gelu(at: At) -> Iterator[Slip | None]:
    """The product rule for x Φ(x), and the two numbers in the normal density."""
    x, out, approximate = at["x"], at.out, getattr(at.module, "approximate", "none")
    other = "none" if approximate == "tanh" else "tanh"
    yield at.slip(
        "x",
        at.gradient_of("x", lambda x: F.gelu(x, approximate=other)),
        Mistake.OTHER_FORMULA,
        "this is the gradient of the other GELU: one is exact, one an approximation with tanh",
    )
    yield at.slip(
        "x",
        at.gradient_of("x", lambda x: x * torch.sigmoid(1.702 * x)),
        Mistake.OTHER_FORMULA,
        "this is the gradient of the approximation with a sigmoid",
    )
    if approximate == "none":
        bell = torch.exp(-(x**2) / 2)
        below, density = torch.special.ndtr(x), bell / math.sqrt(2 * math.pi)
    else:
        t = torch.tanh(_inner(x))
        below, bell = (1 + t) / 2, (1 - t**2) / 2
        density = at.gradient_of("x", lambda x: torch.tanh(_inner(x)) / 2, torch.ones_like(x))
        cubic = math.sqrt(2 / math.pi)
        for rate, what in (
            (cubic, "the derivative of x³ is left out"),
            (cubic * (1 + 0.044715 * x**2), "the exponent 3 does not come down"),
            (cubic * (1 + 3 * 0.044715 * x), "the exponent of x³ is not lowered rightly"),
        ):
            yield from slopes(
                at,
                lambda x: F.gelu(x, approximate=approximate),
                (below + x * bell * rate, Mistake.WRONG_SLOPE, what),
            )
    yield from slopes(
        at,
        lambda x: F.gelu(x, approximate=approximate),
        (below, Mistake.PATH_LOST, f"only one term is there, Φ: {PRODUCT_RULE}"),
        (x * density, Mistake.PATH_LOST, f"only one term is there, the one with the density: {PRODUCT_RULE}"),
        (density, Mistake.WRONG_SLOPE, "the derivatives of the two factors are multiplied with each other"),
        (
            below + density,
            Mistake.MISSING_FACTOR,
            "in the term with the density, the other factor, x, is left out",
        ),
        (below - x * density, Mistake.SIGN, "the two terms of the product rule are subtracted"),
        (below + x * bell, Mistake.MISSING_FACTOR, "what stands before exp in the density is left out"),
        (below + x**2 * density, Mistake.EXTRA_FACTOR, "in the term with the density, x is multiplied twice"),
        (x * below + density, Mistake.WRONG_SLOPE, "each factor is multiplied with its own derivative"),
        (below + x * (below - below**2), Mistake.WRONG_SLOPE, "Φ is differentiated as if it were a sigmoid"),
        (2 * below + x * density, Mistake.WRONG_FACTOR, "the half before 1 + erf is left out of Φ"),
        (below + x * density / 2, Mistake.WRONG_FACTOR, "the density is halved"),
        (below + 2 * x * density, Mistake.WRONG_FACTOR, "the density is doubled"),
        (below - x**2 * density, Mistake.WRONG_SLOPE, "the density is differentiated once more"),
        (
            below + x * density * math.sqrt(2),
            Mistake.WRONG_FACTOR,
            "the inner derivative of x/√2 is left out",
        ),
        (
            below + x * bell / (2 * math.pi),
            Mistake.WRONG_FACTOR,
            "in the density, the root around 2π is left out",
        ),
        (
            below + x * bell * math.sqrt(2 * math.pi),
            Mistake.WRONG_FACTOR,
            "the root of 2π is multiplied where it divides",
        ),
        (
            below + x * torch.exp(-(x**2)) / math.sqrt(2 * math.pi),
            Mistake.WRONG_SLOPE,
            "in the density's exponent, the half is missing",
        ),
        (
            below + x * torch.exp(-(x**2)) / math.sqrt(math.pi),
            Mistake.WRONG_SLOPE,
            "erf is differentiated at x: forward scales x first",
        ),
        (
            torch.special.ndtr(out) + out * torch.exp(-(out**2) / 2) / math.sqrt(2 * math.pi),
            Mistake.OUTPUT_FOR_INPUT,
            "the derivative is taken at the output",
        ),
        (
            below + out * density,
            Mistake.OUTPUT_FOR_INPUT,
            "in the term with the density, the output stands in place of x",
        ),
        (1 + x * density, Mistake.MISSING_FACTOR, "in the term with the derivative of x, Φ is left out"),
    )
    if approximate == "none":
        what = "the bell curve grows to both sides: a minus that is squared along with x is lost"
        yield from slopes(at, F.gelu, (below + x * density / bell**2, Mistake.SIGN, what))
        at_output = _at_output(torch.special.ndtr, x, out)
    else:
        at_output = _at_output(lambda x: (1 + torch.tanh(_inner(x))) / 2, x, out)
    what = AT_OUTPUT.format("the share of the normal distribution")
    yield from slopes(at, F.gelu, (at_output, Mistake.OUTPUT_FOR_INPUT, what))
    yield from any_function(at, lambda x: F.gelu(x, approximate=approximate))


@slips("Mish")
def mish(at: At) -> Iterator[Slip | None]:
    """The product rule for x tanh(softplus(x)), with two inner derivatives."""
    x = at["x"]
    t, s = torch.tanh(F.softplus(x)), torch.sigmoid(x)
    flat = 1 - t**2
    yield from slopes(
        at,
        F.mish,
        (t, Mistake.PATH_LOST, f"only one term is there, tanh: {PRODUCT_RULE}"),
        (x * flat * s, Mistake.PATH_LOST, f"only one term is there, the one with the slopes: {PRODUCT_RULE}"),
        (t + x * flat, Mistake.MISSING_FACTOR, "the derivative of softplus, the inner one, is left out"),
        (t + x * s, Mistake.MISSING_FACTOR, "the derivative of tanh is left out"),
        (
            t + flat * s,
            Mistake.MISSING_FACTOR,
            "in the term with the slopes, the other factor, x, is left out",
        ),
        (flat * s, Mistake.WRONG_SLOPE, "the derivatives of the factors are multiplied with each other"),
        (t - x * flat * s, Mistake.SIGN, "the two terms of the product rule are subtracted"),
        (t + x * (1 - t) * s, Mistake.WRONG_SLOPE, "in tanh's slope, the square is missing"),
        (t + x * flat * s * (1 - s), Mistake.WRONG_SLOPE, "softplus is differentiated twice"),
        (t + x * flat * F.softplus(x), Mistake.WRONG_SLOPE, "softplus itself stands in place of its slope"),
        (
            t + x * (1 - torch.tanh(x) ** 2) * s,
            Mistake.WRONG_SLOPE,
            "tanh's slope is taken at x, not at softplus of x",
        ),
        (t + x * (1 + t**2) * s, Mistake.WRONG_SLOPE, f"tanh's slope is computed with 1 + t²: {FLAT}"),
        (1 + x * flat * s, Mistake.MISSING_FACTOR, "in the term with the derivative of x, tanh is left out"),
    )
    factor = lambda x: torch.tanh(F.softplus(x))  # noqa: E731
    at_output = (_at_output(factor, x, at.out), Mistake.OUTPUT_FOR_INPUT, AT_OUTPUT.format("softplus"))
    yield from slopes(at, F.mish, at_output)
    yield from any_function(at, F.mish)
