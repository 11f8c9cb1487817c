"""Wrong formulas for the losses of numbers: squares, sizes, and what lies between."""

from collections.abc import Iterator

import torch
from torch import Tensor

from course.checking.diagnosis.mistakes import Mistake
from course.checking.diagnosis.slips.at import At, Slip, slips
from course.checking.diagnosis.slips.shares import Wrong, local_derivative, wrong_loss


@slips("EuclideanLoss")
def euclidean(at: At) -> Iterator[Slip | None]:
    """Half a squared distance for each row."""
    x, y = at["x"], at["target"]
    each = lambda x, y: 0.5 * ((y - x) ** 2).sum(1)  # noqa: E731
    distance = (x - y).norm(dim=1, keepdim=True)
    for name, sign in (("x", 1.0), ("target", -1.0)):
        toward = local_derivative(at, name, each)
        wrong: list[Wrong] = [
            (
                2 * toward,
                Mistake.CONSTANT_FACTOR,
                "there is a 2 too much: forward has a half before the square",
            ),
            (toward / 2, Mistake.CONSTANT_FACTOR, "the half is kept, as if the square brought no factor"),
            (
                toward / distance,
                Mistake.OTHER_FORMULA,
                "the difference is divided by the distance: that is the slope of the "
                "distance itself, without the square",
            ),
            (toward * distance, Mistake.EXTRA_FACTOR, "the distance is multiplied as well"),
            (
                toward**2,
                Mistake.WRONG_SLOPE,
                "the differences are still squared: the exponent is not lowered",
            ),
            (
                toward**2 / 2,
                Mistake.LOCAL_DERIVATIVE_IGNORED,
                "these are the terms of the loss, not its derivative",
            ),
            (
                toward.sign(),
                Mistake.OTHER_FORMULA,
                "only the sign of the difference is there, as for absolute values",
            ),
            (toward.abs(), Mistake.SIGN, "the signs of the differences are lost"),
            (
                toward.sum(1, keepdim=True) + 0 * x,
                Mistake.WRONG_AXIS,
                "the differences are summed along the row: each number has its own",
            ),
            (
                toward.mean(1, keepdim=True) + 0 * x,
                Mistake.WRONG_AXIS,
                "the differences are averaged along the row",
            ),
            (
                toward / x.shape[1],
                Mistake.MEAN_FOR_SUM,
                "the result is divided by the length of a row: forward adds up",
            ),
            (distance + 0 * x, Mistake.WRONG_FACTOR, "the distance stands where the difference belongs"),
            (x + y, Mistake.SIGN, "x and target are added"),
            (sign * x, Mistake.PATH_LOST, "the target is left out of the difference"),
            (-sign * y, Mistake.PATH_LOST, "x is left out of the difference"),
            (
                2 * sign * x - sign * y,
                Mistake.WRONG_SLOPE,
                "parentheses are missing: the 2 multiplies one term only",
            ),
            (
                0.5 * sign * x - sign * y,
                Mistake.WRONG_SLOPE,
                "parentheses are missing: the half multiplies one term only",
            ),
            (torch.ones_like(x), Mistake.STEP_LEFT_OUT, "the difference is left out"),
            (toward * x, Mistake.EXTRA_FACTOR, "x is multiplied as well"),
            (-torch.ones_like(x), Mistake.STEP_LEFT_OUT, "the difference is left out"),
            (toward**3 / 3, Mistake.WRONG_SLOPE, "this is an integral: the exponent is raised"),
            (
                (toward**2).sum(1, keepdim=True) / 2 + 0 * x,
                Mistake.LOCAL_DERIVATIVE_IGNORED,
                "the loss itself stands there",
            ),
        ]
        yield from wrong_loss(at, name, each, wrong, rows=True)


