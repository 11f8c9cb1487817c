"""Losses beside torch's: every reduction, weights, ignored classes, smoothing.

Inputs that break careless formulas are tested, too.
"""

import copy
import itertools
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import course
from course.device import tensor
from course.errors import DtypeError, RankError, SizeError
from course.modules import (
    BCELoss,
    BCEWithLogitsLoss,
    ContrastiveLoss,
    CrossEntropyLoss,
    HingeLoss,
    HuberLoss,
    KLDivLoss,
    L1Loss,
    LogLoss,
    MSELoss,
    NLLLoss,
    SmoothL1Loss,
)
from tests.against_torch import compare

REDUCTIONS = ("none", "mean", "sum")
reductions = pytest.mark.parametrize("reduction", REDUCTIONS)
ELEMENTWISE = (MSELoss, L1Loss, SmoothL1Loss, HuberLoss, BCEWithLogitsLoss, HingeLoss)
HAS_NO_GRADIENT_YET = "call forward before backward"

pytestmark = pytest.mark.filterwarnings("ignore:reduction. 'mean' divides:UserWarning")


def randn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, dtype=torch.float64, device=course.device(), generator=course.generator(seed))


def rand(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, dtype=torch.float64, device=course.device(), generator=course.generator(seed))


def classes(count: int, *shape: int, seed: int = 5) -> torch.Tensor:
    return torch.randint(count, shape, device=course.device(), generator=course.generator(seed))


# ---------------------------------------------------------------------------------------------------- one
# loss per element


@pytest.mark.parametrize("shape", [(4, 3), (1, 3), (0, 3), (2, 3, 4, 5), (), (1,)], ids=str)
@reductions
@pytest.mark.parametrize(
    "kind", [MSELoss, L1Loss, SmoothL1Loss, HuberLoss, BCEWithLogitsLoss], ids=lambda k: k.__name__
)
def test_elementwise_loss(kind, reduction, shape):
    compare(
        kind(reduction=reduction),
        getattr(nn, kind.__name__)(reduction=reduction),
        (randn(*shape), rand(*shape, seed=1)),
    )


@pytest.mark.parametrize(
    "kind", [MSELoss, L1Loss, SmoothL1Loss, HuberLoss, BCEWithLogitsLoss], ids=lambda k: k.__name__
)
@reductions
def test_elementwise_loss_of_a_view(kind, reduction):
    x, target = randn(6, 4).T[::2], rand(4, 6, seed=1)[::2]
    assert not x.is_contiguous()
    compare(kind(reduction=reduction), getattr(nn, kind.__name__)(reduction=reduction), (x, target))


@pytest.mark.parametrize("kind", [MSELoss, L1Loss, SmoothL1Loss, HuberLoss], ids=lambda k: k.__name__)
@reductions
def test_regression_loss_at_its_kinks_and_far_out(kind, reduction):
    target = torch.tensor(
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.5, 0.0, 0.0], dtype=torch.float64, device=course.device()
    )
    x = torch.tensor([0.0, -0.0, 1.0, -1.0, 0.5, 0.5, 1e3, -1e3], dtype=torch.float64, device=course.device())
    compare(kind(reduction=reduction), getattr(nn, kind.__name__)(reduction=reduction), (x, target))


@pytest.mark.parametrize("beta", [0.0, 1e-3, 0.5, 2.0])
@reductions
def test_smooth_l1(reduction, beta):
    x = torch.cat([randn(20), torch.tensor([0.0, beta, -beta], dtype=torch.float64, device=course.device())])
    compare(
        SmoothL1Loss(reduction, beta),
        nn.SmoothL1Loss(reduction=reduction, beta=beta),
        (x, torch.zeros_like(x)),
    )


@pytest.mark.parametrize("delta", [1e-3, 0.5, 2.0])
@reductions
def test_huber(reduction, delta):
    x = torch.cat(
        [randn(20), torch.tensor([0.0, delta, -delta], dtype=torch.float64, device=course.device())]
    )
    compare(
        HuberLoss(reduction, delta), nn.HuberLoss(reduction=reduction, delta=delta), (x, torch.zeros_like(x))
    )


