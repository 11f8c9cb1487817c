"""Normalizations beside torch's: every option, training and eval, several batches in a row.

What breaks a variance is tested, too.
"""

import copy
import inspect
import itertools

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import course
from course.errors import DtypeError, RankError, SizeError
from course.module import has_own_backward
from course.modules import BatchNorm1d, BatchNorm2d, GroupNorm, L1Normalize, L2Normalize, LayerNorm, RMSNorm
from tests.against_torch import compare


def randn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, dtype=torch.float64, device=course.device(), generator=course.generator(seed))


def with_random_state(theirs: nn.Module) -> nn.Module:
    """Not ones and zeros, behind which a forgotten weight or bias would hide."""
    for number, value in enumerate(theirs.state_dict().values()):
        if value.is_floating_point():
            value.copy_(
                torch.rand(value.shape, generator=course.generator(number), device=value.device) + 0.5
            )
    return theirs.to(dtype=torch.float64)


# ---------------------------------------------------------------------------------------------------- over
# the batch

BATCHES = {
    BatchNorm1d: [(5, 3), (2, 3), (4, 3, 6), (1, 3, 2), (0, 3), (0, 3, 4)],
    BatchNorm2d: [(4, 3, 2, 5), (1, 3, 2, 1), (2, 3, 1, 1), (0, 3, 2, 2)],
}
batches = pytest.mark.parametrize(
    ("kind", "shape"),
    [(kind, shape) for kind, shapes in BATCHES.items() for shape in shapes],
    ids=lambda value: value.__name__ if isinstance(value, type) else str(value),
)
norms = pytest.mark.parametrize("kind", BATCHES, ids=lambda kind: kind.__name__)


@batches
@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize(
    ("affine", "track_running_stats", "bias", "momentum"),
    [
        *itertools.product([True, False], [True, False], [True], [0.1, None]),
        (True, True, False, 0.3),
        (True, True, True, 1.0),
    ],
    ids=str,
)
def test_batch_norm(kind, shape, training, affine, track_running_stats, bias, momentum):
    options = {
        "affine": affine,
        "track_running_stats": track_running_stats,
        "bias": bias,
        "momentum": momentum,
        "eps": 1e-3,
    }
    theirs = with_random_state(getattr(nn, kind.__name__)(3, **options)).train(training)
    compare(kind(3, **options), theirs, (randn(*shape),))


@norms
@pytest.mark.parametrize("momentum", [0.1, 0.7, None])
def test_running_statistics_over_several_batches(kind, momentum):
    theirs, ours = (
        getattr(nn, kind.__name__)(3, momentum=momentum).double(),
        kind(3, momentum=momentum).to(dtype=torch.float64),
    )
    for seed in range(4):
        x = randn(*BATCHES[kind][0], seed=seed) * (seed + 1) + seed
        torch.testing.assert_close(ours(x), theirs(x).detach())
    for name, value in theirs.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[name], value)
    assert ours.state_dict()["num_batches_tracked"] == 4
    theirs.eval()
    ours.eval()
    x = randn(*BATCHES[kind][0], seed=9)
    torch.testing.assert_close(ours(x), theirs(x).detach())
    assert ours.state_dict()["num_batches_tracked"] == 4


@norms
def test_a_batch_after_forward_does_not_disturb_backward(kind):
    """Running statistics move on; an eval forward's backward reads those that it used."""
    norm, x = kind(3).to(dtype=torch.float64).eval(), randn(*BATCHES[kind][0])
    upstream = torch.ones_like(norm(x))
    before = norm.backward(upstream)
    other = norm.share().train()
    other(5 * x + 1)
    torch.testing.assert_close(norm.backward(upstream), before)
    assert other.running_mean is norm.running_mean, "a shared norm has one set of statistics"
    assert norm.running_mean.value.count_nonzero() == 3


