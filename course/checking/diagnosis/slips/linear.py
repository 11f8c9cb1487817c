"""Wrong formulas for the linear map: what is summed over, which factor, and which way round."""

from collections.abc import Iterator

import torch
from torch import Tensor

from course.checking.diagnosis.mistakes import Mistake
from course.checking.diagnosis.slips.at import At, Slip, slips

PENALTIES = (1.0, 2.0, 0.5, 0.1, 0.01, 0.001, 0.0001)
"""How strongly weights are usually pulled to 0."""


@slips("Linear")
def linear_map(at: At) -> Iterator[Slip | None]:
    """The three gradients of X Wᵀ + b; the rows of all leading axes are examples."""
    weight, inputs, grad, out = at["weight"], at["x"], at.grad, at.out
    rows, arrives = inputs.reshape(-1, weight.shape[1]), grad.reshape(-1, weight.shape[0])
    yield from _of_weight(at, rows, arrives)
    if "bias" in at:
        yield from _of_bias(at, rows, arrives)
    yield from _of_input(at, weight, inputs, grad, out)


def _of_weight(at: At, rows: Tensor, arrives: Tensor) -> Iterator[Slip | None]:
    weight, count = at["weight"], len(rows)
    each = "each example adds the product of its own two vectors"

    def collected(x: Tensor, grad: Tensor) -> Tensor:
        """The gradient of a weight that met these rows."""
        return at.gradient_of("weight", lambda weight: x @ weight.T, grad)

    right = collected(rows, arrives)
    if count > 1:
        for which, x, g in (
            ("the last example counts", rows[-1:], arrives[-1:]),
            ("the first example counts", rows[:1], arrives[:1]),
        ):
            yield at.slip(
                "weight",
                collected(x, g),
                Mistake.EXAMPLES_MISSING,
                f"only {which}: a loop over the examples that overwrites, or one index too many",
            )
        yield at.slip(
            "weight",
            collected(rows[:-1], arrives[:-1]),
            Mistake.EXAMPLES_MISSING,
            "the last example is missing: where does the loop end?",
        )
        yield at.slip(
            "weight",
            collected(rows[1:], arrives[1:]),
            Mistake.EXAMPLES_MISSING,
            "the first example is missing: where does the loop begin?",
        )
        for x, g, what in (
            (
                rows.sum(0),
                arrives.sum(0),
                "x and grad_output are each summed over the examples before they are multiplied",
            ),
            (rows.mean(0), arrives.sum(0), "x is averaged over the examples before it is multiplied"),
            (
                rows.sum(0),
                arrives.mean(0),
                "grad_output is averaged over the examples before it is multiplied",
            ),
            (rows.mean(0), arrives.mean(0), "x and grad_output are each averaged before they are multiplied"),
            (rows[0], arrives.sum(0), "the first example's x is used for all"),
        ):
            yield at.slip("weight", torch.outer(g, x), Mistake.MISPLACED_FACTOR, f"{what}: {each}")
    for x, g, mistake, what in (
        (rows, torch.ones_like(arrives), Mistake.UPSTREAM_IGNORED, "grad_output is not used"),
        (
            torch.ones_like(rows),
            arrives,
            Mistake.MISSING_FACTOR,
            "x is left out: this is, in each column, the gradient of a bias",
        ),
        (rows.abs(), arrives, Mistake.SIGN, "the signs of x are lost"),
        (rows**2, arrives, Mistake.EXTRA_FACTOR, "x is multiplied twice"),
        (rows, arrives**2, Mistake.EXTRA_FACTOR, "grad_output is multiplied twice"),
        (
            rows,
            at.out.reshape(arrives.shape),
            Mistake.WRONG_FACTOR,
            "the output stands where grad_output belongs",
        ),
        (
            rows,
            arrives * at.out.reshape(arrives.shape),
            Mistake.EXTRA_FACTOR,
            "the output is multiplied, too",
        ),
    ):
        yield at.slip("weight", collected(x, g), mistake, what)
    for predicted, mistake, what in (
        (
            right * weight,
            Mistake.EXTRA_FACTOR,
            "the weight itself is multiplied: the map is a straight line in it",
        ),
        (weight, Mistake.LOCAL_DERIVATIVE_IGNORED, "the weight itself stands in its gradient"),
        (
            right.sum(0).expand_as(weight),
            Mistake.WRONG_AXIS,
            "the sum also runs over the outputs: each has its row",
        ),
        (
            right.sum(1, keepdim=True).expand_as(weight),
            Mistake.WRONG_AXIS,
            "the sum also runs over the input features: each has its column",
        ),
        (right.sum().expand_as(weight), Mistake.WRONG_AXIS, "the sum runs over everything"),
        (right.mean().expand_as(weight), Mistake.WRONG_AXIS, "the mean over everything stands in each place"),
        (
            rows[:, None, :] * arrives[:, :, None],
            Mistake.BROADCAST_NOT_REDUCED,
            "each example's product has a place of its own: all share the weight",
        ),
    ):
        yield at.slip("weight", predicted, mistake, what)
    for strength in PENALTIES:
        for sign in (1, -1):
            yield at.slip(
                "weight",
                right + sign * strength * weight,
                Mistake.EXTRA_TERM,
                "a multiple of the weight is added, as for a penalty: forward has none",
                key="penalty",
            )
            yield at.slip(
                "weight",
                right / count + sign * strength * weight,
                Mistake.EXTRA_TERM,
                "the examples are averaged, and a multiple of the weight is added, as for a penalty",
                key="mean and penalty",
            )
    if "bias" in at:
        yield at.slip("weight", right + at["bias"][:, None], Mistake.EXTRA_TERM, "the bias is added to it")
    if weight.shape[0] == weight.shape[1]:
        yield at.slip("weight", right.T, Mistake.TRANSPOSED, "∂L/∂weight is transposed")
    for x, y, what in (
        (arrives, rows, "grad_output and x"),
        (rows, arrives, "x and grad_output"),
        (arrives, rows.T, "grad_output and x, turned,"),
        (rows, arrives.T, "x and grad_output, turned,"),
        (arrives.T, rows.T, "the two, both turned,"),
        (rows.T, arrives.T, "the two, both turned,"),
    ):
        yield at.slip(
            "weight",
            lambda x=x, y=y: x @ y,
            Mistake.MISSING_TRANSPOSE,
            f"{what} are multiplied so that the product sums over features: the examples are to be summed "
            "over",
        )
    yield at.slip(
        "weight",
        lambda: arrives * rows,
        Mistake.WRONG_AXIS,
        "grad_output and x are multiplied number by number: no sum over the examples is made",
    )
    yield at.slip(
        "weight",
        lambda: arrives.T * rows,
        Mistake.WRONG_AXIS,
        "grad_output and x are multiplied number by number: no sum over the examples is made",
    )