# ---------------------------------------------------------------------------------------------------- yes or
# no


@pytest.mark.parametrize("weight", [None, (4, 3), (3,), (4, 1), (1,)], ids=str)
@reductions
def test_bce(reduction, weight):
    weight = None if weight is None else rand(*weight, seed=2)
    compare(
        BCELoss(weight, reduction), nn.BCELoss(weight, reduction=reduction), (rand(4, 3), rand(4, 3, seed=1))
    )


@reductions
def test_bce_of_certain_answers_is_bounded(reduction):
    """Where p is 0 or 1, torch's gradient of the target is infinite; ours is the bounded logarithm's."""
    x = torch.tensor([0.0, 0.0, 1.0, 1.0, 0.5], dtype=torch.float64, device=course.device())
    target = torch.tensor([0.0, 1.0, 0.0, 1.0, 1.0], dtype=torch.float64, device=course.device())
    detached = lambda theirs, x, target: theirs(x, target.detach())  # noqa: E731
    loss = BCELoss(reduction=reduction)
    value = loss(x, target)
    grad_x, grad_target = loss.backward(torch.ones_like(value))
    leaf = x.clone().requires_grad_()
    expected = detached(nn.BCELoss(reduction=reduction), leaf, target)
    torch.testing.assert_close(value, expected.detach())
    torch.testing.assert_close(grad_x, torch.autograd.grad(expected.sum(), leaf)[0])
    scale = 1 / 5 if reduction == "mean" else 1.0
    torch.testing.assert_close(
        grad_target, scale * torch.tensor([100, 100, -100, -100, 0], dtype=torch.float64).to(x.device)
    )


@pytest.mark.parametrize(("name", "value"), [("x", 1.5), ("x", -0.1), ("x", float("nan")), ("target", 2.0)])
def test_bce_refuses_what_is_no_probability(name, value):
    inputs = {"x": rand(4), "target": rand(4)}
    inputs[name][2] = value
    with pytest.raises(
        ValueError,
        match=rf"argument '{name}' holds {value:g}, expected probabilities from 0 "
        rf"to 1",
    ):
        BCELoss()(**inputs)


@pytest.mark.parametrize("pos_weight", [None, (3,), (1,), (4, 3)], ids=str)
@pytest.mark.parametrize("weight", [None, (4, 3), (3,), (4, 1)], ids=str)
@reductions
def test_bce_with_logits(reduction, weight, pos_weight):
    weight, pos_weight = (
        None if s is None else 3 * rand(*s, seed=n) for n, s in enumerate((weight, pos_weight), start=2)
    )
    theirs = nn.BCEWithLogitsLoss(weight, reduction=reduction, pos_weight=pos_weight)
    compare(BCEWithLogitsLoss(weight, reduction, pos_weight), theirs, (3 * randn(4, 3), rand(4, 3, seed=1)))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("positive", [None, 3.0])
def test_bce_with_saturated_logits(positive, dtype):
    x = torch.tensor([-1e3, -1e3, 1e3, 1e3, 40.0, -40.0, 0.0], dtype=dtype, device=course.device())
    target = torch.tensor([0, 1, 0, 1, 1, 0, 1], dtype=dtype, device=course.device())
    pos_weight = None if positive is None else torch.tensor([positive], dtype=dtype, device=course.device())
    loss, theirs = (
        kind(reduction="none", pos_weight=pos_weight) for kind in (BCEWithLogitsLoss, nn.BCEWithLogitsLoss)
    )
    leaves = x.clone().requires_grad_(), target.clone().requires_grad_()
    ours, expected = loss(x, target), theirs(*leaves)
    torch.testing.assert_close(ours, expected.detach())
    for grad, want in zip(
        loss.backward(torch.ones_like(ours)), torch.autograd.grad(expected.sum(), leaves), strict=True
    ):
        assert grad.isfinite().all()
        torch.testing.assert_close(grad, want)


