"""Wrong formulas for vectors of unit length: what is taken along, summed over what, divided by what."""

from collections.abc import Iterator

import torch
from torch import Tensor

from course.checking.diagnosis.mistakes import Mistake
from course.checking.diagnosis.slips.at import At, Slip, slips
from course.checking.diagnosis.slips.elementwise import two_at_once


@slips("L2Normalize")
def unit_length(at: At) -> Iterator[Slip | None]:
    """A length that depends on the vector: what is taken along, summed over what, divided by what."""
    x, out, grad, eps = at["x"], at.out, at.grad, at.module.eps
    axis = at.module.dim % x.dim()
    length = x.norm(dim=axis, keepdim=True)
    short, scale = length < eps, length.clamp(min=eps)
    yield from _of_unit_length(at, x, out, grad, axis, scale, short)
    if bool(short.any()):
        for divisor in (scale, length):  # the same, by who does not treat short vectors apart
            for own in (x, out * divisor, out * length):
                yield from _of_unit_length(at, own, out, grad, axis, divisor, torch.zeros_like(short))
        yield from _of_short(at, x, grad, axis, length, scale)


def _of_unit_length(
    at: At, x: Tensor, out: Tensor, grad: Tensor, axis: int, scale: Tensor, short: Tensor
) -> Iterator[Slip | None]:
    inner = grad * out
    along = inner.sum(axis, keepdim=True)
    each = "each vector has a length of its own"
    whole = at.gradient_of("x", lambda x: x / x.norm(dim=axis, keepdim=True).clamp(min=at.module.eps))

    def left(total: Tensor, direction: Tensor = out) -> Tensor:
        """The gradient less what lies along a direction."""
        return (grad - torch.where(short, 0.0, direction * total)) / scale

    for total, direction, mistake, what in (
        (along, -out, Mistake.SIGN, "the part along the vector is added"),
        (
            along,
            x,
            Mistake.INPUT_FOR_OUTPUT,
            "x stands in place of the output, which has length 1, before the sum",
        ),
        (
            (grad * x).sum(axis, keepdim=True),
            out,
            Mistake.INPUT_FOR_OUTPUT,
            "x stands in place of the output inside of the sum",
        ),
        (
            (grad * x).sum(axis, keepdim=True),
            x,
            Mistake.INPUT_FOR_OUTPUT,
            "x stands in place of the output, which has length 1",
        ),
        (
            inner,
            out,
            Mistake.DIAGONAL_ONLY,
            "each output is treated as if it depended on its own input only: there is no sum over the vector",
        ),
        (
            along,
            torch.ones_like(out),
            Mistake.MISSING_FACTOR,
            "the sum is subtracted everywhere: it lacks a direction",
        ),
        (
            grad.sum(axis, keepdim=True),
            out,
            Mistake.MISSING_FACTOR,
            "inside of the sum, the output is left out",
        ),
        (
            out.sum(axis, keepdim=True),
            out,
            Mistake.UPSTREAM_IGNORED,
            "inside of the sum, grad_output is left out",
        ),
        (
            torch.ones_like(along),
            out,
            Mistake.MISSING_FACTOR,
            "the sum is left out: the output itself is subtracted",
        ),
        (torch.ones_like(along), x, Mistake.MISSING_FACTOR, "the sum is left out: x itself is subtracted"),
        (inner.mean(axis, keepdim=True), out, Mistake.MEAN_FOR_SUM, "a mean stands where the sum belongs"),
        (inner.sum(), out, Mistake.WRONG_AXIS, f"the sum runs over everything: {each}"),
        (along, out**2, Mistake.EXTRA_FACTOR, "the output is squared before the sum"),
        (2 * along, out, Mistake.EXTRA_FACTOR, "there is a 2: the root around the squares takes it away"),
        (along / 2, out, Mistake.WRONG_FACTOR, "there is a half: the squares under the root take it away"),
        (along / scale, out, Mistake.EXTRA_FACTOR, "the sum is divided by the length once too often"),
        (along * scale, out, Mistake.MISSING_FACTOR, "the sum lacks a division by the length"),
        (along / scale**2, out, Mistake.EXTRA_FACTOR, "the sum is divided by the length twice too often"),
        (along, grad, Mistake.WRONG_FACTOR, "grad_output is multiplied with the sum, not a direction"),
        (along.abs(), out, Mistake.SIGN, "the sign of the sum is lost"),
        (inner.cumsum(axis), out, Mistake.WRONG_AXIS, "a running sum is subtracted"),
        (along, out.sign(), Mistake.OTHER_FORMULA, "the signs stand there, as for a sum of absolute values"),
    ):
        yield at.slip("x", left(total, direction), mistake, what)
        if not torch.allclose(left(total, direction).abs(), whole.abs()):
            undivided = "the division by the length is left out"
            yield two_at_once(at, "x", left(total, direction) * scale, mistake, what, undivided)
    for other in range(x.dim()):
        if other != axis:
            for keep, words in ((True, ""), (False, ", and keepdim is forgotten")):
                yield at.slip(
                    "x",
                    lambda other=other, keep=keep: left(inner.sum(other, keepdim=keep)),
                    Mistake.WRONG_AXIS,
                    f"the sum runs along another axis than the length{words}: {each}",
                    key=f"sum along {other}{words}",
                )
            yield at.slip(
                "x",
                lambda other=other: at.gradient_of("x", lambda x: x / x.norm(dim=other, keepdim=True)),
                Mistake.WRONG_AXIS,
                f"the length is taken along another axis than in forward: {each}",
                key=f"length along {other}",
            )
    yield at.slip(
        "x",
        lambda: left(inner.sum(axis)),
        Mistake.WRONG_AXIS,
        "keepdim is forgotten: the sums spread along the wrong axis",
    )
    for predicted, mistake, what in (
        (
            grad / scale,
            Mistake.CONSTANT_STATISTICS,
            "the length is taken for a constant: it depends on the whole vector",
        ),
        (grad, Mistake.LOCAL_DERIVATIVE_IGNORED, "grad_output is handed on as it came"),
        (whole * scale, Mistake.MISSING_FACTOR, "the division by the length is left out"),
        (whole / scale, Mistake.EXTRA_FACTOR, "the length divides twice"),
        (whole * scale**2, Mistake.WRONG_FACTOR, "the length multiplies where it should divide"),
        (-out * along / scale, Mistake.PATH_LOST, "only the path through the length is there"),
        (
            -out * along,
            Mistake.PATH_LOST,
            "only the path through the length is there, without a division by it",
        ),
        (out * along / scale, Mistake.PATH_LOST, "the part along the vector is kept, and the rest left out"),
        (
            grad / scale - out * along,
            Mistake.MISSING_FACTOR,
            "parentheses are missing: only grad_output is divided by the length",
        ),
        (
            grad - out * along / scale,
            Mistake.MISSING_FACTOR,
            "parentheses are missing: grad_output is not divided by the length",
        ),
        (
            -grad * out / scale,
            Mistake.PATH_LOST,
            "only the path through the length is there, and without a sum over the vector",
        ),
        (grad * out, Mistake.WRONG_FACTOR, "grad_output is multiplied with the output"),
        (grad * scale, Mistake.WRONG_FACTOR, "grad_output is multiplied with the length"),
        (
            grad / scale - x * along / scale**3,
            Mistake.EXTRA_FACTOR,
            "in the second term, the power of the length does not fit",
        ),
        (grad / scale + x * along / scale**2, Mistake.SIGN, "the path through the length has the wrong sign"),
        (
            grad / scale - grad * out**2,
            Mistake.DIAGONAL_ONLY,
            "each output is treated as if it depended on its own input only",
        ),
        (grad * (1 - out), Mistake.DIAGONAL_ONLY, "1 minus the output is multiplied, as of a sigmoid"),
        (
            grad - grad * out**2,
            Mistake.DIAGONAL_ONLY,
            "the slope of tanh is used: there is no sum over the vector",
        ),
        (
            grad * (1 - out) / scale,
            Mistake.DIAGONAL_ONLY,
            "1 minus the output is multiplied, as of a sigmoid",
        ),
        (out * (grad - along), Mistake.OTHER_FORMULA, "this is the gradient of a softmax"),
        (
            out * (grad - along) / scale,
            Mistake.OTHER_FORMULA,
            "this is the gradient of a softmax, divided by the length",
        ),
        (
            (grad - along) / scale,
            Mistake.MISSING_FACTOR,
            "the sum is subtracted everywhere: it lacks a direction",
        ),
    ):
        yield at.slip("x", torch.where(short, grad / scale, predicted), mistake, what)
        yield at.slip("x", predicted, mistake, what)


