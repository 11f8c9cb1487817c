"""Wrong formulas for the elementary modules of a graph: sums, products, maxima, powers, waves."""

import itertools
from collections.abc import Iterator

import torch
from torch import Tensor

from course.checking.diagnosis.mistakes import Mistake
from course.checking.diagnosis.slips.at import At, Slip, slips
from course.checking.diagnosis.slips.elementwise import any_function, at_each_place, slopes, softened

PAIR = ("x", "y")


@slips("Add", "Subtract")
def addition(at: At) -> Iterator[Slip | None]:
    """A sum hands on; what else students do with the other input."""
    grad, out = at.grad, at.out
    for name, other in (PAIR, PAIR[::-1]):
        own, beside = at[name], at[other]
        for full, mistake, what in (
            (grad * beside, Mistake.EXTRA_FACTOR, f"this is the gradient of a product: {other} is no factor"),
            (
                grad * own,
                Mistake.EXTRA_FACTOR,
                f"grad_output is multiplied with {name}: nothing is, in a sum",
            ),
            (grad * out, Mistake.EXTRA_FACTOR, "grad_output is multiplied with the output"),
            (grad + beside, Mistake.EXTRA_TERM, f"{other} is added to grad_output, as if forward ran again"),
            (grad + own, Mistake.EXTRA_TERM, f"{name} is added to grad_output, as if forward ran again"),
            (grad + 1, Mistake.EXTRA_TERM, "the local derivative is added to grad_output"),
            (
                grad / 2,
                Mistake.CONSTANT_FACTOR,
                "grad_output is shared out, half for each input: but a nudge of either moves it fully",
            ),
            (
                2 * grad,
                Mistake.CONSTANT_FACTOR,
                f"grad_output is counted twice: {name} reaches the output along one edge",
            ),
            (out, Mistake.LOCAL_DERIVATIVE_IGNORED, "the output is handed back, as if forward ran again"),
            (beside + 0 * grad, Mistake.LOCAL_DERIVATIVE_IGNORED, f"{other} itself is handed back"),
            (own + 0 * grad, Mistake.LOCAL_DERIVATIVE_IGNORED, f"{name} itself is handed back"),
        ):
            yield at.slip(name, full.sum_to_size(own.shape), mistake, what)
        yield from _collected(at, name, grad)


@slips("Concatenate")
def joined(at: At) -> Iterator[Slip | None]:
    """What is joined may differ in size."""
    names = [f"x{i}" for i in itertools.takewhile(lambda i: f"x{i}" in at, itertools.count())]
    what = "grad_output is cut into equal parts: the inputs that forward joined are not equally long"
    for name, part in zip(names, at.grad.chunk(len(names), at.module.dim), strict=False):
        yield at.slip(name, part, Mistake.WRONG_PLACE, what)


@slips("Multiply")
def product(at: At) -> Iterator[Slip | None]:
    """A product exchanges its inputs; what else students make of it."""
    x, y, grad, out = at["x"], at["y"], at.grad, at.out
    for name, other in (PAIR, PAIR[::-1]):
        own, beside = at[name], at[other]
        for full, mistake, what in (
            (grad + beside, Mistake.EXTRA_TERM, f"{other} is added to grad_output, not multiplied with it"),
            (grad - beside, Mistake.EXTRA_TERM, f"{other} is subtracted from grad_output"),
            (
                grad * own,
                Mistake.WRONG_FACTOR,
                f"grad_output is multiplied with {name} itself: hold {other} still, and look at the slope",
            ),
            (
                grad * out,
                Mistake.EXTRA_FACTOR,
                "grad_output is multiplied with both inputs, the whole product",
            ),
            (grad * (x + y), Mistake.EXTRA_TERM, "grad_output is multiplied with the sum of the inputs"),
            (grad / beside, Mistake.WRONG_FACTOR, f"grad_output is divided by {other}"),
            (grad / own, Mistake.WRONG_FACTOR, f"grad_output is divided by {name}"),
            (2 * grad * own, Mistake.WRONG_SLOPE, f"this is the gradient of a square of {name}"),
            (out + 0 * grad, Mistake.LOCAL_DERIVATIVE_IGNORED, "the output is handed back"),
            (own + 0 * grad, Mistake.SWAPPED_GRADIENTS, f"{name} itself is handed back, without grad_output"),
        ):
            yield at.slip(name, full.sum_to_size(own.shape), mistake, what)
        if own.shape != grad.shape:
            yield at.slip(
                name,
                grad.sum_to_size(own.shape) * beside.sum_to_size(own.shape),
                Mistake.MISPLACED_FACTOR,
                f"grad_output and {other} are each summed first: the sum runs over products",
            )
            yield at.slip(
                name,
                lambda beside=beside, own=own: grad.sum_to_size(own.shape) * beside,
                Mistake.MISPLACED_FACTOR,
                f"grad_output is summed before it is multiplied with {other}",
            )
            full = at_each_place(own, lambda own, beside=beside: own * beside, grad)
            yield from _collected(at, name, full)
        elif own.dim():
            yield from _spread(at, name, beside)