@pytest.mark.parametrize("kind", [BCELoss, BCEWithLogitsLoss], ids=lambda k: k.__name__)
def test_weights_that_do_not_fit_the_elements(kind):
    with pytest.raises(
        SizeError,
        match=r"weight has shape \(4,\), which does not broadcast to the input's "
        r"\(4, 3\)",
    ):
        kind(weight=rand(4))(rand(4, 3), rand(4, 3))
    with pytest.raises(SizeError, match=r"weight has shape \(2, 3\)"):
        kind(weight=rand(2, 3))(rand(3), rand(3))


# ---------------------------------------------------------------------------------------------------- classes

SHAPES = [(5, 3), (1, 3), (0, 3), (3,), (2, 3, 4), (2, 3, 2, 2), (2, 3, 2, 1, 2), (2, 3, 0)]
class_shapes = pytest.mark.parametrize("shape", SHAPES, ids=str)


def without_classes(shape: tuple[int, ...]) -> tuple[int, ...]:
    return () if len(shape) == 1 else shape[:1] + shape[2:]


@class_shapes
@pytest.mark.parametrize("ignore_index", [-100, 1])
@pytest.mark.parametrize("weighted", [False, True])
@reductions
def test_nll(reduction, weighted, ignore_index, shape):
    options = {
        "weight": rand(3, seed=3) if weighted else None,
        "ignore_index": ignore_index,
        "reduction": reduction,
    }
    inputs = randn(*shape).log_softmax(0 if len(shape) == 1 else 1), classes(3, *without_classes(shape))
    compare(NLLLoss(**options), nn.NLLLoss(**options), inputs)


@class_shapes
@pytest.mark.parametrize(
    ("ignore_index", "smoothing"),
    [*itertools.product([-100, 1], [0.0, 0.2]), (255, 0.0), (-100, 1.0)],
    ids=str,
)
@pytest.mark.parametrize("weighted", [False, True])
@reductions
def test_cross_entropy_of_class_indices(reduction, weighted, ignore_index, smoothing, shape):
    weight = rand(3, seed=3) if weighted else None
    options = {
        "weight": weight,
        "ignore_index": ignore_index,
        "reduction": reduction,
        "label_smoothing": smoothing,
    }
    target = classes(3, *without_classes(shape))
    if ignore_index == 255 and target.numel() > 1:
        target.view(-1)[1] = 255
    compare(CrossEntropyLoss(**options), nn.CrossEntropyLoss(**options), (2 * randn(*shape), target))


@class_shapes
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("weighted", [False, True])
@reductions
def test_cross_entropy_of_probabilities(reduction, weighted, smoothing, shape):
    weight = rand(3, seed=3) if weighted else None
    options = {"weight": weight, "reduction": reduction, "label_smoothing": smoothing}
    target = randn(*shape, seed=1).softmax(0 if len(shape) == 1 else 1)
    compare(CrossEntropyLoss(**options), nn.CrossEntropyLoss(**options), (2 * randn(*shape), target))


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("weighted", [False, True])
@reductions
@pytest.mark.parametrize("shape", [(4, 3), (4, 3, 2)], ids=str)
def test_every_position_ignored(shape, reduction, weighted, smoothing):
    """A mean over nothing is not a number, as in torch, but its gradient is zero."""
    options = {"weight": rand(3) if weighted else None, "reduction": reduction, "label_smoothing": smoothing}
    target = torch.full(without_classes(shape), -100, device=course.device())
    _, (grad, _) = compare(
        CrossEntropyLoss(**options), nn.CrossEntropyLoss(**options), (randn(*shape), target)
    )
    assert grad.count_nonzero() == 0


def test_ignored_positions_may_hold_anything():
    x, target = randn(4, 3), classes(3, 4)
    x[1, 0], target[1] = -torch.inf, -100
    for kind in (NLLLoss, CrossEntropyLoss):
        compare(kind(), getattr(nn, kind.__name__)(), (x, target))


