"""Wrong formulas for softmax and its logarithm: the inner sum, its axis, and the factors around it."""

from collections.abc import Iterator

import torch
from torch import Tensor

from course.checking.diagnosis.mistakes import Mistake
from course.checking.diagnosis.slips.at import At, Slip, slips
from course.checking.diagnosis.slips.elementwise import two_at_once


@slips("Softmax")
def softmax(at: At) -> Iterator[Slip | None]:
    """The Jacobian's product with the gradient: the inner sum and the two factors."""
    x, out, grad = at["x"], at.out, at.grad
    if not x.dim():
        return
    axis = _axis(at)
    inner = grad * out
    own = "the numbers that share one softmax have a sum of their own"

    def left(total: Tensor, factor: Tensor = out) -> Tensor:
        return factor * grad - factor * total

    unweighted = "the output is left out as a factor of the whole"
    right = at.gradient_of("x", lambda x: torch.softmax(x, axis))
    total = grad - right / out  # what forward says is subtracted
    over = {
        "over everything": inner.sum(),
        "over everything, without the output": grad.sum(),
        "only as far as each number, as a running sum": inner.cumsum(axis),
    }
    inside = {
        "a mean is taken of them": inner.mean(axis, keepdim=True),
        "the output is left out as a factor": grad.sum(axis, keepdim=True),
        "the output is left out as a factor, and a mean is taken": grad.mean(axis, keepdim=True),
        "grad_output is left out as a factor": out.sum(axis, keepdim=True),
        "x stands in place of the output": (x * grad).sum(axis, keepdim=True),
        "the output is multiplied twice": (inner * out).sum(axis, keepdim=True),
        "grad_output is multiplied twice": (inner * grad).sum(axis, keepdim=True),
        "the largest product is taken": inner.amax(axis, keepdim=True),
        "each number's own product is left out": total - inner,
        "the result is multiplied with the output": total * out,
    }
    wrong = [(sum_, Mistake.WRONG_AXIS, f"the inner sum runs {words}: {own}") for words, sum_ in over.items()]
    wrong += [
        (sum_, Mistake.WRONG_FACTOR, f"in the sum of products that is subtracted, {words}")
        for words, sum_ in inside.items()
    ]
    for sum_, mistake, what in wrong:
        yield at.slip("x", left(sum_), mistake, what)
        if not torch.allclose(left(sum_), right):
            yield two_at_once(at, "x", grad - sum_, mistake, what, unweighted)
    for other in range(x.dim()):
        if other != axis:
            for keep, words in ((True, ""), (False, ", and keepdim is forgotten")):
                yield at.slip(
                    "x",
                    lambda other=other, keep=keep: left(inner.sum(other, keepdim=keep)),
                    Mistake.WRONG_AXIS,
                    f"the inner sum runs along another axis than the softmax{words}: {own}",
                )
                yield two_at_once(
                    at,
                    "x",
                    lambda other=other, keep=keep: grad - inner.sum(other, keepdim=keep),
                    Mistake.WRONG_AXIS,
                    f"the inner sum runs along another axis than the softmax{words}",
                    unweighted,
                )
    yield at.slip(
        "x",
        lambda: left(inner.sum(axis)),
        Mistake.WRONG_AXIS,
        "keepdim is forgotten in the inner sum: its results spread along the wrong axis",
    )
    yield at.slip(
        "x",
        lambda: grad - inner.sum(axis),
        Mistake.WRONG_AXIS,
        "keepdim is forgotten in the inner sum, and the output is left out as a factor of the whole",
    )
    for predicted, mistake, what in (
        (
            out * (grad + total),
            Mistake.SIGN,
            "the inner sum is added, where more for one means less for the others",
        ),
        (grad - total, Mistake.MISSING_FACTOR, "the output is left out as a factor of the whole"),
        (
            inner - total,
            Mistake.MISSING_FACTOR,
            "parentheses are missing: the output multiplies the first term only",
        ),
        (grad - out * total, Mistake.MISSING_FACTOR, "the output multiplies the inner sum only"),
        (-out * total, Mistake.PATH_LOST, "only the inner sum is there: each number's own path is left out"),
        (out * total, Mistake.PATH_LOST, "only the inner sum is there: each number's own path is left out"),
        (total.expand_as(x), Mistake.PATH_LOST, "only the inner sum is handed back"),
        (
            inner,
            Mistake.CONSTANT_STATISTICS,
            "the sum below the line is taken for a constant: all outputs share it",
        ),
        (
            inner * (1 - out),
            Mistake.DIAGONAL_ONLY,
            "each output is treated as if it depended on its own input only: there is no inner sum",
        ),
        (-inner * out, Mistake.DIAGONAL_ONLY, "only a square of the output is there, and no inner sum"),
        (inner * out, Mistake.DIAGONAL_ONLY, "the output is multiplied twice, and there is no inner sum"),
        (
            out * (1 - out),
            Mistake.DIAGONAL_ONLY,
            "the sigmoid's slope is used, without grad_output and inner sum",
        ),
        (grad * (1 - out), Mistake.DIAGONAL_ONLY, "half of a sigmoid's slope is used: there is no inner sum"),
        (
            out * (1 - out) * total,
            Mistake.WRONG_FACTOR,
            "the sigmoid's slope is multiplied with the inner sum",
        ),
        (-right, Mistake.SIGN, "the two terms stand the wrong way round"),
        (out * right, Mistake.EXTRA_FACTOR, "the output is multiplied twice"),
        (
            x * (grad - total),
            Mistake.INPUT_FOR_OUTPUT,
            "x stands in place of the output before the parentheses",
        ),
        (
            x * (grad - (grad * x).sum(axis, keepdim=True)),
            Mistake.INPUT_FOR_OUTPUT,
            "x stands in place of the output",
        ),
        (
            torch.exp(x) * (grad - total),
            Mistake.WRONG_FACTOR,
            "the exponentials are not divided by their sum",
        ),
        (torch.softmax(grad, axis), Mistake.LOCAL_DERIVATIVE_IGNORED, "forward is applied to grad_output"),
        (grad, Mistake.LOCAL_DERIVATIVE_IGNORED, "grad_output is handed on as it came"),
        (out, Mistake.LOCAL_DERIVATIVE_IGNORED, "the output is handed back"),
        (
            out - grad,
            Mistake.OTHER_FORMULA,
            "grad_output is subtracted from the output, as the target of a loss is",
        ),
        (
            grad - out * grad.sum(axis, keepdim=True),
            Mistake.OTHER_FORMULA,
            "this is the gradient of the logarithm of the softmax",
        ),
        (
            right / x.shape[axis],
            Mistake.MEAN_FOR_SUM,
            "the result is divided by the number of classes",
        ),
        (
            out * grad - out.sum(axis, keepdim=True) * total,
            Mistake.MISSING_FACTOR,
            "parentheses are missing: the output multiplies the first term only",
        ),
        (
            out * (grad - out),
            Mistake.WRONG_FACTOR,
            "the output itself is subtracted where the inner sum belongs",
        ),
        (out * (1 - total), Mistake.WRONG_FACTOR, "1 stands where grad_output belongs"),
        (out * (grad - 1), Mistake.WRONG_FACTOR, "1 is subtracted where the inner sum belongs"),
        ((grad - total) / out, Mistake.WRONG_FACTOR, "the output divides"),
    ):
        yield at.slip("x", predicted, mistake, what)
    yield at.slip(
        "x",
        at.gradient_of("x", lambda x: torch.softmax(x + (out - x).detach(), axis)),
        Mistake.OUTPUT_FOR_INPUT,
        "softmax is applied to the output once more",
    )
    for other in range(x.dim()):
        if other != axis:
            yield at.slip(
                "x",
                at.gradient_of("x", lambda x, other=other: torch.softmax(x, other)),
                Mistake.WRONG_AXIS,
                "softmax is taken along another axis than in forward",
            )
    square = out.movedim(axis, -1)
    for jacobian, mistake, what in (
        (
            -square[..., :, None] * square[..., None, :],
            Mistake.PATH_LOST,
            "in the Jacobian, the diagonal is left out",
        ),
        (
            torch.diag_embed(square) + square[..., :, None] * square[..., None, :],
            Mistake.SIGN,
            "in the Jacobian, the products of two outputs are added",
        ),
        (
            torch.diag_embed(square * (1 - square))
            + square[..., :, None]
            * square[..., None, :]
            * (1 - torch.eye(square.shape[-1], dtype=square.dtype)),
            Mistake.SIGN,
            "in the Jacobian, the numbers beside the diagonal have the wrong sign",
        ),
        (
            torch.diag_embed(square * (1 - square)) - square[..., :, None] * square[..., None, :],
            Mistake.EXTRA_TERM,
            "in the Jacobian, the square on the diagonal counts twice",
        ),
        (
            torch.diag_embed(torch.ones_like(square)) - square[..., :, None] * square[..., None, :],
            Mistake.MISSING_FACTOR,
            "in the Jacobian, 1 stands on the diagonal where the output belongs",
        ),
        (
            torch.diag_embed(square) - square[..., :, None],
            Mistake.MISSING_FACTOR,
            "in the Jacobian, the products of two outputs have one factor only",
        ),
        (
            torch.diag_embed(square) - square[..., None, :],
            Mistake.MISSING_FACTOR,
            "in the Jacobian, the products of two outputs have one factor only",
        ),
    ):
        back = (jacobian @ grad.movedim(axis, -1)[..., None])[..., 0].movedim(-1, axis)
        yield at.slip("x", back, mistake, what)