def _spread(at: At, name: str, factor: Tensor) -> Iterator[Slip | None]:
    """Grad_output summed or averaged though nothing was broadcast."""
    for total in (at.grad.sum(), at.grad.mean()):
        yield at.slip(
            name,
            total * factor,
            Mistake.WRONG_AXIS,
            f"grad_output is collected over all its numbers: each number of {name} has its own",
        )


def _collected(at: At, name: str, full: Tensor) -> Iterator[Slip | None]:
    """Wrong ways to collect what arrives at an input that was broadcast.

    Args:
        full: what each place of the output contributes.
    """
    shape = at[name].shape
    if shape == full.shape or not full.dim():
        return
    for row, which in ((0, "first"), (-1, "last")):
        yield at.slip(
            name,
            lambda row=row: full[row].reshape(shape),
            Mistake.EXAMPLES_MISSING,
            f"only the {which} row of grad_output counts: {name} was used for all rows",
        )
    yield at.slip(
        name,
        full.sum() + torch.zeros_like(at[name]) if shape else full.sum(0),
        Mistake.WRONG_AXIS,
        "the sum runs over everything: only the places that share a number are collected"
        if shape
        else f"the sum runs over one axis only: {name} was used at every place",
    )
    for axis in range(full.dim()):
        if full.sum(axis).shape == shape and not torch.equal(full.sum(axis), full.sum_to_size(shape)):
            yield at.slip(
                name,
                full.sum(axis),
                Mistake.WRONG_AXIS,
                f"the sum runs along the axis of {name} itself, not along the one over which it was repeated",
            )
    yield at.slip(
        name,
        lambda: full.max(0).values.reshape(shape),
        Mistake.EXAMPLES_MISSING,
        f"only the largest of the gradients counts, though {name} was used for all rows",
    )