def test_cross_entropy_of_a_view_and_of_other_whole_numbers():
    x = randn(3, 8).T[::2]
    assert not x.is_contiguous()
    target = classes(3, 8)[::2]
    compare(CrossEntropyLoss(), nn.CrossEntropyLoss(), (x, target))
    assert CrossEntropyLoss()(x, target.int()) == CrossEntropyLoss()(x, target)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_cross_entropy_of_saturated_logits(dtype, smoothing):
    x = torch.tensor(
        [[1e3, -1e3, 0.0], [-1e3, 1e3, 0.0], [1e3, 1e3, 1e3]], dtype=dtype, device=course.device()
    )
    for target in (
        torch.tensor([1, 1, 2], device=course.device()),
        torch.eye(3, dtype=dtype, device=course.device()),
    ):
        loss, leaf = CrossEntropyLoss(label_smoothing=smoothing), x.clone().requires_grad_()
        expected = F.cross_entropy(leaf, target, label_smoothing=smoothing)
        value = loss(x, target)
        torch.testing.assert_close(value, expected.detach())
        (grad, *_) = loss.backward(torch.ones_like(value))
        assert grad.isfinite().all()
        torch.testing.assert_close(grad, torch.autograd.grad(expected, leaf)[0])


def test_cross_entropy_with_impossible_classes():
    """A logit of −∞ is a class that cannot be: no harm as long as it is not the true one."""
    x = randn(3, 4)
    x[:, 2] = -torch.inf
    compare(CrossEntropyLoss(), nn.CrossEntropyLoss(), (x, torch.tensor([0, 1, 3], device=course.device())))


def test_the_worked_example_of_the_lecture():
    p = torch.tensor([[0.2, 0.3, 0.5]], dtype=torch.float64, device=course.device())
    loss = CrossEntropyLoss()
    loss(p.log(), torch.tensor([1], device=course.device()))
    grad, none = loss.backward(torch.tensor(1.0, dtype=torch.float64, device=course.device()))
    torch.testing.assert_close(
        grad, torch.tensor([[0.2, -0.7, 0.5]], dtype=torch.float64, device=course.device())
    )
    assert none is None


@pytest.mark.parametrize("kind", [NLLLoss, CrossEntropyLoss], ids=lambda k: k.__name__)
@pytest.mark.parametrize("value", [3, -1, 7, -100])
@pytest.mark.parametrize("ignore_index", [-100, 1, -5])
def test_a_class_that_does_not_exist(kind, value, ignore_index):
    target = torch.tensor([0, value, 2], device=course.device())
    loss = kind(ignore_index=ignore_index)
    if value == ignore_index:
        assert loss(randn(3, 3), target).isfinite()
    else:
        with pytest.raises(
            IndexError,
            match=rf"{kind.__name__}: argument 'target' holds class {value}, but "
            rf"x has 3 classes",
        ):
            loss(randn(3, 3), target)


def test_a_class_that_does_not_exist_after_a_good_batch():
    loss = CrossEntropyLoss()
    loss(randn(2, 3), torch.tensor([0, 2], device=course.device()))
    with pytest.raises(IndexError, match="holds class 3"):
        loss(randn(2, 3), torch.tensor([0, 3], device=course.device()))


@pytest.mark.parametrize("kind", [NLLLoss, CrossEntropyLoss], ids=lambda k: k.__name__)
@pytest.mark.parametrize(
    ("x", "target"),
    [((4, 3), (5,)), ((4, 3), ()), ((4, 3), (4, 1)), ((3,), (3,)), ((2, 3, 4), (2, 3)), ((2, 3, 4), (2,))],
    ids=str,
)
def test_class_indices_of_the_wrong_shape(kind, x, target):
    with pytest.raises(SizeError) as caught:
        kind()(randn(*x), classes(3, *target))
    message = str(caught.value)
    for part in ("argument 'target'", str(target), str(without_classes(x)), str(x)):
        assert part in message