@slips("MSELoss")
def squared_error(at: At) -> Iterator[Slip | None]:
    """A squared difference for each number."""
    x, y = at["x"], at["target"]
    each = lambda x, y: (x - y) ** 2  # noqa: E731
    for name, sign in (("x", 1.0), ("target", -1.0)):
        toward = local_derivative(at, name, each) / 2
        wrong: list[Wrong] = [
            (toward, Mistake.CONSTANT_FACTOR, "the exponent of the square does not come down as a factor"),
            (toward / 2, Mistake.WRONG_FACTOR, "a half stands there: forward's square has no half before it"),
            (
                2 * sign * x - sign * y,
                Mistake.WRONG_SLOPE,
                "parentheses are missing: the 2 multiplies one term only",
            ),
            (
                sign * x - 2 * sign * y,
                Mistake.WRONG_SLOPE,
                "parentheses are missing: the 2 multiplies one term only",
            ),
            (2 * toward**2, Mistake.WRONG_SLOPE, "the exponent came down, but is not lowered"),
            (
                toward**2,
                Mistake.LOCAL_DERIVATIVE_IGNORED,
                "the difference is still squared: these are the losses themselves",
            ),
            (
                toward.sign(),
                Mistake.OTHER_FORMULA,
                "only the sign of the difference is there, as for absolute values",
            ),
            (2 * toward.abs(), Mistake.SIGN, "the signs of the differences are lost"),
            (2 * (x + y), Mistake.SIGN, "x and target are added"),
            (2 * sign * x, Mistake.PATH_LOST, "the target is left out of the difference"),
            (-2 * sign * y, Mistake.PATH_LOST, "x is left out of the difference"),
            (torch.full_like(x, 2.0), Mistake.STEP_LEFT_OUT, "the difference is left out"),
            (2 * toward / toward.norm(), Mistake.OTHER_FORMULA, "the difference is divided by its length"),
            (2 * toward * x, Mistake.EXTRA_FACTOR, "x is multiplied as well"),
            (2 + toward, Mistake.WRONG_SLOPE, "the 2 is added to the difference"),
            (
                2 * toward.sum() + 0 * x,
                Mistake.WRONG_AXIS,
                "the differences are summed: each number has its own",
            ),
            (
                2 * toward.mean() + 0 * x,
                Mistake.WRONG_AXIS,
                "the differences are averaged: each number has its own",
            ),
            (toward**3 / 3, Mistake.WRONG_SLOPE, "this is an integral: the exponent is raised"),
        ]
        yield from wrong_loss(at, name, each, wrong)


@slips("L1Loss")
def absolute_error(at: At) -> Iterator[Slip | None]:
    """A kink at the target."""
    x, y = at["x"], at["target"]
    each = lambda x, y: (x - y).abs()  # noqa: E731
    for name, sign in (("x", 1.0), ("target", -1.0)):
        toward = sign * (x - y)
        wrong: list[Wrong] = [
            (
                toward,
                Mistake.WRONG_SLOPE,
                "the difference itself is there, as for squares: a straight line has one slope",
            ),
            (2 * toward, Mistake.OTHER_FORMULA, "this is the gradient of a squared error"),
            (
                toward.abs(),
                Mistake.LOCAL_DERIVATIVE_IGNORED,
                "these are the losses themselves, not their slope",
            ),
            ((x > y).to(x), Mistake.WRONG_MASK, "one side of the kink gets nothing: the loss falls there"),
            (
                sign * (x > y).to(x),
                Mistake.WRONG_MASK,
                "one side of the kink gets nothing: the loss falls there",
            ),
            (
                (toward > 0).to(x),
                Mistake.WRONG_MASK,
                "one side of the kink gets nothing: the loss falls there",
            ),
            (sign * x.sign(), Mistake.WRONG_MASK, "the sign of x is taken, not that of the difference"),
            (
                sign * y.sign(),
                Mistake.WRONG_MASK,
                "the sign of the target is taken, not that of the difference",
            ),
            (torch.ones_like(x), Mistake.WRONG_MASK, "1 stands there on both sides of the kink"),
            (-torch.ones_like(x), Mistake.WRONG_MASK, "−1 stands there on both sides of the kink"),
            (
                toward.sum().sign() + 0 * x,
                Mistake.WRONG_AXIS,
                "one sign is taken of the sum: each number has its own",
            ),
            (toward / (x - y).norm(), Mistake.OTHER_FORMULA, "the difference is divided by its length"),
            (toward.sign() * x, Mistake.EXTRA_FACTOR, "x is multiplied as well"),
            (toward.tanh(), Mistake.WRONG_SLOPE, "tanh stands where the sign belongs"),
        ]
        yield from wrong_loss(at, name, each, wrong)