@slips("Divide")
def quotient(at: At) -> Iterator[Slip | None]:
    """A quotient: which of the two is below, how often, and with which sign."""
    x, y, grad, out = at["x"], at["y"], at.grad, at.out
    above: tuple[tuple[Tensor, Mistake, str], ...] = (
        (grad * y, Mistake.WRONG_FACTOR, "grad_output is multiplied with y, as for a product"),
        (grad / x, Mistake.WRONG_FACTOR, "grad_output is divided by x itself"),
        (
            grad / y**2,
            Mistake.EXTRA_FACTOR,
            "grad_output is divided by y twice: that belongs to the other input",
        ),
        (grad * x / y**2, Mistake.SWAPPED_GRADIENTS, "this is, but for the sign, the gradient of y"),
        (grad * out, Mistake.WRONG_FACTOR, "grad_output is multiplied with the quotient"),
        (grad + 1 / y, Mistake.EXTRA_TERM, "the local derivative is added to grad_output"),
        (grad / (x * y), Mistake.WRONG_FACTOR, "grad_output is divided by both inputs"),
        (grad * y / x, Mistake.WRONG_FACTOR, "grad_output is divided by the quotient"),
    )
    below: tuple[tuple[Tensor, Mistake, str], ...] = (
        (grad / y, Mistake.WRONG_SLOPE, "y is treated like x: but the quotient is no straight line in y"),
        (-grad / y, Mistake.WRONG_SLOPE, "x and a second y are missing: how steep is 1/y?"),
        (grad * x, Mistake.WRONG_SLOPE, "grad_output is multiplied with x, as for a product"),
        (-grad * x, Mistake.WRONG_SLOPE, "the minus is there, but nothing is divided by y"),
        (-grad / y**2, Mistake.MISSING_FACTOR, "this is the gradient of 1/y: x, which is above, is left out"),
        (
            -grad * out,
            Mistake.WRONG_SLOPE,
            "y divides once only: the square in the derivative of 1/y is missing",
        ),
        (grad * out, Mistake.WRONG_SLOPE, "the minus and the square in the derivative of 1/y are missing"),
        (-grad * out**2, Mistake.EXTRA_FACTOR, "x is squared along with y"),
        (-grad * x / y**3, Mistake.EXTRA_FACTOR, "y divides once too often"),
        (-grad / out, Mistake.WRONG_FACTOR, "grad_output is divided by the quotient"),
        (-grad * y / x**2, Mistake.WRONG_FACTOR, "x and y are exchanged in the derivative"),
        (
            grad * x * y.abs().log(),
            Mistake.WRONG_SLOPE,
            "the logarithm is the integral of 1/y, not its slope",
        ),
        (-grad * y, Mistake.WRONG_FACTOR, "grad_output is multiplied with y itself"),
    )
    for name, wrong in (("x", above), ("y", below)):
        for full, mistake, what in wrong:
            yield at.slip(name, full.sum_to_size(at[name].shape), mistake, what)
    yield from _collected(at, "x", at_each_place(x, lambda x: x / y, grad))
    yield from _collected(at, "y", at_each_place(y, lambda y: x / y, grad))


@slips("Max")
def maximum(at: At) -> Iterator[Slip | None]:
    """The larger input wins; how else students draw the mask."""
    x, y, grad, out = at["x"], at["y"], at.grad, at.out
    for name, other in (PAIR, PAIR[::-1]):
        yield from _of_maximum(at, name, other)
    for name, won in (("x", x > y), ("y", x < y)):
        for predicted, mistake, what in (
            (
                grad - (~won).to(grad),
                Mistake.WRONG_SLOPE,
                "only the 1 is multiplied with grad_output: parentheses are missing around 1 minus the mask",
            ),
            (
                1 - grad * ~won,
                Mistake.WRONG_SLOPE,
                "in 1 minus the mask, the 1 is not multiplied with grad_output",
            ),
            (
                grad * won * out,
                Mistake.EXTRA_FACTOR,
                "what passes is multiplied with the larger number itself",
            ),
        ):
            yield at.slip(name, predicted, mistake, what)