def test_class_weights_of_the_wrong_shape():
    for kind in (NLLLoss, CrossEntropyLoss):
        with pytest.raises(SizeError, match=r"weight has shape \(4,\), expected \(3,\)"):
            kind(weight=rand(4))(randn(2, 3), classes(3, 2))


def test_probabilities_of_the_wrong_shape():
    with pytest.raises(SizeError, match=r"\(4,\), expected \(4, 3\).*target.long\(\)"):
        CrossEntropyLoss()(randn(4, 3), rand(4))
    with pytest.raises(SizeError, match=r"\(3, 4\), expected \(4, 3\)"):
        CrossEntropyLoss()(randn(4, 3), rand(3, 4))


def test_targets_of_the_wrong_kind():
    with pytest.raises(DtypeError, match="argument 'target' holds float64, expected whole numbers"):
        NLLLoss()(randn(4, 3), rand(4))
    with pytest.raises(DtypeError, match="argument 'target' holds bool"):
        CrossEntropyLoss()(randn(4, 3), rand(4) > 0.5)
    with pytest.raises(DtypeError, match="argument 'x' holds int64, expected floating-point numbers"):
        CrossEntropyLoss()(classes(3, 4, 3), classes(3, 4))
    with pytest.raises(RankError, match="argument 'x' has shape"):
        CrossEntropyLoss()(randn(), classes(3))
    with pytest.raises(DtypeError, match="argument 'target' is a list"):
        CrossEntropyLoss()(randn(2, 3), [0, 1])


# ----------------------------------------------------------------------------------------------------
# distributions


@pytest.mark.parametrize("shape", [(4, 3), (1, 3), (0, 3), (3,), (), (2, 3, 4)], ids=str)
@pytest.mark.parametrize("log_target", [False, True])
@pytest.mark.parametrize("reduction", [*REDUCTIONS, "batchmean"])
def test_kl_div(reduction, log_target, shape):
    target = rand(*shape, seed=1) + 0.1
    theirs = nn.KLDivLoss(reduction=reduction, log_target=log_target)
    compare(KLDivLoss(reduction, log_target), theirs, (randn(*shape), target.log() if log_target else target))


def test_kl_div_of_impossible_events():
    x, target = randn(4, 3).log_softmax(1), torch.eye(4, 3, dtype=torch.float64, device=course.device())
    loss, leaf = KLDivLoss("sum"), x.clone().requires_grad_()
    expected = F.kl_div(leaf, target, reduction="sum")
    torch.testing.assert_close(loss(x, target), expected.detach())
    torch.testing.assert_close(
        loss.backward(torch.ones_like(expected))[0], torch.autograd.grad(expected, leaf)[0]
    )


def log_loss(x, target, reduction):
    losses = -torch.xlogy(target, x).sum(-1)
    return losses if reduction == "none" else getattr(losses, reduction)()


@pytest.mark.parametrize("shape", [(4, 3), (1, 3), (0, 3), (3,), (2, 4, 3)], ids=str)
@reductions
def test_log_loss(reduction, shape):
    inputs = randn(*shape).softmax(-1), randn(*shape, seed=1).softmax(-1)
    compare(LogLoss(reduction), lambda x, target: log_loss(x, target, reduction), inputs)


def test_log_loss_of_events_held_impossible():
    x = torch.tensor([[0.0, 1.0], [0.0, 1.0]], dtype=torch.float64, device=course.device())
    target = torch.tensor([[0.0, 1.0], [1.0, 0.0]], dtype=torch.float64, device=course.device())
    loss = LogLoss("none")
    torch.testing.assert_close(
        loss(x, target), torch.tensor([0.0, 100.0], dtype=torch.float64, device=x.device)
    )
    grad_x, grad_target = loss.backward(torch.ones(2, dtype=torch.float64, device=x.device))
    torch.testing.assert_close(
        grad_x, torch.tensor([[0.0, -1.0], [-1e12, 0.0]], dtype=torch.float64, device=x.device)
    )
    assert grad_target.isfinite().all()