@norms
@pytest.mark.parametrize("batch", [1, 4])
def test_constant_channels(kind, batch):
    """A variance of zero: only eps keeps the division finite."""
    shape = (batch, *BATCHES[kind][0][1:])
    if kind is BatchNorm1d and batch == 1:
        shape = (1, 3, 5)
    x = torch.full(shape, 7.0, dtype=torch.float64, device=course.device())
    _, (grad,) = compare(kind(3), with_random_state(getattr(nn, kind.__name__)(3)), (x,))
    assert grad.isfinite().all()


@norms
def test_channels_far_from_zero(kind):
    x = randn(*BATCHES[kind][0]) + 1e3
    compare(kind(3), with_random_state(getattr(nn, kind.__name__)(3)), (x,), rtol=1e-9)


def test_batch_norm_of_views():
    compare(BatchNorm1d(3), with_random_state(nn.BatchNorm1d(3)), (randn(3, 5).T,))
    compare(BatchNorm1d(3), with_random_state(nn.BatchNorm1d(3)), (randn(4, 7, 3).transpose(1, 2),))
    images = randn(2, 3, 4, 5).to(memory_format=torch.channels_last)
    compare(BatchNorm2d(3), with_random_state(nn.BatchNorm2d(3)), (images,))
    compare(BatchNorm2d(3), with_random_state(nn.BatchNorm2d(3)).eval(), (images[:, :, ::2],))


@pytest.mark.parametrize(
    ("kind", "shape"), [(BatchNorm1d, (1, 3)), (BatchNorm1d, (1, 3, 1)), (BatchNorm2d, (1, 3, 1, 1))]
)
@pytest.mark.parametrize("tracked", [True, False])
def test_one_value_per_channel_has_no_variance(kind, shape, tracked):
    norm, x = kind(3, track_running_stats=tracked).to(dtype=torch.float64), randn(*shape)
    with pytest.raises(ValueError, match=rf"{kind.__name__}: x of shape .* one value per channel.*eval\(\)"):
        norm(x)
    if tracked:
        assert norm.eval()(x).shape == shape
    else:
        with pytest.raises(ValueError, match="one value per channel"):
            norm.eval()(x)


@norms
@pytest.mark.parametrize("affine", [True, False])
def test_batch_norm_refuses(kind, affine):
    norm, good = kind(3, affine=affine), BATCHES[kind][0]
    with pytest.raises(SizeError, match=r"argument 'x' has shape \(5, 4.*expected \(batch.*num_features=3"):
        norm(randn(5, 4, *good[2:]).float())
    with pytest.raises(RankError, match=r"argument 'x' has shape \(3,\)"):
        norm(randn(3).float())
    with pytest.raises(RankError, match="argument 'x' has shape"):
        norm(randn(2, 3, 2, 2, 2).float())
    with pytest.raises(DtypeError, match=r"argument 'x' holds float64, but .* hold float32"):
        norm(randn(*good))
    with pytest.raises(DtypeError, match="argument 'x' holds int64"):
        norm(torch.zeros(good, dtype=torch.long, device=course.device()))


@norms
def test_the_fallback_backward_counts_a_batch_once(kind):
    kept = {
        name: value
        for name, value in vars(kind).items()
        if name not in ("backward", "__dict__", "__weakref__")
    }
    bare = type("Bare", kind.__bases__, {**kept, "forward": inspect.unwrap(kind.forward)})
    assert not has_own_backward(bare)
    ours, stripped, x = kind(3), bare(3), randn(*BATCHES[kind][0]).float()
    for norm in (ours, stripped):
        norm.backward(norm(x))
    for name, value in ours.state_dict().items():
        torch.testing.assert_close(stripped.state_dict()[name], value)
        assert not stripped.state_dict()[name].requires_grad


# ---------------------------------------------------------------------------------------------------- over
# the features

FEATURES = [
    ((4, 3), 3),
    ((1, 3), 3),
    ((3,), 3),
    ((0, 3), 3),
    ((2, 4, 3), 3),
    ((2, 4, 3), (4, 3)),
    ((2, 4, 3), (2, 4, 3)),
    ((5, 1), 1),
]