def _of_maximum(at: At, name: str, other: str) -> Iterator[Slip | None]:
    own, beside, grad, out = at[name], at[other], at.grad, at.out
    wins = own > beside
    yield at.slip(
        name, grad, Mistake.MASK_MISSING, "grad_output is handed on everywhere: no mask is applied", 0.9
    )
    for mask, what in (
        (~wins, f"{name} gets the gradient where {other} is the larger one: the mask is inverted"),
        (
            own > 0,
            f"the mask asks whether {name} is positive, as for a ReLU: forward compares {name} with {other}",
        ),
        (own < 0, f"the mask asks whether {name} is negative: forward compares {name} with {other}"),
        (beside > 0, f"the mask asks for the sign of {other}: forward compares {name} with {other}"),
        (out > 0, f"the mask asks for the sign of the output: forward compares {name} with {other}"),
        (grad > 0, f"the mask asks for the sign of grad_output: forward compares {name} with {other}"),
        (own.abs() > beside.abs(), f"the mask compares the sizes of {name} and {other} without their signs"),
        (own == own.max(), f"only the largest number in all of {name} gets a gradient"),
        (own > own.mean(), f"the mask compares {name} with its mean: forward compares it with {other}"),
    ):
        yield at.slip(name, grad * mask, Mistake.WRONG_MASK, what)
    for factor, mistake, what in (
        (
            torch.full_like(own, 0.5),
            Mistake.WRONG_MASK,
            "grad_output is shared out, half for each input: but a nudge of the smaller one changes nothing",
        ),
        (
            torch.where(wins, 1.0, -1.0),
            Mistake.WRONG_MASK,
            "the smaller input gets minus grad_output: but a nudge of it changes nothing",
        ),
        (own, Mistake.WRONG_FACTOR, f"grad_output is multiplied with {name}: no mask is drawn"),
        (out, Mistake.WRONG_FACTOR, "grad_output is multiplied with the output: no mask is drawn"),
        (beside, Mistake.WRONG_FACTOR, f"grad_output is multiplied with {other}, as for a product"),
    ):
        yield at.slip(name, grad * factor, mistake, what)
    yield at.slip(
        name,
        torch.maximum(own, grad),
        Mistake.LOCAL_DERIVATIVE_IGNORED,
        f"forward's maximum is taken of {name} and grad_output",
    )
    yield at.slip(name, out, Mistake.LOCAL_DERIVATIVE_IGNORED, "the output is handed back")


@slips("Copy")
def copied(at: At) -> Iterator[Slip | None]:
    """What several readers send back is collected; in which wrong ways."""
    grads = [grad for grad in at.grads if grad is not None]
    if len(grads) < len(at.grads) or len(grads) < 2:
        return
    stacked = torch.stack(grads)
    for predicted, mistake, what in (
        (
            stacked.mean(0),
            Mistake.MEAN_FOR_SUM,
            "the gradients of the readers are averaged: but each path brings its whole share",
        ),
        (
            stacked.prod(0),
            Mistake.WRONG_FACTOR,
            "the gradients of the readers are multiplied with each other",
        ),
        (grads[0] - grads[1], Mistake.SIGN, "the second reader's gradient is subtracted"),
        (grads[1] - grads[0], Mistake.SIGN, "the first reader's gradient is subtracted"),
        (
            len(grads) * grads[0],
            Mistake.PATH_LOST,
            "the first reader's gradient is counted for the others, too",
        ),
        (
            len(grads) * grads[-1],
            Mistake.PATH_LOST,
            "the last reader's gradient is counted for the others, too",
        ),
        (grads[0] + 2 * grads[1], Mistake.EXTRA_FACTOR, "the second reader's gradient is counted twice"),
        (2 * grads[0] + grads[1], Mistake.EXTRA_FACTOR, "the first reader's gradient is counted twice"),
        (stacked.max(0).values, Mistake.PATH_LOST, "only the larger gradient is kept: both paths count"),
        (stacked.square().sum(0).sqrt(), Mistake.WRONG_SLOPE, "the gradients are added as lengths are"),
        (
            stacked,
            Mistake.BROADCAST_NOT_REDUCED,
            "the gradients of the readers lie one upon the other, but are not collected into one",
        ),
        (
            torch.cat(grads) if grads[0].dim() else stacked,
            Mistake.BROADCAST_NOT_REDUCED,
            "the gradients of the readers stand one after the other: x has one gradient",
        ),
        (stacked.sum(), Mistake.WRONG_AXIS, "the sum runs over everything, not only over the readers"),
        (
            stacked.sum().expand_as(grads[0]),
            Mistake.WRONG_AXIS,
            "the sum runs over everything, not only over the readers",
        ),
        (stacked.sum(-1), Mistake.WRONG_AXIS, "the sum runs along a row, not over the readers"),
        (
            stacked.sum(1) if stacked.dim() > 1 else stacked,
            Mistake.WRONG_AXIS,
            "the sum runs over the examples, not over the readers",
        ),
        (
            stacked.sum(0) * at["x"],
            Mistake.EXTRA_FACTOR,
            "what arrives is multiplied with x: a copy has slope 1",
        ),
        (stacked.sum(0) + at["x"], Mistake.EXTRA_TERM, "x is added to what arrives"),
    ):
        yield at.slip("x", predicted, mistake, what)