def test_log_loss_after_softmax_is_cross_entropy():
    x, target = randn(5, 3), randn(5, 3, seed=1).softmax(1)
    softmax = x.clone().requires_grad_()
    p = softmax.softmax(1)
    loss = LogLoss()
    value = loss(p.detach(), target)
    joined = CrossEntropyLoss()
    torch.testing.assert_close(value, joined(x, target))
    one = torch.ones_like(value)
    through_softmax = torch.autograd.grad(p, softmax, loss.backward(one)[0])[0]
    torch.testing.assert_close(through_softmax, joined.backward(one)[0])


# ---------------------------------------------------------------------------------------------------- margins


@pytest.mark.parametrize("shape", [(4, 3), (1,), (0, 3), ()], ids=str)
@reductions
def test_hinge(reduction, shape):
    losses = lambda x, y: F.relu(1 - y * x)  # noqa: E731
    theirs = losses if reduction == "none" else lambda x, y: getattr(losses(x, y), reduction)()
    compare(HingeLoss(reduction), theirs, (2 * randn(*shape), randn(*shape, seed=1).sign()))


def test_hinge_at_its_kink_and_far_out():
    x = torch.tensor([1.0, -1.0, 0.0, 1e3, -1e3, -1.0], dtype=torch.float64, device=course.device())
    y = torch.tensor([1.0, -1.0, 1.0, 1.0, 1.0, 1.0], dtype=torch.float64, device=course.device())
    compare(HingeLoss("none"), lambda x, y: F.relu(1 - y * x), (x, y))


def contrastive(x1, x2, same, margin, reduction):
    distance = (x1 - x2).norm(dim=-1)
    losses = torch.where(same.bool(), distance**2, (margin - distance).relu() ** 2) / 2
    return losses if reduction == "none" else getattr(losses, reduction)()


@pytest.mark.parametrize("shape", [(6, 3), (1, 3), (0, 3), (3,), (2, 3, 4)], ids=str)
@pytest.mark.parametrize("margin", [0.0, 1.0, 3.0])
@reductions
def test_contrastive(reduction, margin, shape):
    same = classes(2, *shape[:-1])
    inputs = randn(*shape), randn(*shape, seed=1), same
    compare(ContrastiveLoss(margin, reduction), lambda *xs: contrastive(*xs, margin, reduction), inputs)
    compare(
        ContrastiveLoss(margin, reduction),
        lambda *xs: contrastive(*xs, margin, reduction),
        (*inputs[:2], same.bool()),
    )


def test_contrastive_of_two_in_the_same_place_and_far_apart():
    x1 = torch.zeros(4, 2, dtype=torch.float64, device=course.device())
    x2 = torch.tensor([[0, 0], [0, 0], [1e3, 0], [1e3, 0]], dtype=torch.float64, device=course.device())
    same = torch.tensor([True, False, True, False], device=course.device())
    _, (grad, _, none) = compare(
        ContrastiveLoss(reduction="none"), lambda *xs: contrastive(*xs, 1.0, "none"), (x1, x2, same)
    )
    assert grad.isfinite().all()
    assert grad[:2].count_nonzero() == 0
    assert none is None


# ---------------------------------------------------------------------------------------------------- what is
# refused


@pytest.mark.parametrize("kind", [*ELEMENTWISE, KLDivLoss, BCELoss, LogLoss], ids=lambda k: k.__name__)
def test_shapes_that_differ_are_refused(kind):
    """(n,) beside (n, 1) would broadcast to n × n losses, a classic mistake that stays silent."""
    with pytest.raises(SizeError) as caught:
        kind()(rand(4, 1), rand(4, 4))
    for part in (
        kind.__name__,
        "argument 'target'",
        "(4, 4)",
        "(4, 1)" if kind is not LogLoss else "classes=1",
    ):
        assert part in str(caught.value)
    with pytest.raises(DtypeError, match="argument 'target' holds int64, expected floating-point numbers"):
        kind()(rand(4, 3), classes(2, 4, 3))


