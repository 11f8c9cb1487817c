"""Wrong formulas for the losses of classes and distributions: what is subtracted, and where."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from course.checking.diagnosis.mistakes import Mistake
from course.checking.diagnosis.slips.at import At, Slip, slips
from course.checking.diagnosis.slips.elementwise import softened
from course.checking.diagnosis.slips.shares import Wrong, local_derivative, unweighted, wrong_loss


@slips("CrossEntropyLoss")
def cross_entropy(at: At) -> Iterator[Slip | None]:
    """Softmax and logarithm joined: what is subtracted from what, along which axis."""
    if not unweighted(at):
        return
    x, target = at["x"], at["target"]
    axis = 1 if x.dim() > 1 else 0
    hot = one_hot(target, x, axis)
    p = torch.softmax(x, axis)
    each = lambda x, _: x.logsumexp(axis) - (hot * x).sum(axis)  # noqa: E731
    excess = local_derivative(at, "x", each)
    wrong: list[Wrong] = [
        (p, Mistake.PATH_LOST, "the softmax is there, but the one-hot row of the target is not subtracted"),
        (
            -hot,
            Mistake.PATH_LOST,
            "only the true class gets a gradient: the softmax over all classes is left out",
        ),
        (hot, Mistake.PATH_LOST, "the one-hot row itself is handed back: the softmax is left out"),
        (
            x - hot,
            Mistake.STEP_LEFT_OUT,
            "the one-hot row is subtracted from the logits: the softmax is left out",
        ),
        (p + hot, Mistake.SIGN, "the one-hot row is added to the softmax"),
        (
            torch.sigmoid(x) - hot,
            Mistake.OTHER_FORMULA,
            "a sigmoid is taken of each logit: the classes share one softmax",
        ),
        (torch.exp(x) - hot, Mistake.STEP_LEFT_OUT, "the exponentials are not divided by their sum"),
        (
            torch.log_softmax(x, axis) - hot,
            Mistake.STEP_LEFT_OUT,
            "the one-hot row is subtracted from the logarithm of the softmax",
        ),
        (torch.softmax(p, axis) - hot, Mistake.EXTRA_FACTOR, "softmax is applied twice"),
        (torch.softmax(-x, axis) - hot, Mistake.SIGN, "the softmax is taken of minus the logits"),
        (
            torch.softmax(x.reshape(-1), 0).reshape(x.shape) - hot,
            Mistake.WRONG_AXIS,
            "the softmax runs over everything: each example has its own",
        ),
        (
            hot * excess,
            Mistake.DIAGONAL_ONLY,
            "only the true class gets a gradient: the others move the loss as well",
        ),
        (hot * p, Mistake.DIAGONAL_ONLY, "the softmax counts at the true class only"),
        ((1 - hot) * p, Mistake.PATH_LOST, "only the wrong classes get a gradient"),
        (
            -hot / p,
            Mistake.STEP_LEFT_OUT,
            "this is the derivative by the probabilities: the way on through the softmax is left out",
        ),
        (
            -hot * torch.log_softmax(x, axis),
            Mistake.LOCAL_DERIVATIVE_IGNORED,
            "these are the terms of the loss, not its derivative",
        ),
        (
            p * (excess - (excess * p).sum(axis, keepdim=True)),
            Mistake.EXTRA_FACTOR,
            "the derivative of the softmax is multiplied once more",
        ),
        (p * (1 - p) * excess, Mistake.EXTRA_FACTOR, "a slope of the softmax is multiplied once more"),
        (p * excess, Mistake.EXTRA_FACTOR, "the softmax is multiplied once more"),
        (excess * x, Mistake.EXTRA_FACTOR, "the logits are multiplied, as if x were a weight"),
        (excess / p, Mistake.WRONG_FACTOR, "the difference is divided by the softmax"),
        (2 * excess, Mistake.EXTRA_FACTOR, "there is a 2, as for a squared error"),
        (excess.abs(), Mistake.SIGN, "the signs are lost: the true class is to rise"),
        (1 - p, Mistake.WRONG_FACTOR, "1 minus the softmax stands at every class"),
        (
            hot - x,
            Mistake.STEP_LEFT_OUT,
            "the logits are subtracted from the one-hot row: the softmax is left out",
        ),
        (x, Mistake.STEP_LEFT_OUT, "the logits themselves are handed back"),
        (p.round() - hot, Mistake.WRONG_FACTOR, "the softmax is rounded"),
        (
            p - one_hot(p.argmax(axis), x, axis),
            Mistake.WRONG_FACTOR,
            "the one-hot row of the predicted class is subtracted, not that of the target",
        ),
        (
            hot * p.log(),
            Mistake.LOCAL_DERIVATIVE_IGNORED,
            "these are the terms of the loss, not its derivative",
        ),
        (p * (1 - p), Mistake.WRONG_SLOPE, "this is a slope of the softmax: the target does not occur in it"),
        (p**2 - hot, Mistake.EXTRA_FACTOR, "the softmax is squared"),
        (hot * (1 - p), Mistake.DIAGONAL_ONLY, "only the true class gets a gradient, with the wrong sign"),
        (
            torch.exp(x) / torch.exp(x).amax(axis, keepdim=True) - hot,
            Mistake.WRONG_FACTOR,
            "the exponentials are divided by the largest, not by their sum",
        ),
        (
            x / x.sum(axis, keepdim=True) - hot,
            Mistake.STEP_LEFT_OUT,
            "the logits are divided by their sum, without exp",
        ),
        (
            p - hot.mean(0) if x.dim() > 1 else p,
            Mistake.WRONG_AXIS,
            "the mean of the one-hot rows is subtracted: each example has its own",
        ),
    ]
    if not target.is_floating_point():
        wrong += _classes_misread(x, target, p, hot, axis)
    elsewhere = "the softmax runs over the examples: each example has its own, over the classes"
    wrong += [
        (torch.softmax(x, other) - hot, Mistake.WRONG_AXIS, elsewhere)
        for other in range(x.dim())
        if other != axis
    ]
    yield from wrong_loss(at, "x", each, wrong, rows=True)


def one_hot(target: Tensor, x: Tensor, axis: int) -> Tensor:
    """Rows of 0 and 1; a target of probabilities is one already."""
    if target.is_floating_point():
        return target
    return F.one_hot(target.long(), x.shape[axis]).movedim(-1, axis).to(x)


def _classes_misread(x: Tensor, target: Tensor, p: Tensor, hot: Tensor, axis: int) -> list[Wrong]:
    """What is subtracted where the class is read as something else than a place."""
    number = target.unsqueeze(axis).to(x)
    wrong: list[Wrong] = [
        (
            p - number,
            Mistake.WRONG_FACTOR,
            "the number of the class is subtracted: it says where 1 is to be subtracted",
        ),
        (x - number, Mistake.WRONG_FACTOR, "the number of the class is subtracted from the logits"),
        (
            p - hot.roll(1, axis),
            Mistake.PERMUTED,
            "1 is subtracted one class too far: the classes count from 0",
        ),
        (
            p - hot.roll(-1, axis),
            Mistake.PERMUTED,
            "1 is subtracted one class too early: the classes count from 0",
        ),
        (p - hot * number, Mistake.WRONG_FACTOR, "at the true class, its number is subtracted, not 1"),
        (hot.roll(1, axis) - p, Mistake.PERMUTED, "1 stands one class too far, and the sign is wrong"),
        (torch.where(hot > 0, 0.0, p), Mistake.PATH_LOST, "the true class is set to 0, not lowered by 1"),
        (
            torch.where(hot > 0, -1.0, p),
            Mistake.WRONG_FACTOR,
            "the true class is set to −1, not lowered by 1",
        ),
        (torch.where(hot > 0, 1.0, p), Mistake.WRONG_FACTOR, "the true class is set to 1, not lowered by 1"),
    ]
    if x.dim() == 2:
        named = hot.sum(0, keepdim=True)
        every = "1 is subtracted in every row at all the classes that occur: each row has one true class"
        wrong += [
            (p - (named > 0).to(x), Mistake.WRONG_AXIS, every),
            (p - named, Mistake.WRONG_AXIS, every),
            (p - 1, Mistake.WRONG_AXIS, "1 is subtracted at every class: each row has one true class"),
            (p - hot.flip(0), Mistake.PERMUTED, "the targets are read from the last to the first"),
            (p - hot.roll(1, 0), Mistake.PERMUTED, "each row gets the target of its neighbor"),
            (p - hot.roll(-1, 0), Mistake.PERMUTED, "each row gets the target of its neighbor"),
        ]
        if int(target.max()) < len(x):
            rows = torch.zeros_like(x[:, :1])
            rows[target.long()] = 1
            wrong.append(
                (
                    p - rows,
                    Mistake.WRONG_AXIS,
                    "1 is subtracted from whole rows: the target was taken for the number of a row",
                )
            )
        if x.shape[0] == x.shape[1]:
            wrong.append((p - hot.T, Mistake.TRANSPOSED, "the one-hot rows are transposed"))
    return wrong


@slips("NLLLoss")
def negative_log_likelihood(at: At) -> Iterator[Slip | None]:
    """Only the true class is read."""
    if not unweighted(at):
        return
    x, target = at["x"], at["target"]
    axis = 1 if x.dim() > 1 else 0
    hot = one_hot(target, x, axis)
    each = lambda x, _: -(hot * x).sum(axis)  # noqa: E731
    p = x.exp()
    named = hot.sum(0, keepdim=True) if x.dim() == 2 else hot
    wrong: list[Wrong] = [
        (
            p - hot,
            Mistake.OTHER_FORMULA,
            "this is the gradient by logits, with a softmax: here x holds logarithms already",
        ),
        (
            -torch.ones_like(x),
            Mistake.MASK_MISSING,
            "every class gets a gradient: the loss reads the true one only",
        ),
        (
            torch.ones_like(x),
            Mistake.MASK_MISSING,
            "every class gets a gradient: the loss reads the true one only",
        ),
        (
            -hot * x,
            Mistake.LOCAL_DERIVATIVE_IGNORED,
            "the log-probability itself stands there, not how the loss changes",
        ),
        (
            -hot / x,
            Mistake.WRONG_SLOPE,
            "the result is divided by x: the logarithm is not taken in this module",
        ),
        (
            -hot / p,
            Mistake.WRONG_SLOPE,
            "the result is divided by the probability: the logarithm is not taken here",
        ),
        (-hot * p, Mistake.EXTRA_FACTOR, "the probability is multiplied"),
        (-(1 - hot), Mistake.WRONG_MASK, "every class but the true one gets a gradient"),
        (1 - hot, Mistake.WRONG_MASK, "every class but the true one gets a gradient"),
        (
            -hot.roll(1, axis),
            Mistake.PERMUTED,
            "the gradient stands one class too far: the classes count from 0",
        ),
        (
            -hot.roll(-1, axis),
            Mistake.PERMUTED,
            "the gradient stands one class too early: the classes count from 0",
        ),
        (-hot * target.unsqueeze(axis).to(x), Mistake.WRONG_FACTOR, "the number of the class is multiplied"),
        (
            -target.unsqueeze(axis).to(x) + 0 * x,
            Mistake.WRONG_FACTOR,
            "the number of the class is handed back",
        ),
        (
            -(named > 0).to(x) + 0 * x,
            Mistake.WRONG_AXIS,
            "every row gets a gradient at all the classes that occur: each row has its own class",
        ),
        (
            -one_hot(x.argmax(axis), x, axis),
            Mistake.WRONG_FACTOR,
            "the predicted class gets the gradient, not the target",
        ),
    ]
    yield from wrong_loss(at, "x", each, wrong, rows=True)
    if axis == x.dim() - 1:
        what = "the one-hot rows end at the largest class that occurs here: x says how many there are"
        reduction = at.option("reduction", "mean")
        whole = at.gradient_of("x", lambda x: F.nll_loss(x, target, reduction=reduction))
        yield at.slip("x", whole[..., : int(target.max()) + 1], Mistake.WRONG_PLACE, what)


@slips("LogLoss")
def log_loss(at: At) -> Iterator[Slip | None]:
    """A weighted sum of logarithms, by the probabilities and by the weights."""
    x, y = at["x"], at["target"]
    log = x.log()
    each = lambda x, y: -(y * x.log()).sum(1 if x.dim() > 1 else 0)  # noqa: E731
    by_x: list[Wrong] = [
        (
            (1 - y) / (1 - x) - y / x,
            Mistake.OTHER_FORMULA,
            "the other answers count as well, as in binary cross-entropy: "
            "forward sums over the classes that the target names",
        ),
        (
            x - y,
            Mistake.OTHER_FORMULA,
            "the target is subtracted, as after a softmax: x holds probabilities, not logits",
        ),
        (
            y - x,
            Mistake.OTHER_FORMULA,
            "the difference of target and x: that is the gradient of another loss",
        ),
        (
            torch.softmax(x, -1) - y,
            Mistake.OTHER_FORMULA,
            "a softmax is taken: x holds probabilities already",
        ),
        (-1 / x, Mistake.MISSING_FACTOR, "the target is left out: it is a factor of each logarithm"),
        (1 / x, Mistake.MISSING_FACTOR, "the target is left out, and the minus"),
        (-y, Mistake.STEP_LEFT_OUT, "the derivative of the logarithm is left out"),
        (y, Mistake.STEP_LEFT_OUT, "the derivative of the logarithm is left out, and the minus"),
        (-y * x, Mistake.WRONG_SLOPE, "x multiplies where the logarithm's derivative belongs"),
        (
            -y * log,
            Mistake.LOCAL_DERIVATIVE_IGNORED,
            "the logarithm is left as it is: these are the terms of the loss",
        ),
        (-y / x**2, Mistake.EXTRA_FACTOR, "x divides twice"),
        (-y / log, Mistake.WRONG_SLOPE, "the logarithm divides"),
        (-x / y, Mistake.WRONG_FACTOR, "x and target are exchanged"),
        (-y / (1 - x), Mistake.WRONG_SLOPE, "1 − x stands below the line"),
        ((1 - y) / (1 - x), Mistake.OTHER_FORMULA, "this is the other half of the binary cross-entropy"),
        (
            (x - y) / (x * (1 - x)),
            Mistake.OTHER_FORMULA,
            "the other answers count as well, as in binary cross-entropy",
        ),
        (-y / x - log, Mistake.EXTRA_TERM, "the logarithm is added"),
        (-y * torch.exp(x), Mistake.WRONG_SLOPE, "exp stands in place of the logarithm's derivative"),
        (-(y / x) * (1 - x), Mistake.EXTRA_FACTOR, "half of a sigmoid's slope is multiplied"),
        (-y * (1 - x), Mistake.WRONG_SLOPE, "this is the derivative by a logit, with a sigmoid before"),
        (-(y > 0).to(x) / x, Mistake.WRONG_FACTOR, "the target only says where: it is a factor"),
        (-y / (x * x.shape[-1]), Mistake.DOUBLE_1_N, "the result is divided by the number of classes"),
    ]
    by_y: list[Wrong] = [
        (-y.log(), Mistake.WRONG_FACTOR, "the logarithm of the target is taken, not that of x"),
        (
            -y.log() - 1,
            Mistake.WRONG_FACTOR,
            "this is the derivative of an entropy: forward takes the logarithm of x",
        ),
        (-1 / x, Mistake.WRONG_SLOPE, "the logarithm is differentiated: it does not depend on the target"),
        (-1 / y, Mistake.WRONG_SLOPE, "the logarithm of the target is differentiated"),
        (y / x, Mistake.SWAPPED_GRADIENTS, "this is the derivative by x, with a wrong sign"),
        (-x, Mistake.STEP_LEFT_OUT, "x itself stands there, without its logarithm"),
        (-y * log, Mistake.EXTRA_FACTOR, "the target is still a factor"),
        (-log - 1, Mistake.EXTRA_TERM, "a 1 is subtracted"),
        (y.log() - log, Mistake.EXTRA_TERM, "the logarithm of the target is added, as in a divergence"),
        (y.log() - log + 1, Mistake.EXTRA_TERM, "the logarithm of the target is added, as in a divergence"),
        (
            (1 - x).log() - log,
            Mistake.OTHER_FORMULA,
            "the other answers count as well, as in binary cross-entropy",
        ),
        (-(1 - x).log(), Mistake.WRONG_FACTOR, "the logarithm of 1 − x is taken"),
        (torch.ones_like(x), Mistake.STEP_LEFT_OUT, "1 stands where the logarithm belongs"),
        (-log.abs(), Mistake.SIGN, "the sign is lost: a logarithm of a probability is negative"),
        (
            y - x,
            Mistake.OTHER_FORMULA,
            "the difference of target and x: that is the gradient of another loss",
        ),
    ]
    share = at.grad.unsqueeze(-1) if at.grad.dim() else at.grad
    share = share / (x.shape[0] if at.module.reduction == "mean" and x.dim() > 1 else 1)
    yield from softened(at, "x", lambda small: -share * y / (x + small))
    yield from softened(at, "target", lambda small: -share * (x + small).log())
    yield from wrong_loss(at, "x", each, by_x, rows=True)
    yield from wrong_loss(at, "target", each, by_y, rows=True)


@slips("KLDivLoss")
def divergence(at: At) -> Iterator[Slip | None]:
    """Log-probabilities against probabilities, or against their logarithms."""
    x, y, module = at["x"], at["target"], at.module
    logs = bool(getattr(module, "log_target", False))
    q = y.exp() if logs else y
    log = y if logs else y.log()

    def each(x: Tensor, y: Tensor) -> Tensor:
        return y.exp() * (y - x) if logs else torch.xlogy(y, y) - y * x

    by_x: list[Wrong] = [
        (
            x.exp() - q,
            Mistake.OTHER_FORMULA,
            "the target is subtracted, as after a softmax: x holds logarithms already",
        ),
        (
            -q / x,
            Mistake.WRONG_SLOPE,
            "the target is divided by x: the logarithm is not taken in this module",
        ),
        (
            -q / x.exp(),
            Mistake.WRONG_SLOPE,
            "the target is divided by the probability: the logarithm is not taken here",
        ),
        (-torch.ones_like(x), Mistake.MISSING_FACTOR, "the target is left out: it multiplies x"),
        (log - x, Mistake.WRONG_FACTOR, "the difference of the logarithms stands there"),
        (-x, Mistake.WRONG_FACTOR, "x itself is there, not its neighbor in the product"),
        (-q * x, Mistake.LOCAL_DERIVATIVE_IGNORED, "this is a term of the loss, not its derivative"),
        (-y, Mistake.STEP_LEFT_OUT, "the target is a logarithm here: exp is left out"),
        (-q * x.exp(), Mistake.EXTRA_FACTOR, "the probability is multiplied"),
        (-log, Mistake.WRONG_FACTOR, "the logarithm of the target is there, not the target"),
    ]
    factor = q if logs else torch.ones_like(q)
    by_y: list[Wrong] = [
        (
            factor * (log - x),
            Mistake.PATH_LOST,
            "the target stands before its logarithm and in it: the 1 that the second brings is left out",
        ),
        (
            factor * torch.ones_like(x),
            Mistake.PATH_LOST,
            "the target stands in both factors, but only one is differentiated",
        ),
        (factor * (1 - x), Mistake.PATH_LOST, "the logarithm of the target is left out"),
        (factor * (log + x + 1), Mistake.SIGN, "x has the wrong sign"),
        (factor * (log - 1 - x), Mistake.SIGN, "the 1 that the second factor brings is subtracted"),
        (-factor * x, Mistake.PATH_LOST, "only the term with x is differentiated"),
        (q * (log - x), Mistake.LOCAL_DERIVATIVE_IGNORED, "these are the losses themselves"),
        (1 / q - x, Mistake.WRONG_SLOPE, "the logarithm is differentiated, but its factor left out"),
        (log + 1, Mistake.PATH_LOST, "the term with x is left out"),
        (log + 1 - x, Mistake.STEP_LEFT_OUT, "the target is a logarithm here: a factor is left out"),
        (log + 1 - x.exp(), Mistake.WRONG_FACTOR, "exp is taken of x"),
        (1 - x / q, Mistake.WRONG_SLOPE, "x is divided by the target"),
    ]
    yield from wrong_loss(at, "x", each, by_x)
    yield from wrong_loss(at, "target", each, by_y)
