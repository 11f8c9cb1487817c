"""Wrong formulas for the plain functions whose gradients are written by hand: the neuron, and the bump."""

from collections.abc import Iterator

import torch

from course.checking.diagnosis.mistakes import Mistake
from course.checking.diagnosis.slips.at import At, Slip, slips


@slips("SigmoidNeuron", "Bump", "FunctionWithGradient")
def by_hand(at: At) -> Iterator[Slip | None]:
    """The list that belongs to a function, by its name or by its module's; its inputs are taken in order."""
    name = getattr(getattr(at.module, "function", at.module), "__name__", type(at.module).__name__)
    if name in ("SigmoidNeuron", "sigmoid_neuron"):
        yield from _neuron(at, ("w", "x") if "w" in at else ("x0", "x1"))
    if name in ("Bump", "bump"):
        yield from _bump(at, ("x", "mu", "beta", "u") if "mu" in at else ("x0", "x1", "x2", "x3"))


def _neuron(at: At, names: tuple[str, ...]) -> Iterator[Slip | None]:
    """What is handed to the weighted sum, and how the sum hands it on."""
    of_w, of_x = names
    w, x, f, grad = at[of_w], at[of_x], at.out, at.grad
    one = torch.ones_like(f)
    slope = at.gradient_of(of_w, lambda w: 1 / (1 + torch.exp(-(w[0] * x[0] + w[1] * x[1] + w[2]))), one)[2]
    arrives = grad * slope
    total = w[0] * x[0] + w[1] * x[1] + w[2]
    power = torch.exp(-total)
    lost = "and a minus is lost, that of −s or that in the derivative of 1/d"
    both = (torch.stack([x[0], x[1], one]), torch.stack([w[0], w[1]]))
    for at_sum, mistake, what in (
        (
            one,
            Mistake.STEP_LEFT_OUT,
            "the weighted sum's own gradients are handed back: exp and 1/d are skipped",
        ),
        (
            f,
            Mistake.WRONG_SLOPE,
            "the slope is taken for the output itself: half of the sigmoid's slope is missing",
        ),
        (f**2, Mistake.STEP_LEFT_OUT, "the derivative of exp is left out"),
        (-(f**2), Mistake.STEP_LEFT_OUT, f"two things: the derivative of exp is left out; {lost}"),
        (f * power, Mistake.WRONG_SLOPE, "in the derivative of 1/d, the square is missing"),
        (
            -f * power,
            Mistake.WRONG_SLOPE,
            f"two things: in the derivative of 1/d, the square is missing; {lost}",
        ),
        (power, Mistake.STEP_LEFT_OUT, "the derivative of 1/d is left out"),
        (-power, Mistake.STEP_LEFT_OUT, f"two things: the derivative of 1/d is left out; {lost}"),
        (
            f * (1 + f),
            Mistake.WRONG_SLOPE,
            "the slope has 1 + f in it: it does not vanish where f is nearly 1",
        ),
        (1 - f**2, Mistake.WRONG_SLOPE, "this is the slope of tanh, not of this neuron"),
        (1 - f, Mistake.WRONG_SLOPE, "half of the sigmoid's slope is missing"),
        (total * (1 - total), Mistake.INPUT_FOR_OUTPUT, "the weighted sum stands where the output belongs"),
        (slope * f, Mistake.EXTRA_FACTOR, "the output is multiplied once too often"),
        (-slope / power, Mistake.STEP_LEFT_OUT, "the derivative of exp is left out, and the minus before s"),
        (-slope * total, Mistake.WRONG_SLOPE, "exp is differentiated like a power: the exponent comes down"),
        (-f * power**2 * f, Mistake.EXTRA_FACTOR, "the derivative of exp is multiplied twice"),
        (f**2 * power**2, Mistake.EXTRA_FACTOR, "the derivative of exp is multiplied twice"),
        (
            f**2 * (1 + power),
            Mistake.EXTRA_TERM,
            "the 1 in the denominator is kept: a constant adds no slope",
        ),
        (slope + 1, Mistake.EXTRA_TERM, "the 1 in the denominator is kept: a constant adds no slope"),
        (-f * f * power * f, Mistake.EXTRA_FACTOR, "in the derivative of 1/d, the power is too high"),
    ):
        for name, factors in zip(names, both, strict=True):
            yield at.slip(name, grad * at_sum * factors, mistake, what)
    zero = torch.zeros_like(one)
    for factors, mistake, what in (
        ((x[0], x[1], zero), Mistake.PATH_LOST, "w[2] gets nothing: a nudge of it moves the sum as well"),
        (
            (w[0], w[1], one),
            Mistake.WRONG_FACTOR,
            "in each product, the weight is multiplied with itself: which "
            "number does a nudge of the weight meet?",
        ),
        ((w[0], w[1], w[2]), Mistake.WRONG_FACTOR, "what arrives is multiplied with the weights themselves"),
        (
            (x[0], x[1], w[2]),
            Mistake.WRONG_FACTOR,
            "w[2] is multiplied with itself: it stands alone in the sum",
        ),
        ((x[1], x[0], one), Mistake.PERMUTED, "the two inputs are exchanged"),
        (
            (one, x[0], x[1]),
            Mistake.PERMUTED,
            "w[2], which stands alone, is taken for the first of the weights",
        ),
        ((one, one, one), Mistake.MISSING_FACTOR, "the factors of the products are left out"),
        ((x[0], x[1], x[0] + x[1]), Mistake.WRONG_FACTOR, "w[2] is multiplied with inputs: it stands alone"),
        (
            (x[0], x[1], x[1]),
            Mistake.WRONG_FACTOR,
            "w[2] is multiplied with an input: it stands alone in the sum",
        ),
        ((x[0], x[0], one), Mistake.WRONG_FACTOR, "both weights get the first input as factor"),
        ((x[1], x[1], one), Mistake.WRONG_FACTOR, "both weights get the second input as factor"),
        (
            (w[0] * x[0], w[1] * x[1], w[2]),
            Mistake.EXTRA_FACTOR,
            "each weight is multiplied with its whole product",
        ),
        ((x[0], x[1], -one), Mistake.SIGN, "w[2] has the wrong sign"),
    ):
        yield at.slip(of_w, arrives * torch.stack(factors), mistake, what)
    yield at.slip(
        of_w, lambda: arrives * x, Mistake.PATH_LOST, "w[2] has no gradient: a nudge of it moves the sum, too"
    )
    for factors, mistake, what in (
        (
            x,
            Mistake.WRONG_FACTOR,
            "in each product, the input is multiplied with itself: which number does a nudge "
            "of the input meet?",
        ),
        (w[[1, 0]], Mistake.PERMUTED, "the two weights are exchanged"),
        (w[1:], Mistake.PERMUTED, "the weights are shifted by one"),
        (torch.ones_like(x), Mistake.MISSING_FACTOR, "the weights are left out"),
        (w, Mistake.WRONG_FACTOR, "w[2] counts as well, though it meets no input"),
        (w[:2] + w[2], Mistake.EXTRA_TERM, "w[2] is added to the weights: it meets no input"),
        (w[:2] * x, Mistake.EXTRA_FACTOR, "each input is multiplied with its whole product"),
        (w[[0, 0]], Mistake.WRONG_FACTOR, "both inputs get the first weight"),
        (w[[1, 1]], Mistake.WRONG_FACTOR, "both inputs get the second weight"),
    ):
        yield at.slip(of_x, arrives * factors, mistake, what)


