"""What goes wrong with any loss: the share of the gradient that each of many losses gets."""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from course.checking.diagnosis.mistakes import Mistake
from course.checking.diagnosis.slips.at import At, Slip
from course.checking.diagnosis.slips.elementwise import two_at_once

Wrong = tuple[Tensor, Mistake, str]
"""What stands where the derivative of one loss belongs, the kind of mistake, and what was computed."""

Each = Callable[[Tensor, Tensor], Tensor]
"""Forward without its reduction: x and target to the losses kept apart."""


def wrong_loss(
    at: At, tensor: str, each: Each, wrong: Sequence[Wrong], *, rows: bool = False
) -> Iterator[Slip | None]:
    """The wrong derivatives of a loss by one of its tensors, and what may go wrong with its share.

    Args:
        each: forward without its reduction.
        rows: whether a loss belongs to a row of x; otherwise to a number.
    """
    apart, local = each(at["x"], at["target"]), local_derivative(at, tensor, each)
    yield from _derivatives(at, tensor, local, apart, wrong, rows)
    yield from _shares(at, tensor, local, apart, rows)


def local_derivative(at: At, tensor: str, each: Each) -> Tensor:
    """How each loss changes with x or target, by its forward alone."""
    x, target = at["x"], at["target"]
    along = (lambda value: each(value, target)) if tensor == "x" else (lambda value: each(x, value))
    return at.gradient_of(tensor, along, torch.ones_like(each(x, target)))


def _shares(at: At, tensor: str, local: Tensor, apart: Tensor, rows: bool) -> Iterator[Slip | None]:
    """What may be handed to each loss in place of its share of the gradient."""
    reduction, axis = _reduction(at), _axis(at)
    grad, count, numbers = at.grad, max(apart.numel(), 1), max(at["x"].numel(), 1)
    spread = (lambda share: share.unsqueeze(axis)) if rows and grad.dim() else (lambda share: share)
    losses = apart.unsqueeze(axis) if rows else apart
    counts = {count: "losses", numbers: "numbers"}
    for size, name in zip(at["x"].shape, ("examples", "classes" if rows else "columns"), strict=False):
        counts.setdefault(size, name)
    for size, name in counts.items():
        if size < 2:
            continue
        divisor = _count(at, apart)
        per = f"the result is divided by the number of {name}, which this reduction does not ask for"
        yield at.slip(
            tensor,
            local / size,
            Mistake.UPSTREAM_IGNORED,
            "grad_output is not used"
            if size == divisor
            else f"two things: grad_output is not used; and {per}",
            0.93,
            f"unused, by {name}",
        )
        if reduction in ("mean", "batchmean") and size != divisor:
            own = "all the losses" if reduction == "mean" else "the examples"
            yield at.slip(
                tensor,
                local * grad / size,
                Mistake.MISSING_1_N if size < divisor else Mistake.DOUBLE_1_N,
                f"grad_output is divided by the number of {name}, but the mean runs over {own}",
                0.9,
            )
        if reduction not in ("mean", "batchmean"):
            kept = "are added up" if reduction == "sum" else "stay apart"
            yield at.slip(
                tensor,
                lambda size=size: local * spread(grad) / size,
                Mistake.DOUBLE_1_N if reduction == "sum" else Mistake.MEAN_FOR_SUM,
                f"the result is divided by the number of {name}, as for a mean, but here the losses {kept}",
                0.9,
            )
    if reduction == "none" and grad.dim():
        own = "each loss has its own"
        for share, mistake, what in (
            (grad.sum(), Mistake.WRONG_AXIS, f"the sum of all of grad_output goes to each loss: {own}"),
            (grad.mean(), Mistake.WRONG_AXIS, f"the mean of grad_output goes to each loss: {own}"),
            (
                grad.reshape(-1)[0],
                Mistake.EXAMPLES_MISSING,
                f"the first number of grad_output goes to each loss: {own}",
            ),
            (
                grad.reshape(-1)[-1],
                Mistake.EXAMPLES_MISSING,
                f"the last number of grad_output goes to each loss: {own}",
            ),
        ):
            yield at.slip(tensor, local * share, mistake, what)
        if rows:
            yield at.slip(
                tensor,
                lambda: local * grad,
                Mistake.WRONG_AXIS,
                "grad_output has a number for each row, but spreads along the rows: it lacks an axis",
            )
        elif grad.dim() > 1:
            for share, what in ((grad.sum(0), "summed"), (grad.mean(0), "averaged")):
                yield at.slip(
                    tensor,
                    local * share,
                    Mistake.WRONG_AXIS,
                    f"grad_output is {what} over the examples: {own}",
                )
    product = local * spread(grad) / _count(at, apart)
    for share, mistake, what in (
        (losses, Mistake.EXTRA_FACTOR, "the loss itself is multiplied"),
        (1 / losses, Mistake.EXTRA_FACTOR, "the loss itself divides"),
        (local, Mistake.EXTRA_FACTOR, "the derivative of the loss is multiplied twice"),
        (at[tensor], Mistake.EXTRA_FACTOR, f"the product is multiplied with {tensor} as well"),
        (spread(grad), Mistake.EXTRA_FACTOR, "grad_output is multiplied twice"),
        (spread(at.out), Mistake.EXTRA_FACTOR, "the loss itself is multiplied"),
    ):
        yield at.slip(tensor, lambda share=share: product * share, mistake, what)
    if reduction in ("mean", "batchmean"):
        yield two_at_once(
            at, tensor, -local * grad, Mistake.SIGN, "the sign is wrong", "the mean is left out"
        )
    if grad.dim() == 0 or reduction == "none":
        yield at.slip(
            tensor,
            lambda: spread(grad) + local,
            Mistake.EXTRA_TERM,
            "the derivative of the loss is added to grad_output: the chain rule joins the two otherwise",
        )
        yield at.slip(
            tensor,
            lambda: spread(grad).expand_as(local),
            Mistake.LOCAL_DERIVATIVE_IGNORED,
            "grad_output is handed on: the derivative of the loss is missing",
        )
    yield at.slip(
        tensor,
        local * 1.0,
        Mistake.UPSTREAM_IGNORED,
        "grad_output is not used"
        + (", and the mean is left out" if reduction in ("mean", "batchmean") else ""),
    )
    if local.dim() > 1:
        for total, word in ((product.sum(0), "summed"), (product.mean(0), "averaged")):
            yield at.slip(
                tensor,
                total,
                Mistake.WRONG_AXIS,
                f"the gradient is {word} over the examples: each has its own",
            )
            yield at.slip(
                tensor,
                total.expand_as(local),
                Mistake.WRONG_AXIS,
                f"the gradient is {word} over the examples, and spread again: each has its own",
            )
        for total, word in (
            (product.sum(axis, keepdim=True), "summed"),
            (product.mean(axis, keepdim=True), "averaged"),
        ):
            yield at.slip(
                tensor,
                total.expand_as(local),
                Mistake.WRONG_AXIS,
                f"the gradient is {word} along each row, and spread again: each number has its own",
            )
            yield at.slip(
                tensor,
                total.squeeze(axis),
                Mistake.WRONG_AXIS,
                f"the gradient is {word} along each row: each number has its own",
            )


