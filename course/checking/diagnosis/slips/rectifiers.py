"""Wrong formulas for activations with branches: which mask chooses, and what comes back from each branch."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from course.checking.diagnosis.mistakes import Mistake
from course.checking.diagnosis.slips.at import At, Slip, slips
from course.checking.diagnosis.slips.elementwise import Function, any_function, any_mask, at_each_place

USUAL_SLOPES = (0.01, 0.1, 0.2, 0.25, 0.3)
"""What a leak is often set to."""


@slips("ReLU")
def relu(at: At) -> Iterator[Slip | None]:
    """A mask of two branches, and what students multiply or put there instead."""
    x, out, grad = at["x"], at.out, at.grad
    yield from _of_relu(at, x, out, grad)
    yield from any_mask(at, x > 0, lambda x: x, torch.zeros_like)
    yield from any_function(at, torch.relu)


def _of_relu(at: At, x: Tensor, out: Tensor, grad: Tensor) -> Iterator[Slip | None]:
    right = x > 0
    for predicted, mistake, what in (
        (
            grad * out,
            Mistake.WRONG_FACTOR,
            "grad_output is multiplied with the output: the slope of each branch is asked for, not its value",
        ),
        (
            grad * x,
            Mistake.WRONG_FACTOR,
            "grad_output is multiplied with x: the slope of each branch is asked for",
        ),
        (
            grad * x.sign(),
            Mistake.WRONG_MASK,
            "the sign of x is multiplied: where x is negative, minus grad_output comes "
            "back, though the output does not move there",
        ),
        (grad * x.abs(), Mistake.WRONG_FACTOR, "grad_output is multiplied with the size of x"),
        (grad, Mistake.MASK_MISSING, "grad_output is handed on everywhere: no mask is applied"),
        (
            torch.relu(grad),
            Mistake.WRONG_MASK,
            "forward is applied to grad_output: the mask asks for the sign of what "
            "comes back, not of what went in",
        ),
        (torch.where(right, grad, x), Mistake.WRONG_FACTOR, "x itself is handed back where it is negative"),
        (torch.where(right, grad, 1.0), Mistake.WRONG_FACTOR, "1 is handed back where x is negative"),
        (torch.where(right, grad, -1.0), Mistake.WRONG_FACTOR, "−1 is handed back where x is negative"),
        (
            torch.where(right, x, 0.0),
            Mistake.LOCAL_DERIVATIVE_IGNORED,
            "forward is run again: the output comes back",
        ),
        (
            torch.where(right, x, grad),
            Mistake.WRONG_FACTOR,
            "x is handed back where it is positive, and grad_output elsewhere",
        ),
        (
            torch.where(right, x + grad, 0.0),
            Mistake.EXTRA_TERM,
            "x is added to grad_output where the mask is open",
        ),
        (
            torch.where(right, grad, 0.01 * grad),
            Mistake.OTHER_FORMULA,
            "this is the gradient of a leaky ReLU",
        ),
        (
            torch.where(right, grad, grad / 2),
            Mistake.WRONG_MASK,
            "half of grad_output passes where x is negative",
        ),
        (torch.maximum(x, grad), Mistake.WRONG_FACTOR, "the larger of x and grad_output is taken"),
        (torch.minimum(x, grad), Mistake.WRONG_FACTOR, "the smaller of x and grad_output is taken"),
        (grad + right, Mistake.EXTRA_TERM, "the mask is added to grad_output, not multiplied"),
        (grad - right.double(), Mistake.EXTRA_TERM, "the mask is subtracted from grad_output"),
        (
            grad * (1 - right.double()),
            Mistake.WRONG_MASK,
            "the mask is inverted: what passed in forward is stopped",
        ),
        (-grad * ~right, Mistake.WRONG_MASK, "the mask is inverted, and the sign turned"),
        (torch.relu(x * grad), Mistake.WRONG_MASK, "the rectifier is applied to x times grad_output"),
        (
            torch.sigmoid(x) * grad,
            Mistake.OTHER_FORMULA,
            "this is the gradient of softplus, a smooth relative",
        ),
        ((~right).double(), Mistake.WRONG_MASK, "the mask is inverted, and grad_output is not used"),
    ):
        yield at.slip("x", predicted, mistake, what)


@slips("LeakyReLU")
def leaky_relu(at: At) -> Iterator[Slip | None]:
    """Two branches: what is handed back from each, and which mask chooses."""
    slope = at.module.negative_slope
    yield from _of_leaky(at, torch.as_tensor(slope, dtype=torch.float64), "the negative slope")
    yield from any_function(at, lambda x: F.leaky_relu(x, slope))


def _of_leaky(at: At, leak: Tensor, called: str) -> Iterator[Slip | None]:
    """The gradient of x with one leak, or one for each channel."""
    yield from _branches(at, leak, called)
    yield from any_mask(at, at["x"] > 0, lambda x: x, lambda x: leak * x)


def _branches(at: At, leak: Tensor, called: str) -> Iterator[Slip | None]:
    x, out, grad = at["x"], at.out, at.grad
    right, left = x > 0, "where x is negative"
    steep, shallow = (at.gradient_of("x", branch) for branch in (lambda x: 1 * x, lambda x: leak * x))
    for closed, mistake, what in (
        (
            torch.zeros_like(x),
            Mistake.PATH_LOST,
            f"{left}, nothing comes back, as for a ReLU: {called} is left out",
        ),
        (grad, Mistake.MASK_MISSING, f"grad_output is handed on everywhere: {called} is left out"),
        (
            leak * x,
            Mistake.WRONG_FACTOR,
            f"{left}, forward's value comes back: {called} times x, without grad_output",
        ),
        (leak + 0 * x, Mistake.UPSTREAM_IGNORED, f"{left}, {called} alone comes back, without grad_output"),
        (x, Mistake.WRONG_FACTOR, f"{left}, x itself comes back"),
        (-shallow, Mistake.SIGN, f"{left}, the sign is wrong: {called} says how steep, and which way"),
        (-grad, Mistake.WRONG_MASK, f"{left}, minus grad_output comes back, as for |x|"),
        (grad / leak, Mistake.WRONG_FACTOR, f"{left}, grad_output is divided by {called}"),
        (grad + leak, Mistake.EXTRA_TERM, f"{left}, {called} is added to grad_output"),
        (grad - leak, Mistake.EXTRA_TERM, f"{left}, {called} is subtracted from grad_output"),
        ((1 - leak) * grad, Mistake.WRONG_FACTOR, f"{left}, 1 minus {called} is multiplied"),
        ((1 + leak) * grad, Mistake.EXTRA_TERM, f"{left}, grad_output itself is added"),
        (leak**2 * grad, Mistake.EXTRA_FACTOR, f"{left}, {called} is multiplied twice"),
        (
            leak * x * grad,
            Mistake.EXTRA_FACTOR,
            f"{left}, x is multiplied as well: the branch is a straight line",
        ),
        (x * grad, Mistake.WRONG_FACTOR, f"{left}, grad_output is multiplied with x, not with {called}"),
        (leak.abs() * grad, Mistake.SIGN, f"{left}, the sign of {called} is lost"),
    ):
        yield at.slip("x", torch.where(right, steep, closed), mistake, what)
    for opened, closed, mistake, what in (
        (
            grad + shallow,
            shallow,
            Mistake.EXTRA_TERM,
            f"{called} counts on both sides: it is added where x is positive, too",
        ),
        (shallow, shallow, Mistake.MASK_MISSING, f"{called} is multiplied everywhere"),
        (shallow, grad, Mistake.WRONG_MASK, "the two branches are exchanged"),
        (
            torch.ones_like(x),
            shallow,
            Mistake.UPSTREAM_IGNORED,
            "where x is positive, 1 comes back, without grad_output",
        ),
        (x, shallow, Mistake.WRONG_FACTOR, "where x is positive, x itself comes back"),
        (x * grad, shallow, Mistake.EXTRA_FACTOR, "where x is positive, x is multiplied as well"),
        (torch.zeros_like(x), shallow, Mistake.PATH_LOST, "where x is positive, nothing comes back"),
        ((1 - leak) * grad, shallow, Mistake.EXTRA_TERM, f"{called} is subtracted where x is positive"),
        (torch.zeros_like(x), grad, Mistake.WRONG_MASK, f"the mask is inverted, and {called} is left out"),
        (x, leak * x, Mistake.LOCAL_DERIVATIVE_IGNORED, "forward is run again: the output comes back"),
        (
            grad * x,
            shallow * x,
            Mistake.WRONG_FACTOR,
            "grad_output is multiplied with the output, not with a slope",
        ),
    ):
        yield at.slip("x", torch.where(right, opened, closed), mistake, what)
    yield at.slip(
        "x",
        torch.maximum(grad, shallow),
        Mistake.WRONG_MASK,
        "forward is applied to grad_output: the mask "
        "asks for the sign of what comes back, not of what went in",
    )
    yield at.slip(
        "x",
        torch.where(out > leak, grad, shallow),
        Mistake.WRONG_MASK,
        f"the mask compares the output with {called}",
    )
    yield at.slip(
        "x",
        torch.where(x > leak, grad, shallow),
        Mistake.WRONG_MASK,
        f"the mask compares x with {called}",
    )
    for usual in USUAL_SLOPES:
        yield at.slip(
            "x",
            torch.where(right, steep, usual * grad),
            Mistake.WRONG_FACTOR,
            f"{left}, a fixed number is multiplied: ask the module for {called}",
            key="fixed slope",
        )


@slips("PReLU")
def prelu(at: At) -> Iterator[Slip | None]:
    """A leak that is learned: which elements count, and over what they are collected."""
    x, grad, weight = at["x"], at.grad, at["weight"]
    channel = min(1, x.dim() - 1)
    view = [-1 if axis == channel else 1 for axis in range(x.dim())]

    def shared(contributions: Tensor) -> Tensor:
        """What all elements contribute to the slopes that they share."""
        return at.gradient_of("weight", lambda w: w.view(view) * contributions, torch.ones_like(grad))

    yield from _of_leaky(at, weight.detach().view(view), "the learned slope")
    yield from _of_learned(at, x, grad, weight.detach().view(view), shared)


def _of_learned(at: At, x: Tensor, grad: Tensor, leak: Tensor, shared: Function) -> Iterator[Slip | None]:
    closed = x <= 0
    for contributions, mistake, what in (
        (grad * closed, Mistake.MISSING_FACTOR, "x is left out: the slope is multiplied with it in forward"),
        (grad * x, Mistake.MASK_MISSING, "all elements count: those with positive x do not meet the slope"),
        (
            grad * x * ~closed,
            Mistake.WRONG_MASK,
            "the elements with positive x count: they do not meet the slope",
        ),
        (x * closed, Mistake.UPSTREAM_IGNORED, "grad_output is not used"),
        (grad * x.abs() * closed, Mistake.SIGN, "the sign of x is lost"),
        (grad * leak * x * closed, Mistake.EXTRA_FACTOR, "the slope itself is still a factor"),
        (
            grad * leak * closed,
            Mistake.WRONG_FACTOR,
            "the slope itself is multiplied, not its neighbor in the product",
        ),
        (
            grad * (x < 0) * (grad < 0) * x,
            Mistake.WRONG_MASK,
            "the mask also asks for the sign of grad_output",
        ),
        (grad * x * (grad < 0), Mistake.WRONG_MASK, "the mask asks for the sign of grad_output"),
        (grad, Mistake.MISSING_FACTOR, "grad_output is summed everywhere: mask and x are left out"),
        (x, Mistake.UPSTREAM_IGNORED, "x is summed everywhere: mask and grad_output are left out"),
        (
            closed.double(),
            Mistake.UPSTREAM_IGNORED,
            "the elements are counted: x and grad_output are left out",
        ),
        (grad * at.out, Mistake.WRONG_FACTOR, "grad_output is multiplied with the output"),
        (
            grad * torch.relu(x),
            Mistake.WRONG_MASK,
            "the elements with positive x count: they do not meet the slope",
        ),
        (grad * x**2 * closed, Mistake.EXTRA_FACTOR, "x is multiplied twice"),
    ):
        yield at.slip("weight", shared(contributions), mistake, what)
    each = at_each_place(leak, lambda leak: torch.where(closed, leak * x, x), grad)
    total = shared(each)
    for predicted, mistake, what in (
        (each, Mistake.BROADCAST_NOT_REDUCED, "the elements are not collected: they share a slope"),
        (each.sum(), Mistake.WRONG_AXIS, "the elements are collected over everything"),
        (
            each.sum().expand_as(total),
            Mistake.WRONG_AXIS,
            "the elements are collected over everything: each channel has a slope of its own",
        ),
        (
            each.mean().expand_as(total),
            Mistake.MEAN_FOR_SUM,
            "the elements are averaged: each adds its whole share",
        ),
        (each.sum(0), Mistake.WRONG_AXIS, "the elements are collected over the first axis only"),
        (
            each.mean(0),
            Mistake.MEAN_FOR_SUM,
            "the elements are averaged over the first axis: each adds its share",
        ),
        (each.sum(-1), Mistake.WRONG_AXIS, "the elements are collected along the last axis"),
        (
            shared(each) * len(total) / each.numel(),
            Mistake.MEAN_FOR_SUM,
            "the elements are averaged: each adds its whole share",
        ),
        (
            total.sum().expand_as(total),
            Mistake.WRONG_AXIS,
            "the channels are added up: each has a slope of its own",
        ),
    ):
        yield at.slip("weight", predicted, mistake, what)
    if x.dim() > 1:
        only = torch.zeros_like(x)
        only[0] = 1
        yield at.slip(
            "weight",
            shared(each * only),
            Mistake.EXAMPLES_MISSING,
            "only the first example counts: the slope is used by all",
        )
        only = only.flip(0)
        yield at.slip(
            "weight",
            shared(each * only),
            Mistake.EXAMPLES_MISSING,
            "only the last example counts: the slope is used by all",
        )
        yield at.slip(
            "weight",
            shared(each) / len(x),
            Mistake.MEAN_FOR_SUM,
            "the examples are averaged: each adds its whole share",
        )


@slips("ELU", "SELU")
def elu(at: At) -> Iterator[Slip | None]:
    """A line on the right, an exponential on the left: what comes back from each."""
    selu = not hasattr(at.module, "alpha")
    # SELU's two numbers, from equation 14 of its paper
    alpha, scale = (1.6732632423543772, 1.0507009873554805) if selu else (at.module.alpha, 1.0)

    def function(x: Tensor) -> Tensor:
        return scale * torch.where(x > 0, x, alpha * (torch.exp(x) - 1))

    yield from _of_elu(at, alpha, scale)
    yield from any_mask(at, at["x"] > 0, lambda x: scale * x, lambda x: scale * alpha * torch.exp(x))
    yield from any_function(at, function)


def _of_elu(at: At, alpha: float, scale: float) -> Iterator[Slip | None]:
    x, grad = at["x"], at.grad
    right, e, left = x > 0, torch.exp(x), "where x is negative"
    line, curve = scale * grad, scale * grad * alpha
    for closed, mistake, what in (
        (
            curve * (e - 1),
            Mistake.WRONG_SLOPE,
            f"{left}, forward's value is multiplied: its −1 adds no slope",
        ),
        (
            line * (scale * alpha * (e - 1) + 1),
            Mistake.WRONG_SLOPE,
            f"{left}, 1 is added to the output, whatever α is",
        ),
        (line * e, Mistake.MISSING_FACTOR, f"{left}, α is left out"),
        (curve, Mistake.MISSING_FACTOR, f"{left}, exp is left out: the curve is taken for a line"),
        (torch.zeros_like(x), Mistake.PATH_LOST, f"{left}, nothing comes back, as for a ReLU"),
        (line, Mistake.MASK_MISSING, f"{left}, the slope of the other branch is used"),
        (curve * x, Mistake.WRONG_SLOPE, f"{left}, x is multiplied, not exp"),
        (
            grad * (x + scale * alpha),
            Mistake.INPUT_FOR_OUTPUT,
            f"{left}, the slope is the output plus α: here x stands in the output's place",
        ),
        (
            grad * (at.out - scale * alpha),
            Mistake.SIGN,
            f"{left}, the slope is the output plus α: here α is subtracted",
        ),
        (grad * at.out, Mistake.WRONG_SLOPE, f"{left}, the slope is the output plus α: here α is left out"),
        (
            line * (at.out + alpha),
            Mistake.EXTRA_FACTOR,
            f"{left}, λ multiplies the output and α: the output has it in it already, α has not",
        ),
        (grad * (at.out + alpha), Mistake.MISSING_FACTOR, f"{left}, α is added to the output without its λ"),
        (curve * e * x, Mistake.EXTRA_FACTOR, f"{left}, x is multiplied as well"),
        (curve * torch.exp(-x), Mistake.SIGN, f"{left}, the exponent has the wrong sign"),
        (-curve * e, Mistake.SIGN, f"{left}, the sign is wrong: the curve rises everywhere"),
        (scale * alpha * e, Mistake.UPSTREAM_IGNORED, f"{left}, grad_output is not used"),
        (curve * e - 1, Mistake.EXTRA_TERM, f"{left}, forward's −1 is kept: a constant adds no slope"),
        (
            line * (e - 1),
            Mistake.WRONG_SLOPE,
            f"{left}, exp − 1 is multiplied, without α: its −1 adds no slope",
        ),
        (curve * torch.exp(at.out), Mistake.OUTPUT_FOR_INPUT, f"{left}, exp is taken of the output"),
        (curve * x * torch.exp(x - 1), Mistake.WRONG_SLOPE, f"{left}, exp is differentiated like a power"),
        (line * e / alpha, Mistake.WRONG_FACTOR, f"{left}, α divides"),
        (curve * alpha * e, Mistake.EXTRA_FACTOR, f"{left}, α is multiplied twice"),
    ):
        yield at.slip("x", torch.where(right, line, closed), mistake, what)
    for opened, mistake, what in (
        (curve * e, Mistake.MASK_MISSING, "the exponential's slope is used for all x: no branch is chosen"),
        (torch.zeros_like(x), Mistake.PATH_LOST, "where x is positive, nothing comes back"),
        (torch.full_like(x, scale), Mistake.UPSTREAM_IGNORED, "where x is positive, grad_output is not used"),
        (line * x, Mistake.EXTRA_FACTOR, "where x is positive, x is multiplied as well"),
        (curve, Mistake.EXTRA_FACTOR, "where x is positive, α is multiplied, too"),
        (grad, Mistake.MISSING_FACTOR, "where x is positive, λ is left out"),
    ):
        yield at.slip("x", torch.where(right, opened, curve * e), mistake, what)
    for opened, closed, mistake, what in (
        (grad, grad * alpha * e, Mistake.MISSING_FACTOR, "λ is left out: it stands before both branches"),
        (curve * e, line, Mistake.WRONG_MASK, "the two branches are exchanged"),
        (line, grad * alpha * e, Mistake.MISSING_FACTOR, f"{left}, λ is left out"),
    ):
        yield at.slip("x", torch.where(right, opened, closed), mistake, what)


@slips("Hardtanh", "ReLU6")
def clipped(at: At) -> Iterator[Slip | None]:
    """A line between two ends: which of them the mask knows."""
    x, grad = at["x"], at.grad
    low, high = getattr(at.module, "min_val", 0.0), getattr(at.module, "max_val", 6.0)
    inside, mask = (low < x) & (x < high), Mistake.WRONG_MASK
    wrong = [
        (grad * (x < high), mask, "the lower end is left out of the mask"),
        (grad * (x > low), mask, "the upper end is left out of the mask"),
        (grad * ~inside, mask, "the mask is inverted: what was cut off in forward passes"),
        (grad * (x.abs() < high), mask, "the mask compares the size of x with the upper end only"),
        (grad * ((x > 0) & (x < high)), mask, "the lower end of the mask is 0"),
        (grad * ((x > -1) & (x < 1)), mask, "the ends of the mask are −1 and 1: ask the module for them"),
        (grad * (at.out > 0), mask, "the mask asks for the sign of the output"),
        (grad * ((low < grad) & (grad < high)), mask, "the mask asks for the size of grad_output"),
        (grad.clamp(low, high), mask, "forward is applied to grad_output: it is cut off where it is large"),
        (
            grad * at.out,
            Mistake.WRONG_FACTOR,
            "grad_output is multiplied with the output: a slope is asked for",
        ),
        (torch.where(inside, grad, at.out), Mistake.WRONG_FACTOR, "outside, the end itself comes back"),
        (
            torch.where(inside, grad, grad * at.out.sign()),
            mask,
            "outside, plus or minus grad_output comes back",
        ),
        (torch.where(inside, x, 0.0), Mistake.WRONG_FACTOR, "inside, x itself comes back"),
    ]
    yield at.slip(
        "x",
        grad,
        Mistake.MASK_MISSING,
        "grad_output passes everywhere: no mask is applied, or its two comparisons are joined by “or”",
        0.96,
    )
    slips_of_it = (at.slip("x", predicted, mistake, what) for predicted, mistake, what in wrong)
    yield from slips_of_it
    yield from any_function(at, lambda x: x.clamp(low, high))


@slips("NoisyReLU")
def noisy_relu(at: At) -> Iterator[Slip | None]:
    """The mask, with or without the noise."""
    x, out, grad = at["x"], at.out, at.grad
    wrong = [
        (
            grad * (x > 0),
            Mistake.WRONG_MASK,
            "the mask asks for the sign of x, without the noise that was added to it",
        ),
        (grad * (out <= 0), Mistake.WRONG_MASK, "the mask is inverted"),
        (grad * out, Mistake.WRONG_FACTOR, "grad_output is multiplied with the output: a slope is asked for"),
        (grad * (grad > 0), Mistake.WRONG_MASK, "the mask asks for the sign of grad_output"),
    ]
    slips_of_it = (at.slip("x", predicted, mistake, what) for predicted, mistake, what in wrong)
    yield from slips_of_it
