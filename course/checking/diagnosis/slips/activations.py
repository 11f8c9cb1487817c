"""Wrong formulas for the smooth activations: slopes that are written wrongly with the output."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F

from course.checking.diagnosis.mistakes import Mistake
from course.checking.diagnosis.slips.at import At, Slip, slips
from course.checking.diagnosis.slips.elementwise import Function, any_function, slope_at, slopes
from course.checking.diagnosis.slips.shares import stable_form

FLAT = "it does not become 0 where the curve is flat"


@slips("Sigmoid")
def sigmoid(at: At) -> Iterator[Slip | None]:
    """The slope written with the output, and what becomes of it without parentheses."""
    x, out, grad = at["x"], at.out, at.grad
    e = torch.exp(-x)
    yield from slopes(
        at,
        torch.sigmoid,
        (out * (1 + out), Mistake.WRONG_SLOPE, f"the slope is computed with 1 + out: {FLAT}"),
        (
            1 - out,
            Mistake.MISSING_FACTOR,
            "the slope is computed as 1 − out: it does not become 0 where out is 0",
        ),
        (
            out,
            Mistake.MISSING_FACTOR,
            "the output is taken for the slope: it does not become 0 where out is 1",
        ),
        (1 + out, Mistake.WRONG_SLOPE, f"the slope is computed as 1 + out: {FLAT}"),
        (
            out - 1,
            Mistake.WRONG_SLOPE,
            "the slope is computed as out − 1: it is negative, but the curve rises",
        ),
        (
            out**2,
            Mistake.WRONG_SLOPE,
            "the slope is computed as out squared: it does not become 0 where out is 1",
        ),
        (
            (1 - out) ** 2,
            Mistake.WRONG_SLOPE,
            "the slope is computed as 1 − out, squared: it is not 0 where out is 0",
        ),
        (1 + out**2, Mistake.WRONG_SLOPE, f"the slope is computed as 1 + out²: {FLAT}"),
        (
            1 - 2 * out,
            Mistake.WRONG_SLOPE,
            "the slope is computed with 2 · out: it is 0 in the middle, where the curve is steepest",
        ),
        (
            out * (1 - 2 * out),
            Mistake.WRONG_SLOPE,
            "the slope is computed with 2 · out: it is 0 in the middle, where the curve is steepest",
        ),
        (
            2 * slope_at(torch.sigmoid, x),
            Mistake.CONSTANT_FACTOR,
            "there is a 2 too much: this slope is a half in the middle",
        ),
        (out / (1 - out), Mistake.WRONG_SLOPE, "the two factors of the slope are divided"),
        (
            torch.ones_like(x),
            Mistake.LOCAL_DERIVATIVE_IGNORED,
            "the slope is 1 everywhere: the derivative is left out, or its two factors are added",
        ),
        (e, Mistake.WRONG_SLOPE, "the derivative of the quotient is left out: only exp is there"),
        (
            -e / (1 + e) ** 2,
            Mistake.SIGN,
            "a minus is lost: the exponent −x brings one, the quotient another",
        ),
        (out * out.mean() - out, Mistake.WRONG_SLOPE, "the slope uses the mean of the output"),
        (
            x * (1 - out),
            Mistake.INPUT_FOR_OUTPUT,
            "x stands in place of the output in one of the two factors",
        ),
        (
            out * (1 - x),
            Mistake.INPUT_FOR_OUTPUT,
            "x stands in place of the output in one of the two factors",
        ),
        (torch.sigmoid(out), Mistake.OUTPUT_FOR_INPUT, "the sigmoid of the output is taken for the slope"),
        (
            grad * (1 - grad),
            Mistake.WRONG_FACTOR,
            "the slope is computed with grad_output in place of the output",
        ),
        ((x > 0).to(x), Mistake.OTHER_FORMULA, "this is the mask of a ReLU: a sigmoid has none"),
    )
    parentheses = (
        "parentheses are missing, so that 1 is multiplied with the rest, and then something subtracted"
    )
    for predicted, what in (
        (grad * out - out, parentheses),
        (grad - out * out, parentheses),
        (grad - out, parentheses),
        (grad * out - grad * out * grad, "grad_output is multiplied into both factors of the slope"),
        (out * (1 - grad), "grad_output stands in the parentheses in place of the output"),
        (out * (grad - out), "grad_output stands in the parentheses in place of 1"),
        (out - grad * out, "grad_output stands in the parentheses in place of the output"),
        (grad * out - out**2, "only one term of the slope is multiplied with grad_output"),
        (out - grad * out**2, "only one term of the slope is multiplied with grad_output"),
        (grad * out + (1 - out), "a plus stands between the two factors of the slope"),
    ):
        yield at.slip("x", predicted, Mistake.WRONG_SLOPE, what)
    yield at.slip(
        "x",
        grad * slope_at(torch.sigmoid, out),
        Mistake.OUTPUT_FOR_INPUT,
        "the sigmoid is applied once more, to the output, which is σ(x) already",
        0.96,
    )
    yield at.slip(
        "x", out * (1 + out), Mistake.WRONG_SLOPE, f"grad_output is not used, and there is 1 + out: {FLAT}"
    )
    yield at.slip(
        "x", 1 - out, Mistake.WRONG_SLOPE, "grad_output is not used, and half of the slope is missing"
    )
    yield from any_function(at, torch.sigmoid)


@slips("Tanh")
def tanh(at: At) -> Iterator[Slip | None]:
    """The slope written with the square of the output."""
    x, out, grad = at["x"], at.out, at.grad
    yield from slopes(
        at,
        torch.tanh,
        (
            1 - out,
            Mistake.WRONG_SLOPE,
            "the slope is computed as 1 − out: it is not 0 where the output is −1",
        ),
        (1 + out, Mistake.WRONG_SLOPE, "the slope is computed as 1 + out: it is not 0 where the output is 1"),
        (1 + out**2, Mistake.WRONG_SLOPE, f"the slope is computed as 1 + out²: {FLAT}"),
        (
            out**2,
            Mistake.WRONG_SLOPE,
            "out squared is taken for the slope: it is 0 in the middle, where the curve is steepest",
        ),
        (
            (1 - out) ** 2,
            Mistake.WRONG_SLOPE,
            "1 − out is squared as a whole: it is not 0 where the output is −1",
        ),
        (1 - 2 * out, Mistake.WRONG_SLOPE, f"out is doubled where it belongs squared: {FLAT}"),
        (1 - out.abs(), Mistake.WRONG_SLOPE, "the size of the output stands where its square belongs"),
        (1 - out**3, Mistake.WRONG_SLOPE, "the power of the output is too high"),
        (1 - out**4, Mistake.WRONG_SLOPE, "the output is squared twice"),
        (2 * out, Mistake.WRONG_SLOPE, "the square is differentiated once more"),
        (-2 * out, Mistake.WRONG_SLOPE, "the square is differentiated once more"),
        (1 - x**2, Mistake.INPUT_FOR_OUTPUT, "the input is used where the output belongs"),
        (1 - x * out, Mistake.INPUT_FOR_OUTPUT, "the input stands in one of two places of the output"),
        (1 / (1 + x**2), Mistake.OTHER_FORMULA, "this is the slope of the arc tangent"),
        (1 + torch.tanh(x), Mistake.WRONG_SLOPE, "1 + out stands there: it is not 0 where the output is 1"),
        (1 - grad**2, Mistake.WRONG_FACTOR, "the slope is computed with grad_output in place of the output"),
        (
            2 * slope_at(torch.tanh, x),
            Mistake.CONSTANT_FACTOR,
            "there is a 2 too much: in the middle, tanh is as steep as x",
        ),
        (
            slope_at(torch.tanh, x) / 2,
            Mistake.MISSING_FACTOR,
            "the slope is half of what it should be: of 2σ(2x) − 1, the inner 2 is left out",
        ),
        (
            1 / torch.cosh(out) ** 2,
            Mistake.OUTPUT_FOR_INPUT,
            "tanh is applied once more, to the output, which is tanh(x) already",
        ),
    )
    for predicted, what in (
        (grad - out**2, "parentheses are missing: only the 1 is multiplied with grad_output"),
        (1 - grad * out**2, "only the square is multiplied with grad_output, not the 1"),
        (1 - (grad * out) ** 2, "grad_output is inside of the square"),
        (grad * (1 - out) ** 2, "1 − out is squared as a whole: it is not 0 where the output is −1"),
        (grad - out, "parentheses are missing, and the square"),
        (grad - grad * out, "the square is missing: 1 − out is not 0 where the output is −1"),
        (grad**2 - out**2, "grad_output is squared along with the 1"),
        (1 - out, "grad_output is not used, and the square is missing"),
    ):
        yield at.slip("x", predicted, Mistake.WRONG_SLOPE, what)
    yield from any_function(at, torch.tanh)


@slips("Softplus")
def softplus(at: At) -> Iterator[Slip | None]:
    """A logarithm around a sum around an exponential: three derivatives, and β inside and outside."""
    x, grad, beta = at["x"], at.grad, at.module.beta
    function = lambda x: torch.logaddexp(torch.zeros_like(x), beta * x) / beta  # noqa: E731
    yield from _of_softplus(at, function, beta)
    yield from slopes(at, function, *stable_form(beta * x, (x > 0).to(x)))
    yield at.slip(
        "x", grad - torch.sigmoid(beta * x), Mistake.EXTRA_TERM, "something is subtracted from grad_output"
    )
    yield from any_function(at, function)


def _of_softplus(at: At, function: Function, beta: float) -> Iterator[Slip | None]:
    x, out = at["x"], at.out
    s, e = slope_at(function, x), torch.exp(beta * x)
    yield from slopes(
        at,
        function,
        (beta * s, Mistake.EXTRA_FACTOR, "β is a factor of the slope: forward divides by it, too"),
        (
            s / beta,
            Mistake.MISSING_FACTOR,
            "the slope is divided by β: the inner derivative, of βx, is left out",
        ),
        (torch.sigmoid(x), Mistake.WRONG_SLOPE, "β is left out of the exponent"),
        (torch.sigmoid(x / beta), Mistake.WRONG_FACTOR, "x is divided by β in the exponent"),
        (
            s * (1 - s),
            Mistake.WRONG_SLOPE,
            "the derivative is taken twice: this is how fast the slope changes",
        ),
        (
            beta * (s - s**2),
            Mistake.WRONG_SLOPE,
            "the derivative is taken twice: this is how fast the slope changes",
        ),
        (1 - s, Mistake.WRONG_SLOPE, "the slope falls as x grows: the exponent has the wrong sign"),
        (1 / (1 + e), Mistake.WRONG_SLOPE, "the derivative of what stands in the logarithm is left out"),
        (e, Mistake.STEP_LEFT_OUT, "the derivative of the logarithm is left out: only exp is there"),
        (beta * e, Mistake.STEP_LEFT_OUT, "the derivative of the logarithm is left out: only exp is there"),
        (beta * e / (1 + torch.exp(x)), Mistake.WRONG_SLOPE, "β is left out of one exponent"),
        (e / (1 + torch.exp(x)), Mistake.WRONG_SLOPE, "β is left out of one exponent"),
        (torch.exp(x) / (1 + e), Mistake.WRONG_SLOPE, "β is left out of one exponent"),
        (torch.sigmoid(out), Mistake.OUTPUT_FOR_INPUT, "the derivative is taken at the output"),
        (torch.sigmoid(beta * out), Mistake.OUTPUT_FOR_INPUT, "the derivative is taken at the output"),
        (
            torch.tanh(beta * x),
            Mistake.WRONG_SLOPE,
            "tanh is taken for the slope: it is negative on the left, but the curve rises everywhere",
        ),
        ((x > 0).to(x), Mistake.OTHER_FORMULA, "this is the mask of a ReLU: softplus is smooth"),
        (1 + e, Mistake.WRONG_SLOPE, "what stands in the logarithm is multiplied, not divided by"),
        (s**2, Mistake.EXTRA_FACTOR, "the slope is multiplied twice"),
        (e / (1 + e) ** 2, Mistake.WRONG_SLOPE, "the denominator is squared: the derivative is taken twice"),
        (beta * out, Mistake.WRONG_FACTOR, "the logarithm itself is multiplied, not its slope"),
        (
            torch.exp(-beta * x) / (1 + torch.exp(-beta * x)),
            Mistake.SIGN,
            "the exponents have the wrong sign",
        ),
        (s + x * (s - s**2), Mistake.OTHER_FORMULA, "this is the gradient of SiLU"),
    )


@slips("Softsign")
def softsign(at: At) -> Iterator[Slip | None]:
    """A quotient with |x| below."""
    x, out = at["x"], at.out
    size = 1 + x.abs()
    yield from slopes(
        at,
        F.softsign,
        (1 / size, Mistake.WRONG_SLOPE, "the denominator is not squared"),
        (1 / (1 + x) ** 2, Mistake.WRONG_SLOPE, "x stands below without the bars"),
        (1 / (1 + x**2), Mistake.WRONG_SLOPE, "only x is squared, not the whole denominator"),
        (x.sign() / size**2, Mistake.SIGN, "on the left, the sign is wrong: the curve rises everywhere"),
        (1 / size - x / size**2, Mistake.WRONG_SLOPE, "the derivative of |x| is taken to be 1 on both sides"),
        (1 / size + x.abs() / size**2, Mistake.SIGN, "the minus in the quotient's derivative is missing"),
        (
            -x.abs() / size**2,
            Mistake.PATH_LOST,
            "x above the line is left out: the quotient depends on x twice",
        ),
        (size**2, Mistake.WRONG_FACTOR, "the denominator is multiplied"),
        (1 / size**3, Mistake.WRONG_SLOPE, "the power below is too high"),
        (1 / (1 + out.abs()) ** 2, Mistake.OUTPUT_FOR_INPUT, "the derivative is taken at the output"),
        ((1 - out) ** 2, Mistake.WRONG_SLOPE, "the bars around the output are missing"),
    )
    yield from any_function(at, F.softsign)


@slips("LogSigmoid")
def log_sigmoid(at: At) -> Iterator[Slip | None]:
    """The logarithm's derivative, and that of what stands in it."""
    x, out = at["x"], at.out
    s = torch.sigmoid(x)
    yield from slopes(
        at,
        F.logsigmoid,
        (s, Mistake.WRONG_SLOPE, "the sigmoid itself is taken for the slope: the curve is flat on the right"),
        (s * (1 - s), Mistake.STEP_LEFT_OUT, "the derivative of the logarithm is left out"),
        (1 / s, Mistake.STEP_LEFT_OUT, "the derivative of what stands in the logarithm is left out"),
        (s - 1, Mistake.SIGN, "the sign is wrong: the curve rises"),
        (1 + s, Mistake.WRONG_SLOPE, "the slope is computed as 1 + σ: it does not become 0 on the right"),
        (1 - out, Mistake.OUTPUT_FOR_INPUT, "the module's output stands where the sigmoid belongs"),
        (1 - torch.sigmoid(out), Mistake.OUTPUT_FOR_INPUT, "the derivative is taken at the output"),
        ((1 - s) / s, Mistake.WRONG_SLOPE, "the sigmoid divides once too often"),
        (1 / (1 + torch.exp(-x)) ** 2, Mistake.WRONG_SLOPE, "the derivative of exp is left out"),
        (torch.exp(-x), Mistake.STEP_LEFT_OUT, "the derivative of the logarithm is left out"),
    )
    yield from slopes(at, F.logsigmoid, *stable_form(-x, (x < 0).to(x)))
    yield from any_function(at, F.logsigmoid)