@slips("CosineUnit")
def cosine_unit(at: At) -> Iterator[Slip | None]:
    """The chain rule with two derivatives: inner and outer, by the input and by the parameter."""
    x, theta, grad, out = at["x"], at["theta"], at.grad, at.out
    angle = theta * x
    wave, crossing = torch.cos(angle), torch.sin(angle)
    for outer, mistake, what in (
        (wave, Mistake.WRONG_SLOPE, "the cosine is left as it is: the outer derivative is missing"),
        (-wave, Mistake.WRONG_SLOPE, "the cosine got a minus, but is left a cosine"),
        (out, Mistake.WRONG_SLOPE, "the output stands in place of the outer derivative"),
        (-torch.sin(x), Mistake.WRONG_SLOPE, "the outer derivative is taken at x, without the theta inside"),
        (
            torch.sin(x),
            Mistake.WRONG_SLOPE,
            "the outer derivative is taken at x, without theta and the minus",
        ),
        (-torch.sin(theta), Mistake.WRONG_SLOPE, "the outer derivative is taken at theta, without x"),
        (
            -torch.sin(theta + x),
            Mistake.WRONG_SLOPE,
            "the outer derivative is taken at the sum of theta and x",
        ),
        (-torch.sin(out), Mistake.OUTPUT_FOR_INPUT, "the outer derivative is taken at the output"),
        (-torch.sin(wave), Mistake.OUTPUT_FOR_INPUT, "the outer derivative is taken at the cosine"),
        (-torch.sin(grad), Mistake.WRONG_FACTOR, "the outer derivative is taken at grad_output"),
        (
            torch.ones_like(x),
            Mistake.STEP_LEFT_OUT,
            "only the inner derivative is there: the cosine is skipped",
        ),
        (
            -torch.ones_like(x),
            Mistake.STEP_LEFT_OUT,
            "only the inner derivative is there: the cosine is skipped",
        ),
        (
            torch.pi - crossing,
            Mistake.EXTRA_TERM,
            "the constant π is kept: a constant has no part in a slope",
        ),
        (1 - crossing, Mistake.EXTRA_TERM, "the constant is differentiated to 1: it adds nothing to a slope"),
    ):
        yield at.slip("x", grad * outer * theta, mistake, what)
        yield at.slip("theta", (grad * outer * x).sum(), mistake, what)
    for sign, also in ((-1, ""), (1, ", and the minus as well")):
        outer = sign * crossing
        yield at.slip(
            "x", grad * outer, Mistake.MISSING_FACTOR, f"the inner derivative by x is left out{also}"
        )
        yield at.slip(
            "x",
            grad * outer * x,
            Mistake.WRONG_FACTOR,
            f"this is the inner derivative by theta{also}, not by x",
        )
        yield at.slip(
            "x",
            grad * outer * angle,
            Mistake.EXTRA_FACTOR,
            f"both theta and x are taken for inner derivative{also}",
        )
        yield at.slip(
            "x",
            grad * outer * theta**2,
            Mistake.EXTRA_FACTOR,
            f"the inner derivative is multiplied twice{also}",
        )
        yield at.slip("x", outer * theta, Mistake.UPSTREAM_IGNORED, f"grad_output is not used{also}")
        for inner, mistake, what in (
            (torch.ones_like(x), Mistake.MISSING_FACTOR, "the inner derivative by theta is left out"),
            (theta, Mistake.WRONG_FACTOR, "this is the inner derivative by x, not by theta"),
            (angle, Mistake.EXTRA_FACTOR, "both theta and x are taken for inner derivative"),
            (x**2, Mistake.EXTRA_FACTOR, "the inner derivative is multiplied twice"),
            (
                x.mean(),
                Mistake.MISPLACED_FACTOR,
                "x is averaged before it is multiplied: each x has its own factor",
            ),
        ):
            yield at.slip("theta", (grad * outer * inner).sum(), mistake, what + also)
        yield at.slip("theta", (outer * x).sum(), Mistake.UPSTREAM_IGNORED, f"grad_output is not used{also}")
        yield from _of_theta(at, outer, also)
    yield at.slip(
        "x",
        torch.pi - grad * crossing * theta,
        Mistake.EXTRA_TERM,
        "the constant π is added: a constant has no part in a slope",
    )
    yield at.slip(
        "x",
        at.gradient_of("x", lambda x: torch.cos(theta * x)).sum(),
        Mistake.WRONG_AXIS,
        "the sum belongs to theta: each x has its own gradient",
    )