def test_contrastive_of_shapes_that_differ():
    with pytest.raises(SizeError, match=r"argument 'x2' has shape \(4, 2\), expected \(4, features=3\)"):
        ContrastiveLoss()(randn(4, 3), randn(4, 2), classes(2, 4))
    with pytest.raises(SizeError, match=r"argument 'same' has shape \(3,\)"):
        ContrastiveLoss()(randn(4, 3), randn(4, 3), classes(2, 3))
    with pytest.raises(DtypeError, match="argument 'same' holds float64"):
        ContrastiveLoss()(randn(4, 3), randn(4, 3), rand(4))


LOSSES = (*ELEMENTWISE, NLLLoss, CrossEntropyLoss, BCELoss, KLDivLoss, LogLoss, ContrastiveLoss)


@pytest.mark.parametrize("kind", LOSSES, ids=lambda k: k.__name__)
def test_reductions_are_checked_and_shown(kind):
    with pytest.raises(
        ValueError,
        match=r"there is no reduction 'average': choose one of 'none', 'mean', "
        r"'sum'",
    ):
        kind(reduction="average")
    assert "reduction='sum'" in repr(kind(reduction="sum"))
    with pytest.raises(RuntimeError, match=HAS_NO_GRADIENT_YET):
        kind().backward(torch.ones((), device=course.device()))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: HuberLoss(delta=0.0), "delta is 0.0"),
        (lambda: SmoothL1Loss(beta=-1.0), "beta is -1.0"),
        (lambda: CrossEntropyLoss(label_smoothing=1.5), "label_smoothing is 1.5"),
        (lambda: ContrastiveLoss(margin=-1.0), "margin is -1.0"),
    ],
    ids=["delta", "beta", "label_smoothing", "margin"],
)
def test_constructors_refuse(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_weights_are_state():
    loss = CrossEntropyLoss(rand(3))
    assert list(loss.state_dict()) == ["weight"]
    assert list(CrossEntropyLoss().state_dict()) == []
    assert list(BCEWithLogitsLoss(rand(3), pos_weight=rand(3)).state_dict()) == ["weight", "pos_weight"]
    assert list(loss.parameters()) == []
    assert copy.deepcopy(loss).to(dtype=torch.float32).weight.value.dtype == torch.float32


def test_weights_of_another_dtype_are_refused():
    with pytest.raises(DtypeError, match=r"argument 'x' holds float64, but the module's .* hold float32"):
        CrossEntropyLoss(rand(3).float())(randn(2, 3), classes(3, 2))


@pytest.mark.parametrize("kind", [*ELEMENTWISE, CrossEntropyLoss], ids=lambda k: k.__name__)
def test_backward_twice_and_nothing_changed(kind):
    x, target = randn(4, 3), rand(4, 3, seed=1)
    loss = kind(reduction="none")
    given = x.clone(), target.clone()
    upstream = torch.ones_like(loss(x, target))
    first = [grad.clone() for grad in loss.backward(upstream)]
    second = loss.backward(upstream)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert torch.equal(x, given[0])
    assert torch.equal(target, given[1])
    assert torch.equal(upstream, torch.ones_like(upstream))


def test_gradients_of_the_target_where_torch_has_none():
    """The bounded logarithms of BCELoss have a finite slope; KLDivLoss has an infinite one at 0, not nan."""
    loss = BCELoss(reduction="sum")
    loss(tensor([0.0, 1.0, 0.3]), tensor([0.0, 1.0, 1.0]))
    grad_target = loss.backward(tensor(1.0))[1]
    assert grad_target.tolist() == pytest.approx([100.0, -100.0, math.log(0.7) - math.log(0.3)])
    loss = KLDivLoss(reduction="sum")
    loss(tensor([-1.0, -2.0]), tensor([0.0, 0.5]))
    grad_target = loss.backward(tensor(1.0))[1]
    assert grad_target.tolist() == pytest.approx([-math.inf, math.log(0.5) + 3.0])
