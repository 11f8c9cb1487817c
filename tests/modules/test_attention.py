"""Attention beside torch's: all option combinations, each kind of mask, inputs that break careless code."""

import itertools

import pytest
import torch
from torch import Tensor, nn

from course import DtypeError, RankError, SizeError, generator
from course.modules import MultiheadAttention, ScaledDotProductAttention
from tests.against_torch import compare, same

ATTENTION = nn.functional.scaled_dot_product_attention


def randn(*shape: int, seed: int = 0) -> Tensor:
    rng = generator(seed)
    return torch.randn(shape, dtype=torch.float64, generator=rng, device=rng.device)


def masks(kind: str, shape: tuple[int, ...]) -> Tensor | None:
    """A mask in which every query may attend to something."""
    if kind == "none":
        return None
    if kind == "number":
        return randn(*shape, seed=7)
    allowed = randn(*shape, seed=8) > 0
    allowed[..., 0] = True
    return allowed


@pytest.mark.parametrize("scale", [None, 0.3])
@pytest.mark.parametrize("is_causal", [False, True])
@pytest.mark.parametrize("mask", ["none", "bool", "number", "broadcast"])
@pytest.mark.parametrize("batch", [(), (2,), (2, 3)], ids=str)
def test_scaled_dot_product_attention(batch, mask, is_causal, scale):
    if is_causal and mask != "none":
        return  # torch takes one or the other
    three = randn(*batch, 4, 6), randn(*batch, 5, 6, seed=1), randn(*batch, 5, 3, seed=2)
    given = masks("number" if mask == "broadcast" else mask, (1, 5) if mask == "broadcast" else (4, 5))
    inputs = three if given is None else (*three, given)
    ours = ScaledDotProductAttention(is_causal=is_causal, scale=scale)
    compare(
        ours, lambda q, k, v, mask=None: ATTENTION(q, k, v, mask, is_causal=is_causal, scale=scale), inputs
    )


def test_a_causal_mask_joins_a_given_one():
    three, given = (randn(4, 6), randn(4, 6, seed=1), randn(4, 3, seed=2)), randn(4, 4, seed=7)
    causal = torch.full((4, 4), -torch.inf, dtype=torch.float64).triu(1)
    compare(
        ScaledDotProductAttention(is_causal=True),
        lambda q, k, v, mask: ATTENTION(q, k, v, mask + causal),
        (*three, given),
    )


@pytest.mark.parametrize("kind", ["bool", "number"])
def test_a_query_that_may_attend_to_nothing_gets_zeros(kind):
    three = randn(3, 4), randn(5, 4, seed=1), randn(5, 2, seed=2)
    mask = torch.ones(3, 5, dtype=torch.bool)
    mask[1] = False
    if kind == "number":
        mask = torch.zeros(3, 5, dtype=torch.float64).masked_fill(~mask, -torch.inf)
    module = ScaledDotProductAttention().to(dtype=torch.float64)
    out = module(*three, mask)
    assert not out[1].any()
    assert torch.isfinite(out).all()
    grads = module.backward(torch.ones_like(out))
    assert all(torch.isfinite(grad).all() for grad in grads if grad is not None)
    assert not grads[0][1].any()
    same(out, ATTENTION(*three, mask), "output", 1e-12, 1e-13)


@pytest.mark.parametrize("factor", [1e3, -1e3, 0.0])
def test_saturated_scores(factor):
    three = factor * randn(4, 6), randn(5, 6, seed=1), randn(5, 3, seed=2)
    compare(ScaledDotProductAttention(), ATTENTION, three)


@pytest.mark.parametrize("shape", [(0, 4, 6), (1, 1, 1), (2, 0, 6)], ids=str)
def test_empty_and_smallest(shape):
    batch, queries, features = shape
    three = randn(batch, queries, features), randn(batch, 3, features, seed=1), randn(batch, 3, 2, seed=2)
    compare(ScaledDotProductAttention(), ATTENTION, three)


