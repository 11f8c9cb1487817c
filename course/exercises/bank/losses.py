"""Assignment 03: backward passes of softmax and of five losses."""

from typing import Any

import torch
from torch import Generator, Tensor

from course.device import rand, randn
from course.exercises.exercise import Case, Exercise
from course.exercises.questions.making import called_with
from course.modules import BCEWithLogitsLoss, CrossEntropyLoss, EuclideanLoss, HingeLoss, LogLoss, Softmax

APART, SUM, MEAN = "losses kept apart", "losses added up", "losses averaged"

SURE = 2000.0
"""A logit so large that beside it e^x is 0 or infinite in float64 too, also when the row's mean is taken off:
what divides by a probability divides by zero."""

CLOSE = 1e-3
"""How near to the kink a score may be; a difference step is shorter."""


def _yes_or_no(rng: Generator, *shape: int) -> Tensor:
    """0 or 1 for each element, half of them each, so that no mistake hides where all are alike."""
    count = torch.Size(shape).numel()
    return (torch.randperm(count, generator=rng, device=rng.device) % 2).float().reshape(shape)


def _whole(rng: Generator, high: int, *shape: int) -> Tensor:
    return torch.randint(high, shape, generator=rng, device=rng.device)


def _one_hot(classes: Tensor, count: int) -> Tensor:
    return torch.nn.functional.one_hot(classes, count).float()


def _case(label: str, *inputs: Tensor, **options: Any) -> Case:
    return Case(label, called_with(**options), inputs)


def _softmax_cases(rng: Generator) -> list[Case]:
    images = randn(rng, 2, 3, 2)
    images[0, 1, 0] += SURE
    return [
        _case("one row", randn(rng, 1, 4), dim=1),
        _case("columns of a batch", randn(rng, 3, 4), dim=0),
        _case("channels of images", images, dim=1),
        _case("the last of three axes", randn(rng, 2, 2, 3), dim=-1),
        _case("rows of a batch", randn(rng, 4, 3), dim=1),
    ]


def _euclidean_cases(rng: Generator) -> list[Case]:
    shapes = {
        "one example": (1, 4),
        "one feature": (4, 1),
        "as many examples as features": (3, 3),
        "a batch": (4, 3),
    }
    return [_case(label, randn(rng, *shape), randn(rng, *shape)) for label, shape in shapes.items()]


def _log_loss_cases(rng: Generator) -> list[Case]:
    def probabilities() -> Tensor:
        return randn(rng, 4, 3).softmax(dim=1)

    return [
        _case(APART, probabilities(), probabilities(), reduction="none"),
        _case(SUM, probabilities(), _one_hot(_whole(rng, 3, 4), 3), reduction="sum"),
        _case(MEAN, probabilities(), probabilities(), reduction="mean"),
    ]


def _cross_entropy_cases(rng: Generator) -> list[Case]:
    truth = _whole(rng, 3, 4)
    sure = SURE * _one_hot((truth + 1) % 3, 3)
    sure[0] = 0  # whoever takes the largest logit of all rows off has nothing left of this one
    return [
        # the last class is nowhere the true one: how many there are, only x says
        _case(APART, randn(rng, 4, 3), _whole(rng, 2, 4), reduction="none"),
        _case(SUM, randn(rng, 5, 4), _whole(rng, 4, 5), reduction="sum"),
        _case("sure of a wrong class", randn(rng, 4, 3) + sure, truth, reduction="none"),
        _case(MEAN, randn(rng, 4, 3), _whole(rng, 3, 4), reduction="mean"),
    ]


def _binary_cases(rng: Generator) -> list[Case]:
    truth = _yes_or_no(rng, 4, 3)
    sure = randn(rng, 4, 3) + SURE * (1 - 2 * truth)
    return [
        _case(APART, randn(rng, 2, 2, 3), rand(rng, 2, 2, 3), reduction="none"),
        _case(SUM, randn(rng, 5), _yes_or_no(rng, 5), reduction="sum"),
        _case("sure of a wrong answer", sure, truth, reduction="none"),
        _case(MEAN, randn(rng, 4, 3), _yes_or_no(rng, 4, 3), reduction="mean"),
    ]


def _hinge_cases(rng: Generator) -> list[Case]:
    def labels(*shape: int) -> Tensor:
        return 2 * _yes_or_no(rng, *shape) - 1

    def scores(target: Tensor) -> Tensor:
        """About half of them right by the margin, the others not; the first two of them narrowly."""
        side, beyond = 2 * _yes_or_no(rng, *target.shape) - 1, randn(rng, *target.shape).abs()
        side.view(-1)[:2] = torch.tensor([1.0, -1.0], device=rng.device)
        beyond.view(-1)[:2] = 0
        return target * (1 + side * (CLOSE + beyond))

    kept, added, averaged = labels(2, 2, 3), labels(5), labels(4, 3)
    return [
        _case(APART, scores(kept), kept, reduction="none"),
        _case(SUM, scores(added), added, reduction="sum"),
        _case(MEAN, scores(averaged), averaged, reduction="mean"),
    ]