def _of_theta(at: At, outer: Tensor, also: str) -> Iterator[Slip | None]:
    x, grad = at["x"], at.grad
    each = f"each x has its own product{also}"
    slope = outer * x
    for predicted, mistake, what in (
        (
            grad.sum() * slope.sum(),
            Mistake.MISPLACED_FACTOR,
            f"sums are multiplied where products are summed: {each}",
        ),
        (
            grad.mean() * slope.sum(),
            Mistake.MISPLACED_FACTOR,
            f"grad_output is averaged before the product: {each}",
        ),
        (
            grad.sum() * slope.mean(),
            Mistake.MISPLACED_FACTOR,
            f"the slopes are averaged before the product: {each}",
        ),
        (
            slope.mean(),
            Mistake.UPSTREAM_IGNORED,
            f"the slopes are averaged, and grad_output is not used{also}",
        ),
        ((grad * outer).sum() * x.sum(), Mistake.MISPLACED_FACTOR, f"x is summed before the product: {each}"),
        (
            (grad * slope).mean(),
            Mistake.MEAN_FOR_SUM,
            f"the shares of all x are averaged: theta is used by every one of them{also}",
        ),
        (
            (grad * slope).reshape(-1)[0],
            Mistake.EXAMPLES_MISSING,
            f"only the first x counts: theta is used by all{also}",
        ),
        (
            (grad * slope).reshape(-1)[-1],
            Mistake.EXAMPLES_MISSING,
            f"only the last x counts: theta is used by all{also}",
        ),
    ):
        yield at.slip("theta", predicted, mistake, what)
    if x.dim() > 1:
        yield at.slip(
            "theta",
            (grad * slope)[0].sum(),
            Mistake.EXAMPLES_MISSING,
            f"only the first row counts: theta is used by all{also}",
        )
        yield at.slip(
            "theta",
            (grad * slope)[-1].sum(),
            Mistake.EXAMPLES_MISSING,
            f"only the last row counts: theta is used by all{also}",
        )
        yield at.slip(
            "theta",
            (grad * slope).mean(0).sum(),
            Mistake.MEAN_FOR_SUM,
            f"the shares of the examples are averaged: theta is used by every one of them{also}",
        )


@slips("Exp")
def exponential(at: At) -> Iterator[Slip | None]:
    """Exp treated as a power, or as its inverse."""
    x = at["x"]
    yield from slopes(
        at,
        torch.exp,
        (
            x * torch.exp(x - 1),
            Mistake.WRONG_SLOPE,
            "exp is differentiated like a power: the exponent comes down",
        ),
        (
            x * torch.exp(x),
            Mistake.WRONG_SLOPE,
            "exp is differentiated like a power: the exponent comes down",
        ),
        (torch.exp(-x), Mistake.SIGN, "the exponent has the wrong sign"),
    )
    yield from any_function(at, torch.exp)


@slips("Log")
def logarithm(at: At) -> Iterator[Slip | None]:
    """The logarithm's slope at the wrong place, or turned over."""
    x, out = at["x"], at.out
    yield from slopes(
        at,
        torch.log,
        (1 / out, Mistake.OUTPUT_FOR_INPUT, "grad_output is divided by the output, not by what forward read"),
        (
            1 / x**2,
            Mistake.WRONG_SLOPE,
            "this is how fast the slope changes: the derivative is taken once more",
        ),
        (torch.exp(x), Mistake.WRONG_SLOPE, "this is the inverse function, not the slope"),
        (torch.exp(out), Mistake.WRONG_FACTOR, "grad_output is multiplied with x, where it is to be divided"),
    )
    yield from softened(at, "x", lambda small: at.grad / (x + small))
    yield from any_function(at, torch.log)