@pytest.mark.parametrize(("shape", "normalized"), FEATURES, ids=str)
@pytest.mark.parametrize(("affine", "bias"), [(True, True), (True, False), (False, True)], ids=str)
@pytest.mark.parametrize("eps", [1e-5, 0.1])
def test_layer_norm(shape, normalized, affine, bias, eps):
    options = {"eps": eps, "elementwise_affine": affine, "bias": bias}
    theirs = with_random_state(nn.LayerNorm(normalized, **options))
    compare(LayerNorm(normalized, **options), theirs, (randn(*shape),))


@pytest.mark.parametrize(("shape", "normalized"), FEATURES, ids=str)
@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("eps", [None, 1e-5, 0.1])
def test_rms_norm(shape, normalized, affine, eps):
    theirs = with_random_state(nn.RMSNorm(normalized, eps, elementwise_affine=affine))
    compare(RMSNorm(normalized, eps, affine), theirs, (randn(*shape),))


@pytest.mark.parametrize("kind", [LayerNorm, RMSNorm], ids=lambda k: k.__name__)
def test_rows_of_zeros_constants_and_large_numbers(kind):
    x = randn(5, 4)
    x[0], x[1], x[2] = 0.0, 3.0, 1e3 * x[2]
    _, (grad,) = compare(
        kind(4, 1e-5), with_random_state(getattr(nn, kind.__name__)(4, 1e-5)), (x,), rtol=1e-9
    )
    assert grad.isfinite().all()


@pytest.mark.parametrize("kind", [LayerNorm, RMSNorm], ids=lambda k: k.__name__)
def test_rows_of_a_view(kind):
    x = randn(4, 6, 5).transpose(0, 2)[::2]
    assert not x.is_contiguous()
    compare(kind((6, 4)), with_random_state(getattr(nn, kind.__name__)((6, 4))), (x,))


@pytest.mark.parametrize("kind", [LayerNorm, RMSNorm], ids=lambda k: k.__name__)
def test_a_view_as_upstream_gradient(kind):
    x, upstream = randn(4, 3), randn(3, 4, seed=1).T
    ours, leaf = kind(3).to(dtype=torch.float64), x.clone().requires_grad_()
    ours(x)
    expected = torch.autograd.grad(getattr(nn, kind.__name__)(3).double()(leaf), leaf, upstream)[0]
    torch.testing.assert_close(ours.backward(upstream), expected)


@pytest.mark.parametrize("kind", [LayerNorm, RMSNorm], ids=lambda k: k.__name__)
def test_what_layer_norms_refuse(kind):
    with pytest.raises(
        SizeError,
        match=rf"{kind.__name__}: argument 'x' has shape \(5, 3\), expected \(…, "
        rf"4\)",
    ):
        kind(4)(torch.zeros(5, 3, device=course.device()))
    with pytest.raises(SizeError, match=r"has shape \(3,\), expected \(…, 2, 3\)"):
        kind((2, 3))(torch.zeros(3, device=course.device()))
    with pytest.raises(ValueError, match="normalized_shape is empty"):
        kind(())
    with pytest.raises(DtypeError, match="argument 'x' holds float64"):
        kind(4)(randn(2, 4))


# ---------------------------------------------------------------------------------------------------- over
# groups of channels


@pytest.mark.parametrize(
    "shape", [(2, 6), (3, 6, 4), (2, 6, 3, 2), (1, 6, 2), (0, 6, 2), (2, 6, 1, 1, 2)], ids=str
)
@pytest.mark.parametrize("groups", [1, 2, 6])
@pytest.mark.parametrize(("affine", "bias"), [(True, True), (True, False), (False, True)], ids=str)
def test_group_norm(shape, groups, affine, bias):
    options = {"affine": affine, "bias": bias, "eps": 1e-3}
    compare(
        GroupNorm(groups, 6, **options),
        with_random_state(nn.GroupNorm(groups, 6, **options)),
        (randn(*shape),),
    )