def _of_short(
    at: At, x: Tensor, grad: Tensor, axis: int, length: Tensor, scale: Tensor
) -> Iterator[Slip | None]:
    """Vectors that are shorter than ε, whose length forward does not use."""
    held = "in a vector shorter than ε, forward divides by ε, whatever the length"
    normal = at.gradient_of("x", lambda x: x / x.norm(dim=axis, keepdim=True))
    for unit in (at.out, x / length):
        turned = grad - unit * (grad * unit).sum(axis, keepdim=True)
        for divisor in (scale, length, length + at.module.eps):
            yield at.slip(
                "x", turned / divisor, Mistake.MASK_MISSING, f"all vectors are treated alike: {held}"
            )
    short = length < at.module.eps
    for closed, what in (
        (torch.zeros_like(grad), "a vector shorter than ε gets nothing"),
        (grad, "in a vector shorter than ε, grad_output is not divided"),
        (grad / length, "in a vector shorter than ε, grad_output is divided by the length"),
    ):
        yield at.slip("x", torch.where(short, closed, normal), Mistake.WRONG_MASK, f"{what}: {held}")
    yield at.slip(
        "x", torch.where(short, normal, grad / scale), Mistake.WRONG_MASK, "the two branches are exchanged"
    )
    yield at.slip(
        "x",
        torch.where(short.any(), grad / scale, normal),
        Mistake.WRONG_MASK,
        "one mask is drawn for all vectors: each has a length of its own",
    )