def _of_bias(at: At, rows: Tensor, arrives: Tensor) -> Iterator[Slip | None]:
    bias, count = at["bias"], len(rows)
    total = at.gradient_of("bias", lambda bias: bias + 0 * arrives, arrives)
    shared = "every example used the same bias"
    for predicted, mistake, what in (
        (arrives[-1], Mistake.EXAMPLES_MISSING, f"only the last example counts: {shared}"),
        (arrives[0], Mistake.EXAMPLES_MISSING, f"only the first example counts: {shared}"),
        (
            arrives[:-1].sum(0),
            Mistake.EXAMPLES_MISSING,
            "the last example is missing: where does the loop end?",
        ),
        (
            arrives[1:].sum(0),
            Mistake.EXAMPLES_MISSING,
            "the first example is missing: where does the loop begin?",
        ),
        (
            torch.ones_like(bias),
            Mistake.UPSTREAM_IGNORED,
            "∂L/∂bias is 1, the local derivative alone: grad_output is not used",
        ),
        (
            torch.full_like(bias, count),
            Mistake.UPSTREAM_IGNORED,
            "∂L/∂bias counts the examples: grad_output is not used",
        ),
        (total * bias, Mistake.EXTRA_FACTOR, "the bias itself is multiplied: it is only added in forward"),
        (total + bias, Mistake.EXTRA_TERM, "the bias itself is added to its gradient"),
        (bias, Mistake.LOCAL_DERIVATIVE_IGNORED, "the bias itself stands in its gradient"),
        (total.sum(), Mistake.WRONG_AXIS, "the sum runs over everything: each output has a bias of its own"),
        (
            total.sum().expand_as(bias),
            Mistake.WRONG_AXIS,
            "the sum runs over everything: each output has a bias of its own",
        ),
        (
            arrives.mean().expand_as(bias),
            Mistake.WRONG_AXIS,
            "the mean runs over everything: each output has a bias of its own",
        ),
        (
            (arrives * at.out.reshape(arrives.shape)).sum(0),
            Mistake.EXTRA_FACTOR,
            "the output is multiplied, too",
        ),
        (at.out.reshape(arrives.shape).sum(0), Mistake.WRONG_FACTOR, "the output is summed, not grad_output"),
        (arrives.max(0).values, Mistake.EXAMPLES_MISSING, f"only the largest counts: {shared}"),
        (total.abs(), Mistake.SIGN, "the sign is lost"),
        (arrives.abs().sum(0), Mistake.SIGN, "the signs of grad_output are lost"),
        ((arrives**2).sum(0), Mistake.EXTRA_FACTOR, "grad_output is multiplied twice"),
        (arrives, Mistake.BROADCAST_NOT_REDUCED, f"∂L/∂bias has a row for each example: {shared}"),
        (
            arrives.sum(0, keepdim=True),
            Mistake.BROADCAST_NOT_REDUCED,
            "keepdim left an axis of length 1, which the bias has not",
        ),
        (
            arrives.sum(1),
            Mistake.WRONG_AXIS,
            "the sum runs over the outputs: the examples are to be summed over",
        ),
        (
            arrives.mean(1),
            Mistake.WRONG_AXIS,
            "the mean runs over the outputs: the examples are to be summed over",
        ),
    ):
        yield at.slip("bias", predicted, mistake, what)
    for predicted, what in (
        (
            lambda: at.gradient_of("weight", lambda weight: rows @ weight.T, arrives).sum(1),
            "the gradient of the weight is summed over its columns",
        ),
        (
            lambda: at.gradient_of("weight", lambda weight: rows @ weight.T, arrives).diagonal() + 0 * bias,
            "∂L/∂bias is the diagonal of the weight's gradient",
        ),
        (lambda: (arrives * rows).sum(0), "x is multiplied: it meets the weight only"),
        (lambda: rows.sum(0) + 0 * bias, "x is summed, not grad_output"),
    ):
        yield at.slip("bias", predicted, Mistake.WRONG_FACTOR, what)