@slips("HuberLoss", "SmoothL1Loss")
def huber(at: At) -> Iterator[Slip | None]:
    """Squared near the target, straight far from it; for the smooth L1 loss, all is divided by the width."""
    x, y = at["x"], at["target"]
    smooth = not hasattr(at.module, "delta")
    width = at.module.beta if smooth else at.module.delta
    if not width:
        return
    scale = 1 / width if smooth else 1.0
    near = (x - y).abs() < width

    def each(x: Tensor, y: Tensor) -> Tensor:
        size = (x - y).abs()
        return scale * torch.where(size < width, 0.5 * size**2, width * (size - width / 2))

    for name, sign in (("x", 1.0), ("target", -1.0)):
        r = sign * (x - y)
        inner = local_derivative(at, name, lambda x, y: scale * (x - y) ** 2 / 2)
        outer = local_derivative(at, name, lambda x, y: scale * width * (x - y).abs())
        sided, called = r.sign(), "beta" if smooth else "delta"
        wrong: list[Wrong] = [
            (
                inner,
                Mistake.MASK_MISSING,
                "the difference is there everywhere: far from the target the loss is straight",
            ),
            (
                outer,
                Mistake.MASK_MISSING,
                "only the straight part is there: near the target the loss is squared",
            ),
            (torch.where(near, outer, inner), Mistake.WRONG_MASK, "the two branches are exchanged"),
            (
                torch.where(near, inner, sided),
                Mistake.MISSING_FACTOR,
                f"in the straight part, {called} is left out",
            ),
            (
                torch.where(near, inner, width * sided),
                Mistake.WRONG_FACTOR,
                f"the straight part is not divided by {called}",
            ),
            (
                torch.where(near, r, sided),
                Mistake.WRONG_FACTOR,
                f"{called} is left out: the loss has it as an option",
            ),
            (
                torch.where(near, inner, torch.zeros_like(r)),
                Mistake.PATH_LOST,
                "far from the target nothing comes back",
            ),
            (
                torch.where(near, torch.zeros_like(r), outer),
                Mistake.PATH_LOST,
                "near the target nothing comes back",
            ),
            (
                torch.where(near, inner, scale * width + 0 * r),
                Mistake.SIGN,
                "in the straight part, the sign is left out",
            ),
            (
                torch.where(near, inner, scale * width * r),
                Mistake.WRONG_SLOPE,
                "in the straight part, the difference itself is there, not its sign",
            ),
            (
                torch.where(near, inner, scale * width * r.abs()),
                Mistake.WRONG_SLOPE,
                "in the straight part, the size of the difference is there, not its sign",
            ),
            (
                torch.where(near, inner / 2, outer),
                Mistake.WRONG_FACTOR,
                "in the squared part, the half is kept",
            ),
            (
                torch.where(near, 2 * inner, outer),
                Mistake.EXTRA_FACTOR,
                "in the squared part, there is a 2 too much",
            ),
            (
                torch.where(near, scale * r**2 / 2, outer),
                Mistake.WRONG_SLOPE,
                "in the squared part, the square is not differentiated",
            ),
            (
                torch.where(near, inner, outer - scale * width / 2),
                Mistake.EXTRA_TERM,
                "in the straight part, forward's constant is kept",
            ),
            (
                torch.where(r.abs() < 1, inner, outer),
                Mistake.WRONG_MASK,
                f"the mask compares with 1: ask the module for {called}",
            ),
            (
                r.clamp(-1, 1),
                Mistake.WRONG_FACTOR,
                f"the difference is cut off at 1: ask the module for {called}",
            ),
            (
                r.clamp(-width, width),
                Mistake.WRONG_FACTOR,
                f"all is cut off at {called}, as for the other of the two losses",
            ),
            (
                (r / width).clamp(-1, 1),
                Mistake.WRONG_FACTOR,
                f"all is divided by {called}, as for the other of the two losses",
            ),
            *(
                (
                    torch.where(signed < width, inner, outer),
                    Mistake.WRONG_MASK,
                    f"the mask forgets the bars: what lies far {side} the target is taken for near",
                )
                for signed, side in ((x - y, "below"), (y - x, "above"))
            ),
            (
                torch.where(x.abs() < width, inner, outer),
                Mistake.WRONG_MASK,
                "the mask asks for the size of x, not of the difference",
            ),
            (each(x, y), Mistake.LOCAL_DERIVATIVE_IGNORED, "the losses themselves are handed back"),
        ]
        yield from wrong_loss(at, name, each, wrong)