EXERCISES = (
    Exercise(
        name="softmax",
        truth=Softmax,
        cases=_softmax_cases,
        points={"one row": 3, "rows of a batch": 5, "∂L/∂x": 8, "leaves inputs alone": 2},
        hints=(
            "Raise one score a little: which of the probabilities change? Each of them carries a part of the "
            "gradient back.",
            "Lecture 07, backward through softmax: first the Jacobian, then its product with g, which needs "
            "no matrix. "
            "The sum runs along one axis; keepdim=True keeps its result in a shape that still fits.",
            "For aᵢ = xᵢ − m, with m the mean of each row of n numbers, ∂aᵢ/∂xⱼ is −1/n, and 1 more for i = "
            "j. So the gradient "
            "is g minus the mean of g in that row: g - g.mean(dim=1, keepdim=True).",
        ),
    ),
    Exercise(
        name="euclidean_loss",
        truth=EuclideanLoss,
        cases=_euclidean_cases,
        points={"shapes": 2, "∂L/∂x": 4, "∂L/∂target": 3, "leaves inputs alone": 2},
        hints=(
            "Each example has a loss of its own, and an upstream gradient of its own. Print the shapes of "
            "all that you use.",
            "Lecture 07, the table of losses for numbers. And how does a distance change when both of its "
            "ends change places?",
            "For Lᵢ = (Σⱼ xᵢⱼ)² with the row sums s of shape (batch,): each xᵢⱼ gets gᵢ · 2sᵢ. In code, (2 * "
            "g * s)[:, None] "
            "has the shape (batch, 1), and spreads along the rows.",
        ),
    ),
    Exercise(
        name="log_loss",
        truth=LogLoss,
        cases=_log_loss_cases,
        at_zero=False,
        points={"losses kept apart": 4, "∂L/∂x": 5, "∂L/∂target": 4, "leaves inputs alone": 2},
        hints=(
            "Two steps back: first from the one number L to the loss of each row, then from there into the "
            "row.",
            "Lecture 07, sections 4 (the slope of the cross-entropy) and 6 (what an average hands to each "
            "example). "
            "As a function of y alone, the loss is a weighted sum: what is the slope of one of its terms?",
            "For Lᵢ = Σ_c y_ic √p_ic, kept apart: ∂L/∂p_ic = gᵢ y_ic / (2√p_ic) and ∂L/∂y_ic = gᵢ √p_ic. "
            "Averaged over 5 rows, each of them gets a fifth of that.",
        ),
    ),
    Exercise(
        name="cross_entropy_loss",
        truth=CrossEntropyLoss,
        cases=_cross_entropy_cases,
        points={
            "losses kept apart": 4,
            "losses averaged": 4,
            "∂L/∂x": 8,
            "∂L/∂target": 2,
            "leaves inputs alone": 2,
        },
        hints=(
            "Nothing in the formula needs a division by a probability. If one is in your code, what does it "
            "do where p is 0?",
            "Lecture 07, section 5: softmax and cross-entropy, joined. torch.nn.functional.one_hot(target, "
            "count) writes "
            "classes as rows of 0 and 1.",
            "A linear loss: Lᵢ = Σ_c x_ic − 3 x_iy, with y the true class of row i. Its slope is 1 for each "
            "wrong class and "
            "−2 for the true one: 1 minus 3 times the one-hot row, times gᵢ. Whole numbers have no gradient: "
            "None.",
        ),
    ),
    Exercise(
        name="bce_with_logits_loss",
        truth=BCEWithLogitsLoss,
        cases=_binary_cases,
        points={"losses kept apart": 4, "∂L/∂x": 6, "∂L/∂target": 4, "leaves inputs alone": 2},
        hints=(
            "Differentiate the formula that is given, term by term: no division is in it. How many losses "
            "are averaged here?",
            "Lecture 07, section 5: sigmoid and binary cross-entropy, joined, and the slope of ln σ that "
            "stands there.",
            "For L = (1 − y) x² + ln(1 + x²), kept apart: ∂L/∂x = g (2(1 − y) x + 2x / (1 + x²)) and ∂L/∂y = "
            "−g x². The mean "
            "of a 3 × 2 array hands a sixth of g to each.",
        ),
    ),
    Exercise(
        name="hinge_loss",
        truth=HingeLoss,
        cases=_hinge_cases,
        points={"losses kept apart": 4, "∂L/∂x": 4, "∂L/∂target": 3, "leaves inputs alone": 2},
        hints=(
            "Where the loss is 0, it stays 0 when x moves a little. So what comes back from there?",
            "Lecture 07, a loss without probabilities: two branches. A comparison of tensors tells where "
            "which of them holds.",
            "For L = max(0, x − 3y), kept apart: where x > 3y, the gradients are g and −3g; elsewhere both "
            "are 0. In "
            "code, inside = x > 3 * y gives g * inside and -3 * g * inside.",
        ),
    ),
)