def _bump(at: At, names: tuple[str, ...]) -> Iterator[Slip | None]:
    """A bump: wrong rules for its square, its exponential, its product."""
    of_x, of_mu, of_beta, of_u = names
    x, mu, beta, u, grad, out = at[of_x], at[of_mu], at[of_beta], at[of_u], at.grad, at.out
    offset = x - mu
    squared = (offset**2).sum()
    hidden = torch.exp(-beta * squared)
    pull = at.gradient_of(of_mu, lambda mu: u * torch.exp(-beta * ((x - mu) ** 2).sum()))
    for name, sign in ((of_x, -1.0), (of_mu, 1.0)):
        right = sign * pull
        for predicted, mistake, what in (
            (right / 2, Mistake.WRONG_SLOPE, "the exponent of the square does not come down as a factor"),
            (right / hidden, Mistake.STEP_LEFT_OUT, "the derivative of exp is left out"),
            (
                -right / hidden,
                Mistake.STEP_LEFT_OUT,
                "the derivative of exp is left out, and a sign is wrong",
            ),
            (
                -right / beta,
                Mistake.MISSING_FACTOR,
                "the derivative of what stands in exp, by the distance, is left out",
            ),
            (right / beta, Mistake.MISSING_FACTOR, "beta is left out: it stands before the distance"),
            (right / u, Mistake.MISSING_FACTOR, "u is left out: it stands before exp"),
            (right * hidden, Mistake.EXTRA_FACTOR, "the derivative of exp is multiplied twice"),
            (right * beta, Mistake.EXTRA_FACTOR, "beta is multiplied twice"),
            (right * u, Mistake.EXTRA_FACTOR, "u is multiplied twice"),
            (right * offset, Mistake.WRONG_SLOPE, "the exponent of the square is not lowered"),
            (right * squared, Mistake.EXTRA_FACTOR, "the squared distance is multiplied, too"),
            (right / offset, Mistake.STEP_LEFT_OUT, "the offset is gone from the derivative of its square"),
            (
                right / offset * squared,
                Mistake.WRONG_SLOPE,
                "the squared distance stands where the offset belongs",
            ),
            (right / offset / 2, Mistake.STEP_LEFT_OUT, "the derivative of the square is left out"),
            (right / offset * x, Mistake.WRONG_FACTOR, "x stands where the offset from the center belongs"),
            (right / offset * mu, Mistake.WRONG_FACTOR, "the center stands where the offset from it belongs"),
            (right.sum(), Mistake.WRONG_AXIS, "the coordinates are summed: each has its own offset"),
            (
                right.sum().expand_as(x),
                Mistake.WRONG_AXIS,
                "the coordinates are summed: each has its own offset",
            ),
            (
                right.mean().expand_as(x),
                Mistake.WRONG_AXIS,
                "the coordinates are averaged: each has its own offset",
            ),
            (
                right / offset * offset.sum(),
                Mistake.WRONG_AXIS,
                "the offsets are summed: each coordinate has its own",
            ),
            (
                right / offset * squared.sqrt(),
                Mistake.WRONG_FACTOR,
                "the distance stands where the offset belongs",
            ),
            (right.abs(), Mistake.SIGN, "the signs of the offsets are lost"),
            (right / grad, Mistake.UPSTREAM_IGNORED, "grad_output is not used"),
        ):
            yield at.slip(name, predicted, mistake, what)
    right = at.gradient_of(of_beta, lambda beta: u * torch.exp(-beta * squared))
    for predicted, mistake, what in (
        (right / squared, Mistake.MISSING_FACTOR, "the squared distance is left out: it stands beside beta"),
        (-right / squared, Mistake.MISSING_FACTOR, "the squared distance is left out, and a sign is wrong"),
        (
            right / squared * beta,
            Mistake.WRONG_FACTOR,
            "beta itself stands where its neighbor in the product belongs",
        ),
        (right * beta, Mistake.EXTRA_FACTOR, "beta is still a factor"),
        (right / hidden, Mistake.STEP_LEFT_OUT, "the derivative of exp is left out"),
        (-right / hidden, Mistake.STEP_LEFT_OUT, "the derivative of exp is left out, and a sign is wrong"),
        (right * hidden, Mistake.EXTRA_FACTOR, "the derivative of exp is multiplied twice"),
        (right / u, Mistake.MISSING_FACTOR, "u is left out: it stands before exp"),
        (right * u, Mistake.EXTRA_FACTOR, "u is multiplied twice"),
        (right / squared.sqrt(), Mistake.WRONG_FACTOR, "the distance stands there, not its square"),
        (right * squared, Mistake.EXTRA_FACTOR, "the distance is squared once too often"),
        (
            right / squared * offset,
            Mistake.WRONG_FACTOR,
            "the offsets stand where the squared distance belongs",
        ),
        (
            right / squared * offset.sum(),
            Mistake.WRONG_FACTOR,
            "the offsets are summed without their squares",
        ),
        (right / squared * offset**2, Mistake.BROADCAST_NOT_REDUCED, "the squared offsets are not summed"),
    ):
        yield at.slip(of_beta, predicted, mistake, what)
    for factor, mistake, what in (
        (u * hidden, Mistake.EXTRA_FACTOR, "the whole output stands there: u is still a factor"),
        (u, Mistake.WRONG_FACTOR, "u itself stands where its neighbor in the product belongs"),
        (torch.ones_like(u), Mistake.MISSING_FACTOR, "the bump itself is left out: it is multiplied with u"),
        (-beta * hidden, Mistake.EXTRA_FACTOR, "exp is differentiated, too: u stands outside of it"),
        (hidden.log(), Mistake.STEP_LEFT_OUT, "the exponent stands there, without exp"),
        (squared, Mistake.STEP_LEFT_OUT, "the squared distance stands there, without exp"),
        (hidden**2, Mistake.EXTRA_FACTOR, "exp is multiplied twice"),
        (1 / hidden, Mistake.SIGN, "the minus in the exponent is missing"),
        (out / u**2, Mistake.EXTRA_FACTOR, "u divides"),
        (-hidden, Mistake.SIGN, "the sign is wrong"),
    ):
        yield at.slip(of_u, grad * factor, mistake, what)