@slips("ContrastiveLoss")
def contrastive(at: At) -> Iterator[Slip | None]:
    """Two of a kind are pulled together, others pushed apart: how strongly, in which direction, and when."""
    x1, x2, grad, margin = at["x1"], at["x2"], at.grad, at.module.margin
    difference, alike = x1 - x2, at["same"].bool()
    distance = torch.linalg.vector_norm(difference, dim=-1)
    short_by = margin - distance
    far = distance.clamp(min=torch.finfo(distance.dtype).tiny)
    push, pull = -torch.relu(short_by) / far, torch.ones_like(distance)
    inside = (short_by > 0).to(far)
    count = max(distance.numel(), 1) if at.module.reduction == "mean" else 1
    turned = "the push has the wrong sign: others are driven apart, not together"
    for of_alike, of_others, mistake, what in (
        (
            pull,
            push * distance,
            Mistake.MISSING_FACTOR,
            "the push is not divided by the distance: its direction is a vector of length 1",
        ),
        (pull, push / far, Mistake.EXTRA_FACTOR, "the push is divided by the distance twice"),
        (pull, -short_by / far, Mistake.MASK_MISSING, "the push goes on beyond the margin"),
        (
            pull,
            (short_by <= 0).to(far).sub(1) / far,
            Mistake.MISSING_FACTOR,
            "the push has the same size everywhere",
        ),
        (pull, -push, Mistake.SIGN, turned),
        (
            pull,
            -push * distance,
            Mistake.SIGN,
            f"two things: {turned}; and it is not divided by the distance",
        ),
        (pull, -margin * inside / far, Mistake.PATH_LOST, "the push lacks the distance"),
        (pull, 0 * push, Mistake.PATH_LOST, "two of different kinds get nothing"),
        (pull, pull, Mistake.PATH_LOST, "two of different kinds are pulled together as well"),
        (0 * pull, push, Mistake.PATH_LOST, "two of a kind get nothing"),
        (push, push, Mistake.PATH_LOST, "two of a kind are pushed apart as well"),
        (push, pull, Mistake.WRONG_MASK, "the two branches are exchanged"),
        (-pull, push, Mistake.SIGN, "the pull has the wrong sign"),
        (1 / far, push, Mistake.EXTRA_FACTOR, "the pull is divided by the distance"),
        (distance, push, Mistake.EXTRA_FACTOR, "the pull is multiplied with the distance"),
        (2 * pull, push, Mistake.EXTRA_FACTOR, "the pull has a 2: forward's half takes it away"),
        (pull, 2 * push, Mistake.EXTRA_FACTOR, "the push has a 2: forward's half takes it away"),
        (pull / 2, push, Mistake.WRONG_FACTOR, "forward's half is kept in the pull"),
        (pull, push / 2, Mistake.WRONG_FACTOR, "forward's half is kept in the push"),
    ):
        weight = torch.where(alike, of_alike, of_others) * grad / count
        for name, sign in (("x1", 1.0), ("x2", -1.0)):
            yield at.slip(name, sign * weight.unsqueeze(-1) * difference, mistake, what)