def test_group_norm_of_views_and_constants():
    compare(GroupNorm(2, 4), with_random_state(nn.GroupNorm(2, 4)), (randn(3, 5, 4).transpose(1, 2),))
    images = randn(2, 4, 3, 5).to(memory_format=torch.channels_last)
    compare(GroupNorm(2, 4), with_random_state(nn.GroupNorm(2, 4)), (images,))
    compare(GroupNorm(2, 4), with_random_state(nn.GroupNorm(2, 4)), (torch.zeros_like(images),))


def test_what_group_norm_refuses():
    with pytest.raises(ValueError, match="5 channels cannot form 2 groups"):
        GroupNorm(2, 5)
    with pytest.raises(ValueError, match="cannot form 0 groups"):
        GroupNorm(0, 5)
    with pytest.raises(ValueError, match=r"x of shape \(1, 4\) has one value per group"):
        GroupNorm(4, 4)(torch.zeros(1, 4, device=course.device()))
    with pytest.raises(
        SizeError,
        match=r"argument 'x' has shape \(2, 5, 3\), expected "
        r"\(batch.*num_channels=4",
    ):
        GroupNorm(2, 4)(torch.zeros(2, 5, 3, device=course.device()))
    with pytest.raises(RankError, match="argument 'x'"):
        GroupNorm(2, 4)(torch.zeros(4, device=course.device()))


# ---------------------------------------------------------------------------------------------------- to a
# length

LENGTHS = {L1Normalize: 1, L2Normalize: 2}
lengths = pytest.mark.parametrize("kind", LENGTHS, ids=lambda kind: kind.__name__)


@lengths
@pytest.mark.parametrize(
    ("shape", "dim"),
    [((4, 3), 1), ((4, 3), 0), ((4, 3), -1), ((3,), 0), ((2, 3, 4), 1), ((0, 3), 1), ((4, 1), 1)],
    ids=str,
)
@pytest.mark.parametrize("eps", [1e-12, 1.5])
def test_normalize(kind, shape, dim, eps):
    compare(kind(dim, eps), lambda x: F.normalize(x, LENGTHS[kind], dim, eps), (randn(*shape),))


@lengths
def test_normalize_zeros_and_extremes(kind):
    x = randn(5, 3)
    x[0], x[1, 1], x[2], x[3] = 0.0, 0.0, 1e3 * x[2], torch.tensor([-2.0, 2.0, 2.0])
    outputs, (grad,) = compare(kind(), lambda x: F.normalize(x, LENGTHS[kind]), (x,))
    assert outputs[0][0].count_nonzero() == 0
    assert grad.isfinite().all()
    torch.testing.assert_close(
        outputs[0][1:].norm(LENGTHS[kind], dim=1), torch.ones(4, dtype=x.dtype, device=x.device)
    )


@lengths
def test_normalize_a_vector_exactly_as_long_as_eps(kind):
    x = torch.tensor([[3.0, 4.0], [-7.0, 0.0]], dtype=torch.float64, device=course.device())
    for eps in (5.0, 7.0):
        compare(kind(eps=eps), lambda x, eps=eps: F.normalize(x, LENGTHS[kind], eps=eps), (x,))


@lengths
def test_normalize_refuses_an_axis_that_is_not_there(kind):
    with pytest.raises(RankError, match=rf"{kind.__name__}: argument 'x' has shape \(3,\).*axis 1"):
        kind()(randn(3))


def test_norms_are_copied_and_moved_whole():
    norm = copy.deepcopy(BatchNorm1d(3)).to(dtype=torch.float64)
    assert norm.running_mean.value.dtype == torch.float64
    assert norm.num_batches_tracked.value.dtype == torch.int64
    assert "track_running_stats=True" in repr(norm)
