"""Wrong formulas for the losses of yes or no: sigmoids, two logarithms, and the hinge."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F

from course.checking.diagnosis.mistakes import Mistake
from course.checking.diagnosis.slips.at import At, Slip, slips
from course.checking.diagnosis.slips.shares import (
    Wrong,
    local_derivative,
    stable_form,
    unweighted,
    wrong_loss,
)


@slips("BCEWithLogitsLoss")
def binary_with_logits(at: At) -> Iterator[Slip | None]:
    """Sigmoid and logarithm joined."""
    if not unweighted(at):
        return
    x, y = at["x"], at["target"]
    s = torch.sigmoid(x)
    each = lambda x, y: (1 - y) * x - F.logsigmoid(x)  # noqa: E731
    excess = local_derivative(at, "x", each)
    by_x: list[Wrong] = [
        (x - y, Mistake.STEP_LEFT_OUT, "the target is subtracted from the logits: the sigmoid is left out"),
        (y - x, Mistake.STEP_LEFT_OUT, "the logits are subtracted from the target: the sigmoid is left out"),
        (s, Mistake.PATH_LOST, "the sigmoid is there, but the target is not subtracted"),
        (-y, Mistake.PATH_LOST, "only the target is there: the sigmoid is left out"),
        (s + y, Mistake.SIGN, "the target is added to the sigmoid"),
        (s * (1 - s), Mistake.WRONG_SLOPE, "this is the sigmoid's slope: the target does not occur in it"),
        (
            s * (1 - s) * excess,
            Mistake.EXTRA_FACTOR,
            "there is one factor too many, the slope of the sigmoid, as for a squared error",
        ),
        (
            excess / (s * (1 - s)),
            Mistake.STEP_LEFT_OUT,
            "this is the derivative by the probability: the way on through the sigmoid is left out",
        ),
        (
            -y / s + (1 - y) / (1 - s),
            Mistake.STEP_LEFT_OUT,
            "this is the derivative by the probability: the way on through the sigmoid is left out",
        ),
        (-y / s, Mistake.STEP_LEFT_OUT, "this is one half of the derivative by the probability"),
        (torch.sigmoid(s) - y, Mistake.EXTRA_FACTOR, "the sigmoid is applied twice"),
        (s.round() - y, Mistake.WRONG_FACTOR, "the prediction, 0 or 1, stands where the probability belongs"),
        (torch.tanh(x) - y, Mistake.WRONG_FACTOR, "tanh stands where the sigmoid belongs"),
        (
            F.logsigmoid(x) - y,
            Mistake.STEP_LEFT_OUT,
            "the logarithm of the sigmoid stands where the sigmoid belongs",
        ),
        ((1 - y) * s, Mistake.PATH_LOST, "only the examples with answer no count: a term is left out"),
        (-y * (1 - s), Mistake.PATH_LOST, "only the examples with answer yes count: a term is left out"),
        (y * s, Mistake.WRONG_FACTOR, "target and sigmoid are multiplied"),
        (1 - y, Mistake.PATH_LOST, "only the first term of forward is differentiated"),
        (-(1 - s), Mistake.PATH_LOST, "only the second term of forward is differentiated"),
        (1 - s, Mistake.PATH_LOST, "only the second term of forward is differentiated, with a wrong sign"),
        ((1 - y) + (1 - s), Mistake.SIGN, "the two terms of forward are added"),
        ((1 - y) - s, Mistake.WRONG_SLOPE, "for the slope of ln σ, the sigmoid itself is taken"),
        (
            (1 - y) - s * (1 - s),
            Mistake.WRONG_SLOPE,
            "for the slope of ln σ, that of σ is taken: the logarithm is left out",
        ),
        (
            (1 - y) - 1 / s,
            Mistake.WRONG_SLOPE,
            "the derivative of the sigmoid, inside of the logarithm, is left out",
        ),
        ((1 - y) * x - (1 - s), Mistake.WRONG_SLOPE, "x is still in the first term"),
        (-y - (1 - s), Mistake.WRONG_SLOPE, "in the first term, the 1 is left out"),
        (excess * x, Mistake.EXTRA_FACTOR, "the logits are multiplied, as if x were a weight"),
        (2 * excess, Mistake.EXTRA_FACTOR, "there is a 2, as for a squared error"),
        (excess**2, Mistake.LOCAL_DERIVATIVE_IGNORED, "this is a squared error itself"),
        (excess.abs(), Mistake.SIGN, "the sign is lost"),
        (torch.exp(x) - y, Mistake.STEP_LEFT_OUT, "exp stands where the sigmoid belongs"),
        (1 - s - y, Mistake.SIGN, "the exponent in the sigmoid has the wrong sign"),
        (s * (1 - y) - y, Mistake.WRONG_SLOPE, "in the term for yes, a factor is missing"),
        (x * s - y, Mistake.EXTRA_FACTOR, "x multiplies the sigmoid"),
    ]
    if x.dim() > 1:
        by_x.append(
            (
                torch.softmax(x, 1) - y,
                Mistake.OTHER_FORMULA,
                "a softmax is taken over the row: each number is a question of its own",
            )
        )
    by_x += stable_form(x, (x > 0).to(x) - y)
    by_y: list[Wrong] = [
        (-s, Mistake.WRONG_FACTOR, "the sigmoid stands there: forward multiplies the target with x"),
        (s, Mistake.WRONG_FACTOR, "the sigmoid stands there: forward multiplies the target with x"),
        (-F.logsigmoid(x), Mistake.PATH_LOST, "the logarithm for the answer no is left out"),
        (
            F.logsigmoid(x),
            Mistake.PATH_LOST,
            "the logarithm for the answer no is left out, and a sign is wrong",
        ),
        (-torch.ones_like(x), Mistake.MISSING_FACTOR, "x is left out"),
        (1 - x, Mistake.EXTRA_TERM, "a 1 is left over"),
        (x - 1, Mistake.EXTRA_TERM, "a 1 is left over"),
        (-x * y, Mistake.EXTRA_FACTOR, "the target is still a factor"),
        (
            (1 - y) * x,
            Mistake.LOCAL_DERIVATIVE_IGNORED,
            "this is the first term of the loss, not its derivative",
        ),
        (-x - F.logsigmoid(x), Mistake.EXTRA_TERM, "the logarithm is added: it stands alone in forward"),
        (-x * s, Mistake.EXTRA_FACTOR, "the sigmoid is multiplied"),
        (-x * (1 - s), Mistake.EXTRA_FACTOR, "the slope of ln σ is multiplied"),
        (-(F.logsigmoid(x) + F.logsigmoid(-x)), Mistake.SIGN, "the two logarithms are added"),
        (y - x, Mistake.EXTRA_TERM, "the target is added"),
    ]
    yield from wrong_loss(at, "x", each, by_x)
    yield from wrong_loss(at, "target", each, by_y)


@slips("BCELoss")
def binary(at: At) -> Iterator[Slip | None]:
    """The two logarithms, by the probability and by the target."""
    if not unweighted(at):
        return
    p, y = at["x"], at["target"]
    each = lambda p, y: -y * p.log() - (1 - y) * (1 - p).log()  # noqa: E731
    yes, no = y / p, (1 - y) / (1 - p)
    by_p: list[Wrong] = [
        (
            p - y,
            Mistake.OTHER_FORMULA,
            "the target is subtracted, as with a sigmoid before: x holds probabilities, not logits",
        ),
        (-yes, Mistake.PATH_LOST, "the term for the answer no is left out"),
        (no, Mistake.PATH_LOST, "the term for the answer yes is left out"),
        (yes + no, Mistake.SIGN, "the two terms are added"),
        (-(yes + no), Mistake.SIGN, "the inner derivative of 1 − p, which turns a sign, is left out"),
        (
            (p - y) * p * (1 - p),
            Mistake.WRONG_FACTOR,
            "the slope of the sigmoid is a factor, where it should divide",
        ),
        ((p - y) / p, Mistake.MISSING_FACTOR, "one factor below the line is left out"),
        ((p - y) / (1 - p), Mistake.MISSING_FACTOR, "one factor below the line is left out"),
        ((p - y) / (p * (1 + p)), Mistake.WRONG_SLOPE, "1 + p stands below the line"),
        (
            (p - y) / p * (1 - p),
            Mistake.WRONG_SLOPE,
            "parentheses below the line are missing: 1 − p multiplies",
        ),
        (
            -y * p.log() - (1 - y) * (1 - p).log(),
            Mistake.LOCAL_DERIVATIVE_IGNORED,
            "these are the losses themselves",
        ),
        (
            -y * p.log() + (1 - y) * (1 - p).log(),
            Mistake.LOCAL_DERIVATIVE_IGNORED,
            "the logarithms are not differentiated",
        ),
        (
            -1 / p + 1 / (1 - p),
            Mistake.MISSING_FACTOR,
            "the target is left out: it is a factor of both terms",
        ),
        (torch.sigmoid(p) - y, Mistake.OTHER_FORMULA, "a sigmoid is taken: x holds probabilities already"),
        (1 / p - 1 / (1 - p), Mistake.MISSING_FACTOR, "the target is left out, and the signs are wrong"),
        (
            -y * p + (1 - y) * (1 - p),
            Mistake.WRONG_SLOPE,
            "the probabilities multiply where they should divide",
        ),
        (2 * (p - y), Mistake.OTHER_FORMULA, "this is the gradient of a squared error"),
        (y / (1 - p) - (1 - y) / p, Mistake.PERMUTED, "the two numbers below the lines are exchanged"),
        (no - 1 / p, Mistake.MISSING_FACTOR, "the target is left out of the term for yes"),
        (1 / (1 - p) - yes, Mistake.MISSING_FACTOR, "the target is left out of the term for no"),
    ]
    by_y: list[Wrong] = [
        (
            -p.log(),
            Mistake.PATH_LOST,
            "the logarithm for the answer no is left out: the target stands there, too",
        ),
        ((1 - p).log(), Mistake.PATH_LOST, "the logarithm for the answer yes is left out"),
        (-(p.log() + (1 - p).log()), Mistake.SIGN, "the two logarithms are added"),
        (p.log() + (1 - p).log(), Mistake.SIGN, "the two logarithms are added"),
        (
            y - p,
            Mistake.OTHER_FORMULA,
            "the difference of target and x: that is the gradient of another loss",
        ),
        (
            1 / (1 - p) - 1 / p,
            Mistake.WRONG_SLOPE,
            "the logarithms are differentiated: they do not depend on the target",
        ),
        (
            (1 - y).log() - y.log(),
            Mistake.WRONG_FACTOR,
            "the logarithms of the target are taken, not those of x",
        ),
        (1 - 2 * p, Mistake.STEP_LEFT_OUT, "the logarithms are left out"),
    ]
    yield from wrong_loss(at, "x", each, by_p)
    yield from wrong_loss(at, "target", each, by_y)


@slips("HingeLoss")
def hinge(at: At) -> Iterator[Slip | None]:
    """Two branches: which mask chooses, and what comes back from the one that is not flat."""
    x, y, grad = at["x"], at["target"], at.grad
    each = lambda x, y: torch.relu(1 - y * x)  # noqa: E731
    inside, gap = y * x < 1, torch.relu(1 - y * x)
    masks = (
        (~inside, "the mask is inverted: what is right by the margin gets a gradient, the rest none"),
        (x < 1, "the mask compares x with 1: the label is left out of the margin"),
        (x > 0, "the mask asks for the sign of x: the margin is left out"),
        (x < 0, "the mask asks for the sign of x: the margin is left out"),
        (
            y * x < 0,
            "the mask asks whether the answer is wrong: the margin is left out",
        ),
        (y * x > 0, "the mask asks whether the answer is right: forward compares with the margin"),
        (x.abs() < 1, "the mask compares the size of x with 1: the label is left out"),
        (x > 1, "the mask compares x with 1: the label is left out of the margin"),
        (y > 0, "the mask asks for the sign of the label"),
        (y < 1, "the mask compares the label with 1"),
        (x < y, "the mask compares x with the label: forward multiplies the two"),
        (x > y, "the mask compares x with the label: forward multiplies the two"),
        (y * x < -1, "the margin in the mask has the wrong sign"),
        (y - x > 0, "the mask takes the difference of label and x: forward multiplies the two"),
        (1 - x > y, "the mask takes the sum of label and x: forward multiplies the two"),
    )
    for name, other in (("x", "target"), ("target", "x")):
        slope = at.gradient_of(name, lambda v, other=other: 1 - v * at[other], torch.ones_like(x))
        wrong: list[Wrong] = []
        unmasked = "no mask is applied: what is right by the margin gets a gradient, too"
        turned = f"two things: {unmasked}; and the sign is wrong"
        wrong += [(slope, Mistake.MASK_MISSING, unmasked), (-slope, Mistake.MASK_MISSING, turned)]
        for mask, what in masks:
            wrong += [
                (slope * mask, Mistake.WRONG_MASK, what),
                (-slope * mask, Mistake.WRONG_MASK, f"two things: {what}; and the sign is wrong"),
            ]
        wrong += [
            (
                -torch.ones_like(x) * inside,
                Mistake.MISSING_FACTOR,
                f"{other} is left out: it multiplies {name} in forward",
            ),
            (torch.ones_like(x) * inside, Mistake.MISSING_FACTOR, f"{other} is left out, and the minus"),
            (slope * gap, Mistake.WRONG_FACTOR, "the loss itself is multiplied where a mask belongs"),
            (2 * slope * gap, Mistake.OTHER_FORMULA, "this is the gradient of the squared hinge"),
            (gap, Mistake.LOCAL_DERIVATIVE_IGNORED, "the losses themselves are handed back"),
            (-x * y * inside, Mistake.EXTRA_FACTOR, "the whole product of label and x is multiplied"),
            ((1 - y * x) * inside, Mistake.LOCAL_DERIVATIVE_IGNORED, "the loss itself stands there"),
            ((1 + slope) * inside, Mistake.EXTRA_TERM, "forward's 1 is kept: a constant adds no slope"),
            (torch.where(inside, slope, 1.0), Mistake.WRONG_MASK, "beyond the margin, 1 comes back"),
            (
                torch.where(inside, slope, -slope),
                Mistake.WRONG_MASK,
                "beyond the margin, the gradient only turns its sign",
            ),
            (slope.sign() * inside, Mistake.WRONG_FACTOR, f"only the sign of {other} is multiplied"),
            (
                torch.where(inside, slope, at[name]),
                Mistake.WRONG_MASK,
                f"beyond the margin, {name} itself comes back",
            ),
        ]
        yield from wrong_loss(at, name, each, wrong)
    if grad.dim():
        yield at.slip(
            "x", -y * grad * (grad > 0), Mistake.WRONG_MASK, "the mask asks for the sign of grad_output"
        )
        yield at.slip(
            "target", -x * grad * (grad > 0), Mistake.WRONG_MASK, "the mask asks for the sign of grad_output"
        )