def test_inputs_that_are_not_contiguous():
    three = (
        randn(6, 2, 4).permute(1, 2, 0),
        randn(6, 2, 5, seed=1).permute(1, 2, 0),
        randn(3, 2, 5, seed=2).permute(1, 2, 0),
    )
    compare(ScaledDotProductAttention(), ATTENTION, three)


def test_dropout_keeps_the_mean_and_backward_uses_the_same_mask():
    three = randn(200, 4), randn(50, 4, seed=1), torch.ones(50, 1, dtype=torch.float64)
    module = ScaledDotProductAttention(dropout_p=0.3, rng=generator(1)).to(dtype=torch.float64)
    out = module(*three)
    dropped, weights = module.saved["dropped"], module.saved["weights"]
    assert (dropped == 0).double().mean().item() == pytest.approx(0.3, abs=0.02)
    assert out.mean().item() == pytest.approx(1, abs=0.03)
    leaves = [x.clone().requires_grad_() for x in three]
    expected = (torch.softmax(leaves[0] @ leaves[1].T / 2, -1) * dropped) @ leaves[2]
    for ours, theirs in zip(module.backward(out), torch.autograd.grad(expected, leaves, out), strict=True):
        same(ours, theirs, "gradient", 1e-10, 1e-13)
    torch.testing.assert_close(weights.sum(-1), torch.ones(200, dtype=torch.float64))
    module.eval()
    same(module(*three), ATTENTION(*three), "eval", 1e-12, 1e-13)


OPTIONS = [
    dict(zip(("bias", "add_bias_kv", "add_zero_attn", "batch_first", "kdim"), values, strict=True))
    for values in itertools.product([True, False], [True, False], [True, False], [True, False], [None, 5])
]


@pytest.mark.parametrize("options", OPTIONS, ids=[str(i) for i in range(len(OPTIONS))])
def test_multihead_attention_in_every_combination(options):
    """With a padding mask, an attention mask of numbers, one of true and false; with and without weights."""
    queries, keys, batch = 3, 4, 2
    shape = (lambda n: (batch, n)) if options["batch_first"] else (lambda n: (n, batch))
    vdim = 3 if options["kdim"] else None
    three = (
        randn(*shape(queries), 6),
        randn(*shape(keys), options["kdim"] or 6, seed=1),
        randn(*shape(keys), vdim or 6, seed=2),
    )
    padding = torch.tensor([[False, False, True, False], [False, False, False, True]])
    forbidden = randn(batch * 2, queries, keys, seed=8) > 0
    forbidden[..., 0] = False
    for mask, need, average in (
        (None, True, True),
        (masks("number", (queries, keys)), True, False),
        (forbidden, False, True),
        (masks("number", (batch * 2, queries, keys)), True, True),
    ):
        theirs = nn.MultiheadAttention(6, 2, vdim=vdim, **options, dtype=torch.float64)
        ours = MultiheadAttention(6, 2, vdim=vdim, **options)
        number = (
            padding.double().masked_fill(padding, -torch.inf)
            if mask is not None and mask.dtype != torch.bool
            else padding
        )
        compare(ours, theirs, (*three, number, need, mask, average))


@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize("options", OPTIONS[::2], ids=[str(i) for i in range(0, len(OPTIONS), 2)])
def test_self_attention(options, need_weights):
    """One tensor read three times, as query, key and value: the projections are one product."""
    x = randn(3, 2, 6)
    theirs = nn.MultiheadAttention(6, 3, **options, dtype=torch.float64)
    ours = MultiheadAttention(6, 3, **options).to(dtype=torch.float64)
    ours.load_state_dict(theirs.state_dict())
    out, weights = ours(x, x, x, need_weights=need_weights)
    leaf = x.clone().requires_grad_()
    expected, _ = theirs(leaf, leaf, leaf, need_weights=need_weights)
    same(out, expected, "output", 1e-12, 1e-13)
    assert (weights is not None) == need_weights
    grad = randn(*out.shape, seed=3)
    expected.backward(grad)
    grad_query, grad_key, grad_value, *_ = ours.backward(grad)
    same(grad_query + grad_key + grad_value, leaf.grad, "gradient", 1e-10, 1e-13)
    for (name, mine), parameter in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        same(mine.grad, parameter.grad, name, 1e-10, 1e-13)