@slips("LogSoftmax")
def log_softmax(at: At) -> Iterator[Slip | None]:
    """What is subtracted: the share of each class in the sum of what arrives."""
    x, out, grad = at["x"], at.out, at.grad
    if not x.dim():
        return
    axis = _axis(at)
    share, total = out.exp(), grad.sum(axis, keepdim=True)
    own = "the numbers that share one softmax have a sum of their own"
    for predicted, mistake, what in (
        (grad - share, Mistake.UPSTREAM_IGNORED, "the sum of what arrives is left out: it is taken to be 1"),
        (
            grad - share * grad,
            Mistake.DIAGONAL_ONLY,
            "each number's own grad_output is used where the sum of all belongs",
        ),
        (grad - total, Mistake.MISSING_FACTOR, "the softmax is left out as a factor of the sum"),
        (grad - total.mean(), Mistake.MISSING_FACTOR, "the softmax is left out as a factor of the sum"),
        (
            grad - out * total,
            Mistake.STEP_LEFT_OUT,
            "the output stands where the softmax belongs: it is its logarithm",
        ),
        (grad + share * total, Mistake.SIGN, "the sum is added"),
        (-share * total, Mistake.PATH_LOST, "only the sum is there: each number's own path is left out"),
        (
            grad - (share * grad).sum(axis, keepdim=True),
            Mistake.MISPLACED_FACTOR,
            "the softmax stands inside of the sum",
        ),
        (
            share * (grad - (share * grad).sum(axis, keepdim=True)),
            Mistake.OTHER_FORMULA,
            "this is the gradient of softmax: there is no logarithm",
        ),
        (
            share * (grad - total),
            Mistake.MISPLACED_FACTOR,
            "parentheses are set wrongly: the softmax multiplies both terms",
        ),
        (grad - share * grad.sum(), Mistake.WRONG_AXIS, f"the sum runs over everything: {own}"),
        (
            grad - share * grad.mean(axis, keepdim=True),
            Mistake.MEAN_FOR_SUM,
            "a mean stands where the sum belongs",
        ),
        (
            grad,
            Mistake.PATH_LOST,
            "grad_output is handed on as it came: the sum in the logarithm depends on x, too",
        ),
        (grad / share, Mistake.WRONG_FACTOR, "grad_output is divided by the softmax"),
        (grad * (1 - share) - share, Mistake.WRONG_FACTOR, "1 stands where the sum of the others belongs"),
        (share - grad, Mistake.SIGN, "the softmax comes first, and the sum is left out"),
        (grad - torch.softmax(out.exp(), axis) * total, Mistake.OUTPUT_FOR_INPUT, "softmax is applied twice"),
    ):
        yield at.slip("x", predicted, mistake, what)
    for other in range(x.dim()):
        if other != axis:
            yield at.slip(
                "x",
                lambda other=other: grad - share * grad.sum(other, keepdim=True),
                Mistake.WRONG_AXIS,
                f"the sum runs along another axis than the softmax: {own}",
            )
            along = torch.softmax(x, other)
            yield at.slip(
                "x", grad - along * total, Mistake.WRONG_AXIS, "softmax is taken along another axis"
            )
    yield at.slip(
        "x",
        lambda: grad - share * grad.sum(axis),
        Mistake.WRONG_AXIS,
        "keepdim is forgotten: the sums spread along the wrong axis",
    )


def _axis(at: At) -> int:
    axis = at.module.dim
    if axis is None:
        axis = int(at["x"].dim() not in (0, 1, 3))
    return axis % at["x"].dim()