@slips("Sqrt")
def square_root(at: At) -> Iterator[Slip | None]:
    """The root's slope: the half, the place, the parentheses."""
    x, out = at["x"], at.out
    yield from slopes(
        at,
        torch.sqrt,
        (
            out / 2,
            Mistake.WRONG_SLOPE,
            "the result is multiplied with the root: parentheses below the line are missing",
        ),
        (2 / out, Mistake.WRONG_FACTOR, "the 2 stands on the wrong side of the fraction"),
        (1 / out, Mistake.MISSING_FACTOR, "the exponent, a half, does not come down as a factor"),
        (0.5 / x, Mistake.INPUT_FOR_OUTPUT, "x stands below the line, not its root"),
        (-0.5 / out, Mistake.SIGN, "the sign is wrong: the root rises"),
        (-0.5 / out**3, Mistake.WRONG_SLOPE, "the exponent is lowered once too often"),
        (0.5 / out.sqrt(), Mistake.OUTPUT_FOR_INPUT, "the root is taken twice"),
        (2 * x, Mistake.WRONG_SLOPE, "this is the slope of the square, the inverse function"),
    )
    yield from softened(at, "x", lambda small: at.grad / (2 * out + small))
    yield from softened(at, "x", lambda small: at.grad / (2 * (out + small)))
    yield from softened(at, "x", lambda small: at.grad / (2 * torch.sqrt(x + small)))
    yield from any_function(at, torch.sqrt)


@slips("Square")
def square(at: At) -> Iterator[Slip | None]:
    """The square's slope: the exponent that comes down."""
    x, out, grad = at["x"], at.out, at.grad
    yield from slopes(
        at,
        torch.square,
        (x, Mistake.MISSING_FACTOR, "the exponent does not come down as a factor"),
        (torch.full_like(x, 2), Mistake.MISSING_FACTOR, "the exponent came down, but x is gone"),
        (2 * out, Mistake.WRONG_SLOPE, "the exponent is not lowered"),
        (2 * x.abs(), Mistake.SIGN, "the sign of x is lost: the parabola falls on the left"),
        (x / 2, Mistake.WRONG_FACTOR, "the exponent stands below the line"),
        (2 + x, Mistake.WRONG_SLOPE, "the exponent is added to x"),
        (x**3 / 3, Mistake.WRONG_SLOPE, "this is the integral of the square, not its slope"),
    )
    yield at.slip("x", 2 * x + grad, Mistake.EXTRA_TERM, "the local derivative is added to grad_output")
    yield from any_function(at, torch.square)


@slips("Reciprocal")
def reciprocal(at: At) -> Iterator[Slip | None]:
    """The slope of 1/x: the minus, the square, and of what."""
    x, out = at["x"], at.out
    yield from slopes(
        at,
        torch.reciprocal,
        (-out, Mistake.WRONG_SLOPE, "the minus is there, but the power is not one lower"),
        (-x, Mistake.WRONG_SLOPE, "grad_output is multiplied with x, with a minus"),
        (-(x**2), Mistake.WRONG_SLOPE, "the square stands above the line"),
        (x**2, Mistake.WRONG_SLOPE, "the square stands above the line, and the minus is missing"),
        (-2 * out**3, Mistake.WRONG_SLOPE, "the derivative is taken twice"),
        (x.abs().log(), Mistake.WRONG_SLOPE, "this is the integral of 1/x, not its slope"),
        (-2 * out, Mistake.WRONG_SLOPE, "a 2 is multiplied where a square belongs"),
        (-0.5 * out, Mistake.WRONG_SLOPE, "x is doubled where it is to be squared"),
        (-(out**3), Mistake.EXTRA_FACTOR, "x divides once too often"),
    )
    yield from softened(at, "x", lambda small: -at.grad / (x**2 + small))
    yield from softened(at, "x", lambda small: -at.grad / (x + small) ** 2)
    yield from any_function(at, torch.reciprocal)