def test_causal_multihead_attention():
    x = randn(4, 2, 6)
    theirs = nn.MultiheadAttention(6, 2, dtype=torch.float64)
    mask = torch.ones(4, 4, dtype=torch.bool).triu(1)
    ours = MultiheadAttention(6, 2).to(dtype=torch.float64)
    ours.load_state_dict(theirs.state_dict())
    same(
        ours(x, x, x, is_causal=True)[0],
        theirs(x, x, x, attn_mask=mask, is_causal=True)[0],
        "output",
        1e-12,
        1e-13,
    )


def test_initial_values_are_distributed_as_torchs():
    torch.manual_seed(0)
    theirs = nn.MultiheadAttention(384, 4, add_bias_kv=True)
    ours = MultiheadAttention(384, 4, add_bias_kv=True, rng=generator(0))
    for name, value in theirs.state_dict().items():
        mine = ours.state_dict()[name]
        assert mine.std().item() == pytest.approx(value.std().item(), rel=0.15, abs=1e-12), name
        if name.endswith("weight"):  # uniform: the bound shows
            assert mine.abs().max().item() == pytest.approx(value.abs().max().item(), rel=0.01), name
        else:
            assert mine.abs().max() <= 5 * value.std(), name


@pytest.mark.parametrize("need_weights", [True, False])
def test_with_a_dropout_of_one_nothing_is_left(need_weights):
    three = randn(3, 2, 4), randn(5, 2, 4, seed=1), randn(5, 2, 4, seed=2)
    compare(
        MultiheadAttention(4, 2, dropout=1.0),
        nn.MultiheadAttention(4, 2, dropout=1.0),
        (*three, None, need_weights, None, True),
    )
    compare(ScaledDotProductAttention(dropout_p=1.0), lambda *x: ATTENTION(*x, dropout_p=1.0), three[1:2] * 3)


def test_the_gradient_may_come_through_the_weights_alone():
    three = randn(3, 2, 4), randn(5, 2, 4, seed=1), randn(5, 2, 4, seed=2)
    theirs = nn.MultiheadAttention(4, 2, dtype=torch.float64)
    ours = MultiheadAttention(4, 2).to(dtype=torch.float64)
    ours.load_state_dict(theirs.state_dict())
    leaves = [x.clone().requires_grad_() for x in three]
    expected, grad = theirs(*leaves)[1], randn(2, 3, 5, seed=3)
    ours(*three)
    true = torch.autograd.grad(expected, leaves, grad, allow_unused=True)
    for mine, theirs_ in zip(ours.backward(None, grad), true, strict=True):
        same(mine, theirs_, "gradient", 1e-10, 1e-13)


@pytest.mark.parametrize("kind", ["bool", "number"])
@pytest.mark.parametrize("need_weights", [True, False])
def test_a_head_that_may_attend_to_nothing_gets_zeros(kind, need_weights):
    """As torch's without weights; with them, torch's output is NaN."""
    three = randn(3, 2, 4), randn(5, 2, 4, seed=1), randn(5, 2, 4, seed=2)
    padding = torch.tensor([[False] * 5, [True] * 5])
    given = (
        padding if kind == "bool" else torch.zeros(2, 5, dtype=torch.float64).masked_fill(padding, -torch.inf)
    )
    theirs = nn.MultiheadAttention(4, 2, dtype=torch.float64)
    ours = MultiheadAttention(4, 2)
    compare(ours, theirs, (*three, given, False))
    ours(*three, given, need_weights)
    grads = ours.backward(randn(3, 2, 4, seed=3))
    assert all(torch.isfinite(grad).all() for grad in grads if grad is not None)
    assert not grads[1][:, 1].any()


