"""Slips with any local derivative, whatever the function: added, divided, taken twice, masked."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from course.checking.diagnosis.mistakes import Mistake
from course.checking.diagnosis.slips.at import At, Formula, Slip

Wrong = tuple[Tensor, Mistake, str]
"""A wrong slope, what kind of mistake it is, and what was computed."""

Function = Callable[[Tensor], Tensor]
"""An elementwise forward."""


def two_at_once(
    at: At, tensor: str, predicted: Formula, mistake: Mistake, first: str, second: str
) -> Slip | None:
    """Two mistakes that are often made together; whatever says it with one comes before."""
    return at.slip(tensor, predicted, mistake, f"two things: {first}; and {second}", 0.88)


def slopes(at: At, function: Function, *wrong: Wrong, alone: bool = True) -> Iterator[Slip | None]:
    """Wrong slopes of a function of x, each multiplied with the gradient that arrived.

    Args:
        alone: whether they may also be handed back without it.
    """
    right = slope_at(function, at["x"])
    for slope, mistake, what in wrong:
        yield at.slip("x", at.grad * slope, mistake, what)
        if alone and not torch.allclose(slope, right):
            yield two_at_once(at, "x", slope + 0 * at.grad, mistake, what, "grad_output is not used")


def any_function(at: At, function: Function) -> Iterator[Slip | None]:
    """What goes wrong with any elementwise function of x, given its forward."""
    slope = slope_at(function, at["x"])
    x, out, grad = at["x"], at.out, at.grad
    product, each = grad * slope, "each number of x has a gradient of its own"
    yield from slopes(
        at,
        function,
        (
            out,
            Mistake.WRONG_FACTOR,
            "grad_output is multiplied with the output, not with how fast the output changes",
        ),
        (x, Mistake.WRONG_FACTOR, "grad_output is multiplied with x, not with the slope there"),
        (1 / slope, Mistake.WRONG_FACTOR, "grad_output is divided by the local derivative"),
        (slope**2, Mistake.EXTRA_FACTOR, "the local derivative is multiplied twice"),
        (slope**0.5, Mistake.WRONG_SLOPE, "this is the root of the local derivative: a square is forgotten"),
        (
            slope * x,
            Mistake.EXTRA_FACTOR,
            "the product is multiplied with x as well, as if there were an inner derivative",
        ),
        (slope * out, Mistake.EXTRA_FACTOR, "the product is multiplied with the output as well"),
        (1 - slope, Mistake.WRONG_SLOPE, "1 minus the slope stands in place of the slope"),
        (1 + slope, Mistake.EXTRA_TERM, "grad_output itself is added to the product once more"),
        (
            out / x,
            Mistake.WRONG_SLOPE,
            "the output divided by x is taken for the slope: so it is for a line through 0 only",
        ),
        (
            slope_at(function, grad),
            Mistake.WRONG_FACTOR,
            "the derivative is taken at grad_output where the input belongs",
        ),
        alone=False,
    )
    yield from slopes(
        at,
        function,
        (
            slope_at(function, out),
            Mistake.OUTPUT_FOR_INPUT,
            "the derivative is taken at the output where the input belongs",
        ),
    )
    yield at.slip(
        "x",
        slope_at(function, grad),
        Mistake.WRONG_FACTOR,
        "the derivative is taken at grad_output, which should multiply it",
    )
    yield at.slip(
        "x",
        grad * _bend(function, x),
        Mistake.WRONG_SLOPE,
        "the derivative is taken twice: this is how fast the slope itself changes",
    )
    for predicted, what in (
        (
            grad + slope,
            "the local derivative is added to grad_output: the chain rule joins the two otherwise",
        ),
        (
            grad - slope,
            "the local derivative is subtracted from grad_output: the chain rule joins the two otherwise",
        ),
        (product + x, "x is added to the product"),
        (product + out, "the output is added to the product, as if forward ran once more"),
        (product + 1, "1 is added to the product"),
        (product + slope, "the local derivative is added to the product once more"),
    ):
        yield at.slip("x", predicted, Mistake.EXTRA_TERM, what)
    for predicted, what in (
        (function(grad), "forward is applied to grad_output: what comes back is no input of the function"),
        (out, "the output itself is handed back"),
        (x, "x itself is handed back"),
        (out + grad, "the output is added to grad_output"),
    ):
        yield at.slip("x", predicted, Mistake.LOCAL_DERIVATIVE_IGNORED, what)
    for predicted in (product.abs(), grad.abs() * slope):
        yield at.slip("x", predicted, Mistake.SIGN, "the signs of grad_output are lost")
    if grad.dim():
        yield from _summed(at, slope, each)


def _summed(at: At, slope: Tensor, each: str) -> Iterator[Slip | None]:
    grad, rows = at.grad, at.grad.dim() > 1
    collected = {"all its numbers": (grad.sum(), grad.mean())}
    if rows:
        collected["the examples"] = (grad.sum(0, keepdim=True), grad.mean(0, keepdim=True))
        collected["each row"] = (grad.sum(-1, keepdim=True), grad.mean(-1, keepdim=True))
    for over, (total, mean) in collected.items():
        words = f"over {over}"
        yield at.slip("x", total * slope, Mistake.WRONG_AXIS, f"grad_output is summed {words} first: {each}")
        yield at.slip("x", mean * slope, Mistake.WRONG_AXIS, f"grad_output is averaged {words} first: {each}")
    product = grad * slope
    sums = [(product.sum(), "everything"), (product.mean(), "everything")]
    if rows:
        sums += [(product.sum(0), "the examples"), (product.mean(0), "the examples")]
        sums += [(product.sum(-1), "each row"), (product.mean(-1), "each row")]
    for predicted, over in sums:
        yield at.slip("x", predicted, Mistake.WRONG_AXIS, f"the gradient is summed over {over}: {each}")
        yield at.slip(
            "x",
            predicted.unsqueeze(-1).expand_as(grad) if over == "each row" else predicted.expand_as(grad),
            Mistake.WRONG_AXIS,
            f"the gradient is summed over {over}, and spread again: {each}",
        )
    if rows:
        for row, which in ((0, "first"), (-1, "last")):
            yield at.slip(
                "x",
                grad[row] * slope,
                Mistake.EXAMPLES_MISSING,
                f"the {which} example's grad_output is used for all examples",
            )


def slope_at(function: Function, where: Tensor) -> Tensor:
    """The slope of a function, by its forward alone."""
    with torch.enable_grad():
        leaf = where.detach().clone().requires_grad_()
        (slope,) = torch.autograd.grad((function(leaf) + 0 * leaf).sum(), leaf)  # a constant has one, too
    return slope


def at_each_place(value: Tensor, forward: Function, grad: Tensor) -> Tensor:
    """What each place of the output contributes to the gradient of a tensor that broadcasts to it."""
    with torch.enable_grad():
        leaf = value.detach().expand_as(grad).clone().requires_grad_()
        (terms,) = torch.autograd.grad(forward(leaf), leaf, grad)
    return terms


def _bend(function: Function, where: Tensor) -> Tensor:
    """The second derivative; a straight line has 0."""
    with torch.enable_grad():
        leaf = where.detach().clone().requires_grad_()
        (slope,) = torch.autograd.grad(function(leaf).sum(), leaf, create_graph=True)
        if not slope.requires_grad:
            return torch.zeros_like(leaf)
        (bend,) = torch.autograd.grad(slope.sum(), leaf, allow_unused=True)
    # what torch knows to be zero has no memory, until it is copied
    return torch.zeros_like(leaf) if bend is None else bend.clone()


LEVELS = (1e-3, 1e-2, 0.05, 0.1, 0.2, 0.3, 0.5)
"""With what a mask may compare where it should compare with 0."""

SOFT = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
"""Small numbers that are added below the line, against a division by 0."""


def softened(at: At, tensor: str, wrong: Function) -> Iterator[Slip | None]:
    """A small number is added below the line, where forward has none.

    Args:
        wrong: the gradient with a number added.
    """
    what = "a small number is added below the line, against a division by 0: forward adds none"
    for small in SOFT:
        added = torch.full_like(at[tensor], small)
        yield at.slip(
            tensor, lambda added=added: wrong(added), Mistake.EXTRA_TERM, what, 0.9, key=f"{small} below"
        )


def any_mask(at: At, right: Tensor, first: Function, second: Function) -> Iterator[Slip | None]:
    """Wrong masks of a function of x with two branches.

    Args:
        right: where the first of them holds.
    """
    branches = [at.grad * slope_at(branch, at["x"]) for branch in (first, second)]

    def through(mask: Tensor) -> Tensor:
        return torch.where(mask, *branches)

    yield from _of_any_mask(at, right, through)


def _of_any_mask(at: At, right: Tensor, through: Callable[[Tensor], Tensor]) -> Iterator[Slip | None]:
    x, out, grad = at["x"], at.out, at.grad
    for mask, what in (
        (~right, "the two branches are exchanged"),
        (grad > 0, "the mask asks for the sign of grad_output: it is forward's input that chose the branch"),
        (out > 0, "the mask asks for the sign of the output: it is forward's input that chose the branch"),
        (grad * x > 0, "the mask asks for the sign of grad_output times x"),
        (right & (grad > 0), "the mask also asks for the sign of grad_output"),
        (x > 1, "the mask compares x with 1"),
        (x.abs() < 1, "the mask asks whether x lies between −1 and 1"),
        (x > x.mean(), "the mask compares x with its mean"),
        (x == x.max(), "the mask keeps only the largest number of x"),
    ):
        yield at.slip("x", through(mask), Mistake.WRONG_MASK, what)
    for level in LEVELS:
        for at_level, what in (
            (level, "above 0: small positive numbers count as negative"),
            (-level, "below 0: small negative numbers count as positive"),
        ):
            yield at.slip(
                "x",
                through(x > at_level),
                Mistake.WRONG_MASK,
                f"the mask compares x with a number {what}",
                0.9,
                key=f"x > {at_level}",
            )
    if x.dim() > 1:
        for mask, what in (
            (right.all(-1, keepdim=True), "one mask is drawn for a whole row"),
            (right.any(-1, keepdim=True), "one mask is drawn for a whole row"),
            (right[:1], "the first example's mask is used for all examples"),
        ):
            yield at.slip("x", through(mask.expand_as(x)), Mistake.WRONG_MASK, what)