def _of_input(at: At, weight: Tensor, inputs: Tensor, grad: Tensor, out: Tensor) -> Iterator[Slip | None]:
    def back(arrives: Tensor) -> Tensor:
        """The gradient of x for what arrives."""
        return at.gradient_of("x", lambda x: x @ weight.T, arrives)

    right, own = back(grad), "each example has a grad_output of its own"
    for arrives, mistake, what in (
        (torch.ones_like(grad), Mistake.UPSTREAM_IGNORED, "grad_output is not used"),
        (out, Mistake.WRONG_FACTOR, "the output is sent back through the weight, not grad_output"),
        (grad * out, Mistake.EXTRA_FACTOR, "the output is multiplied with grad_output first"),
        (grad**2, Mistake.EXTRA_FACTOR, "grad_output is multiplied twice"),
        (
            grad.sum(-1, keepdim=True).expand_as(grad),
            Mistake.WRONG_AXIS,
            "grad_output is summed over the outputs first: each has its own row of weights",
        ),
    ):
        yield at.slip("x", back(arrives), mistake, what)
    if grad.dim() > 1:
        for arrives, what in (
            (grad.sum(0, keepdim=True), f"grad_output is summed over the examples first: {own}"),
            (grad.mean(0, keepdim=True), f"grad_output is averaged over the examples first: {own}"),
            (grad[:1], f"the first example's grad_output is used for all: {own}"),
            (grad[-1:], f"the last example's grad_output is used for all: {own}"),
        ):
            yield at.slip("x", back(arrives).expand_as(inputs), Mistake.WRONG_AXIS, what)
            yield at.slip("x", back(arrives).squeeze(0), Mistake.WRONG_AXIS, what)
    for predicted, mistake, what in (
        (
            lambda: grad @ weight.T,
            Mistake.MISSING_TRANSPOSE,
            "the weight is turned the wrong way round: what do its rows and columns stand for?",
        ),
        (
            lambda: (weight @ grad.mT).mT,
            Mistake.MISSING_TRANSPOSE,
            "the weight is turned the wrong way round",
        ),
        (
            lambda: weight @ grad,
            Mistake.MISSING_TRANSPOSE,
            "weight and grad_output are multiplied in the wrong order",
        ),
        (
            lambda: weight.T @ grad,
            Mistake.MISSING_TRANSPOSE,
            "weight and grad_output are multiplied in the wrong order",
        ),
        (
            lambda: grad.mT @ weight,
            Mistake.MISSING_TRANSPOSE,
            "grad_output is turned: the examples are mixed",
        ),
        (
            lambda: grad * weight.sum(0),
            Mistake.WRONG_AXIS,
            "grad_output is multiplied number by number, not mixed by the weight",
        ),
        (
            lambda: grad * weight.sum(1),
            Mistake.WRONG_AXIS,
            "grad_output is multiplied number by number, not mixed by the weight",
        ),
        (
            lambda: grad * weight,
            Mistake.WRONG_AXIS,
            "grad_output is multiplied with the weight number by number: no sum over the outputs is made",
        ),
        (
            lambda: grad * weight.diagonal(),
            Mistake.DIAGONAL_ONLY,
            "each output is treated as if it depended on one input only",
        ),
        (
            lambda: grad + 0 * inputs,
            Mistake.LOCAL_DERIVATIVE_IGNORED,
            "grad_output is handed on without the weight",
        ),
        (
            lambda: right * inputs,
            Mistake.EXTRA_FACTOR,
            "x itself is multiplied: the map is a straight line in it",
        ),
        (lambda: right + inputs, Mistake.EXTRA_TERM, "x itself is added to its gradient"),
        (lambda: right + grad, Mistake.EXTRA_TERM, "grad_output is added, as if there were a way around"),
        (lambda: inputs @ weight.T, Mistake.LOCAL_DERIVATIVE_IGNORED, "forward is run again"),
        (lambda: grad @ weight.pinverse().T, Mistake.WRONG_SLOPE, "the map is undone, as if to find x again"),
        (
            lambda: (out - at["bias"]) @ weight.pinverse().T,
            Mistake.WRONG_SLOPE,
            "the map is undone: this is x again, not its gradient",
        ),
        (
            lambda: right.sum(0),
            Mistake.WRONG_AXIS,
            "the gradient is summed over the examples: each x has its own",
        ),
        (
            lambda: right.mean(0),
            Mistake.WRONG_AXIS,
            "the gradient is averaged over the examples: each x has its own",
        ),
        (
            lambda: right.sum(-1),
            Mistake.WRONG_AXIS,
            "the gradient is summed over the features: each x has its own",
        ),
        (
            lambda: right.mean(0).expand_as(inputs),
            Mistake.WRONG_AXIS,
            "the gradient is averaged over the examples: each x has its own",
        ),
        (
            lambda: right.sum(0).expand_as(inputs),
            Mistake.WRONG_AXIS,
            "the gradient is summed over the examples: each x has its own",
        ),
        (
            lambda: back(grad[..., :1].expand_as(grad)),
            Mistake.WRONG_AXIS,
            "only the first output's grad_output is used",
        ),
        (
            lambda: grad[..., :1] @ weight[:1],
            Mistake.PATH_LOST,
            "only the first output counts: x reaches all of them",
        ),
        (
            lambda: grad[..., -1:] @ weight[-1:],
            Mistake.PATH_LOST,
            "only the last output counts: x reaches all of them",
        ),
    ):
        yield at.slip("x", predicted, mistake, what)
    if "bias" in at:
        bias, no_part = at["bias"], "a constant has no part in a slope"
        for sign, word in ((1, "added to"), (-1, "subtracted from")):
            yield at.slip(
                "x",
                lambda sign=sign: right + sign * bias,
                Mistake.EXTRA_TERM,
                f"the bias is {word} the product, as in forward: {no_part}",
            )
            yield at.slip(
                "x",
                back(grad + sign * bias),
                Mistake.EXTRA_TERM,
                f"the bias is {word} grad_output before the product: {no_part}",
            )
        yield at.slip("x", back(grad * bias), Mistake.EXTRA_FACTOR, "the bias is multiplied with grad_output")