def test_queries_and_keys_without_features_read_the_mean():
    three = randn(2, 0), randn(3, 0), randn(3, 2, seed=2)
    compare(ScaledDotProductAttention(), ATTENTION, three)


def test_dropout_in_heads_returns_the_dropped_weights():
    x = randn(40, 2, 8)
    module = MultiheadAttention(8, 2, dropout=0.5, rng=generator(0)).to(dtype=torch.float64)
    _, weights = module(x, x, x, average_attn_weights=False)
    assert (weights == 0).double().mean().item() == pytest.approx(0.5, abs=0.05)
    module.eval()
    _, weights = module(x, x, x)
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 40, dtype=torch.float64))


WRONG = [
    (lambda: ScaledDotProductAttention(dropout_p=1.1), ValueError, "dropout_p=1.1, but it is a probability"),
    (lambda: MultiheadAttention(6, 2, dropout=-0.1), ValueError, "dropout=-0.1, but it is a probability"),
    (
        lambda: ScaledDotProductAttention()(torch.ones(2, 3), torch.ones(2, 3), torch.ones(2, 3).double()),
        DtypeError,
        r"'value' holds torch.float64, but the query torch.float32",
    ),
    (
        lambda: ScaledDotProductAttention()(*torch.ones(3, 2, 2), torch.ones(2, 2).double()),
        DtypeError,
        r"'attn_mask' holds torch.float64.*pass attn_mask.to\(torch.float32\)",
    ),
    (lambda: MultiheadAttention(6, 4), ValueError, "embed_dim=6 is not divisible by num_heads=4"),
    (
        lambda: ScaledDotProductAttention()(*torch.ones(3, 2, 2), torch.ones(3, 3)),
        SizeError,
        r"'attn_mask' "
        r"has shape \(3, 3\)",
    ),
    (
        lambda: ScaledDotProductAttention()(torch.ones(2, 3), torch.ones(2, 4), torch.ones(2, 4)),
        SizeError,
        "'key' has shape",
    ),
    (
        lambda: ScaledDotProductAttention()(torch.ones(3), torch.ones(3), torch.ones(3)),
        RankError,
        "'query' has shape",
    ),
    (
        lambda: MultiheadAttention(4, 2)(*torch.ones(3, 2, 2, 5)),
        SizeError,
        r"'query'.*embed_dim=4\): axis 2 "
        r"is 5",
    ),
    (lambda: MultiheadAttention(4, 2)(*torch.ones(3, 4)), RankError, r"query has shape \(4,\)"),
    (
        lambda: MultiheadAttention(4, 2)(torch.ones(2, 3, 4), *torch.ones(2, 2, 2, 4)),
        SizeError,
        "expected the same batch",
    ),
    (
        lambda: MultiheadAttention(4, 2)(*torch.ones(3, 2, 3, 4), torch.ones(2, 3)),
        SizeError,
        r"'key_padding_mask' has shape",
    ),
    (
        lambda: MultiheadAttention(4, 2)(*torch.ones(3, 2, 3, 4), attn_mask=torch.ones(3, 2)),
        SizeError,
        r"'attn_mask' has shape \(3, 2\), expected \(2, 2\)",
    ),
    (lambda: MultiheadAttention(4, 2)(*torch.ones(3, 2, 3, 4).double()), DtypeError, "'query' holds float64"),
    (
        lambda: MultiheadAttention(4, 2)(*torch.ones(3, 2, 3, 4), index()),
        DtypeError,
        "'key_padding_mask' holds int64",
    ),
]


def index() -> Tensor:
    return torch.zeros(3, 2, dtype=torch.int64)


@pytest.mark.parametrize(("call", "error", "message"), WRONG, ids=[str(i) for i in range(len(WRONG))])
def test_wrong_inputs_are_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