def _derivatives(
    at: At, tensor: str, local: Tensor, apart: Tensor, wrong: Sequence[Wrong], rows: bool
) -> Iterator[Slip | None]:
    """Wrong derivatives of one loss, each with the right share of the gradient that arrived."""
    grad, count = at.grad, _count(at, apart)
    share = grad.unsqueeze(_axis(at)) if rows and grad.dim() else grad
    for derivative, mistake, what in wrong:
        yield at.slip(tensor, share / count * derivative, mistake, what)
        if count > 1 and not torch.allclose(derivative.abs(), local.abs()):
            yield two_at_once(at, tensor, share * derivative, mistake, what, "the mean is left out")


def stable_form(z: Tensor, branch: Tensor) -> list[Wrong]:
    """Wrong slopes of a stable form that has ln(1 + exp(−|z|)) as its last term.

    Args:
        branch: the derivative of all that stands before that term.
    """
    e = torch.exp(-z.abs())
    small = e / (1 + e)
    rest, log = z.sign() * small, "in the stable form, the logarithm's part"
    return [
        (branch + rest, Mistake.SIGN, f"{log} has the wrong sign"),
        (branch - small, Mistake.MISSING_FACTOR, f"{log} lacks the derivative of |x|, the sign of x"),
        (branch + small, Mistake.MISSING_FACTOR, f"{log} lacks the derivative of |x|, the sign of x"),
        (-rest, Mistake.PATH_LOST, f"{log} is there alone: the other term is left out"),
        (branch - z.sign() / (1 + e), Mistake.WRONG_SLOPE, f"{log} lacks the derivative of exp"),
        (branch - z.sign() * e, Mistake.STEP_LEFT_OUT, f"{log} lacks the derivative of the logarithm"),
    ]


def _reduction(at: At) -> str:
    return getattr(at.module, "reduction", "none")


def _count(at: At, apart: Tensor) -> int:
    """By how many losses the loss is divided."""
    counts = {"mean": max(apart.numel(), 1), "batchmean": at["x"].shape[0] if at["x"].dim() else 1}
    return counts.get(_reduction(at), 1)


def _axis(at: At) -> int:
    """That of the classes, or features."""
    return 1 if at["x"].dim() > 1 else 0


def unweighted(at: At) -> bool:
    """Whether the loss has none of the options that the exercises leave out."""
    held = [getattr(at.module, name, None) for name in ("weight", "pos_weight")]
    ignored = getattr(at.module, "ignore_index", -100)
    return (
        not any(value is not None for value in held)
        and not getattr(at.module, "label_smoothing", 0)
        and not bool((at["target"] == ignored).any())
    )