@slips("Power")
def power(at: At) -> Iterator[Slip | None]:
    """The power rule, with an exponent that does not come down or is not lowered."""
    x, n = at["x"], at.module.exponent
    lowered, out = torch.pow(x, n - 1), at.out
    yield from slopes(
        at,
        lambda x: torch.pow(x, n),
        (lowered, Mistake.MISSING_FACTOR, "the exponent does not come down as a factor"),
        (n * out, Mistake.WRONG_SLOPE, "the exponent is not lowered"),
        ((n - 1) * lowered, Mistake.WRONG_FACTOR, "the exponent comes down after it was lowered"),
        ((n - 1) * out, Mistake.WRONG_FACTOR, "the factor is lowered, not the exponent"),
        (n * torch.pow(x, n + 1), Mistake.WRONG_SLOPE, "the exponent is raised by one"),
        (n * x, Mistake.WRONG_SLOPE, "the power is gone: x is multiplied with the exponent"),
        (
            out * x.abs().log(),
            Mistake.WRONG_SLOPE,
            "this is how the power changes with its exponent, not with x",
        ),
        (torch.full_like(x, n), Mistake.MISSING_FACTOR, "the exponent came down, but x is gone"),
        (
            n * (out - 1),
            Mistake.WRONG_SLOPE,
            "parentheses are missing around n − 1: 1 is taken from the power",
        ),
        (
            n * out - 1,
            Mistake.WRONG_SLOPE,
            "parentheses are missing around n − 1: 1 is taken from the product",
        ),
        (out - 1, Mistake.WRONG_SLOPE, "parentheses are missing around n − 1, and n does not come down"),
    )
    yield from any_function(at, lambda x: torch.pow(x, n))


@slips("Sin")
def sine(at: At) -> Iterator[Slip | None]:
    """The sine's slope, mixed up with the cosine's."""
    x = at["x"]
    yield from slopes(
        at,
        torch.sin,
        (-torch.sin(x), Mistake.WRONG_SLOPE, "this is the slope of the cosine: sine and cosine are mixed up"),
        (torch.cos(x) * x, Mistake.EXTRA_FACTOR, "x is multiplied as if there were an inner derivative"),
    )
    yield from any_function(at, torch.sin)


@slips("Cos")
def cosine(at: At) -> Iterator[Slip | None]:
    """The cosine's slope, mixed up with the sine's."""
    x = at["x"]
    yield from slopes(
        at,
        torch.cos,
        (-torch.cos(x), Mistake.WRONG_SLOPE, "the cosine got a minus, but is left a cosine"),
    )
    yield from any_function(at, torch.cos)


@slips("Negate")
def negation(at: At) -> Iterator[Slip | None]:
    """A line that falls."""
    yield at.slip("x", -at["x"], Mistake.LOCAL_DERIVATIVE_IGNORED, "the negated input is handed back")
    yield from any_function(at, torch.neg)


@slips("Abs")
def absolute(at: At) -> Iterator[Slip | None]:
    """A kink at 0, with a slope on either side."""
    x = at["x"]
    yield from slopes(
        at,
        torch.abs,
        (
            (x > 0).to(x),
            Mistake.WRONG_MASK,
            "the left branch gets nothing, as for a ReLU: but |x| falls there",
        ),
        ((x < 0).to(x), Mistake.WRONG_MASK, "only the left branch gets a gradient"),
        (-(x > 0).to(x), Mistake.WRONG_MASK, "only the right branch gets a gradient, with a minus"),
        (torch.where(x > 0, 1.0, x), Mistake.WRONG_FACTOR, "on the left, x itself is taken for the slope"),
    )
    yield from any_function(at, torch.abs)


@slips("Identity")
def identity(at: At) -> Iterator[Slip | None]:
    """Nothing happens; what is done nevertheless."""
    yield from any_function(at, lambda x: x * 1)
