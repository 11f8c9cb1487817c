"""Dropout, gates and feature-wise modulation: statistics of the random ones, exactness of the others."""

import pytest
import torch
import torch.nn.functional as F

import course
from course import generator
from course.errors import DtypeError, RankError, SizeError
from course.modules import Dropout, FiLM, Gate
from tests.against_torch import compare


def randn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, dtype=torch.float64, device=course.device(), generator=generator(seed))


# ---------------------------------------------------------------------------------------------------- dropout


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_dropout_keeps_the_expected_value(p):
    x = torch.ones(200_000, dtype=torch.float64, device=course.device())
    out = Dropout(p, rng=generator(0))(x)
    kept = out != 0
    assert torch.equal(out[kept], torch.full_like(out[kept], 1 / (1 - p)))
    # five standard deviations are 0.0056 for p = 0.5
    assert kept.double().mean().item() == pytest.approx(1 - p, abs=0.005)
    assert out.mean().item() == pytest.approx(1, abs=0.04)


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_dropout_sends_the_gradient_where_the_numbers_went(p):
    module, x = Dropout(p, rng=generator(0)), randn(50, 40)
    out, upstream = module(x), randn(50, 40, seed=1)
    torch.testing.assert_close(module.backward(upstream) * x, out * upstream)
    torch.testing.assert_close(module.backward(upstream) * x, out * upstream)


def test_dropout_draws_anew_for_every_forward_and_repeats_with_the_seed():
    module, x = Dropout(rng=generator(3)), torch.ones(64, device=course.device())
    first, second = module(x), module(x)
    assert not torch.equal(first, second)
    again = Dropout(rng=generator(3))
    assert torch.equal(again(x), first)
    assert torch.equal(again(x), second)
    torch.manual_seed(7)
    default = Dropout()(x)
    torch.manual_seed(7)
    assert torch.equal(Dropout()(x), default)


@pytest.mark.parametrize("shape", [(4, 3), (0, 3), (), (2, 3, 4)], ids=str)
@pytest.mark.parametrize(("p", "training"), [(0.0, True), (1.0, True), (0.5, False), (1.0, False)], ids=str)
def test_dropout_without_chance(shape, p, training):
    module = Dropout(p).train(training)
    compare(module, lambda x: F.dropout(x, p, training), (randn(*shape),))


def test_dropout_of_a_view():
    module, x = Dropout(rng=generator(0)), randn(6, 8).T[::2]
    out = module(x)
    assert out.shape == x.shape
    torch.testing.assert_close(out, x * (out != 0) * 2)


@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan")])
def test_dropout_refuses_what_is_no_probability(p):
    with pytest.raises(ValueError, match=r"Dropout: p is .* pass 0 to 1"):
        Dropout(p)


def test_dropout_refuses_whole_numbers():
    with pytest.raises(DtypeError, match="argument 'x' holds int64"):
        Dropout()(torch.ones(3, dtype=torch.long, device=course.device()))


# ---------------------------------------------------------------------------------------------------- FiLM


@pytest.mark.parametrize(
    "shape", [(4, 3), (1, 3), (0, 3), (2, 3, 5), (2, 3, 4, 5), (2, 3, 4, 0), (2, 3, 2, 2, 2)], ids=str
)
def test_film(shape):
    spread = (..., *[None] * (len(shape) - 2))
    inputs = randn(*shape), randn(*shape[:2], seed=1), randn(*shape[:2], seed=2)
    compare(FiLM(), lambda x, gamma, beta: gamma[spread] * x + beta[spread], inputs)


def test_film_of_views():
    gamma, beta = randn(2, 6, seed=1).chunk(2, dim=1)  # as a layer that makes both hands them over
    assert not gamma.is_contiguous()
    inputs = randn(2, 4, 5, 3).permute(0, 3, 1, 2), gamma, beta
    compare(
        FiLM(), lambda x, gamma, beta: torch.einsum("nchw,nc->nchw", x, gamma) + beta[..., None, None], inputs
    )


def test_film_with_transposed_modulation():
    inputs = randn(2, 3, 4), randn(3, 2, seed=1).T, randn(3, 2, seed=2).T
    compare(FiLM(), lambda x, gamma, beta: gamma[..., None] * x + beta[..., None], inputs)


def test_film_refuses():
    with pytest.raises(
        SizeError,
        match=r"FiLM: argument 'gamma' has shape \(2, 4\), expected \(batch=2, "
        r"features=3\)",
    ):
        FiLM()(randn(2, 3, 5, 5), randn(2, 4), randn(2, 3))
    with pytest.raises(SizeError, match=r"argument 'beta' has shape \(1, 3\)"):
        FiLM()(randn(2, 3), randn(2, 3), randn(1, 3))
    with pytest.raises(RankError, match=r"argument 'gamma' has shape \(3,\)"):
        FiLM()(randn(2, 3), randn(3), randn(3))
    with pytest.raises(DtypeError, match="argument 'beta' holds int64"):
        FiLM()(randn(2, 3), randn(2, 3), torch.ones(2, 3, dtype=torch.long, device=course.device()))


# ---------------------------------------------------------------------------------------------------- gate


@pytest.mark.parametrize(
    ("x", "z"),
    [
        ((4, 3), (4, 3)),
        ((4, 3), (4, 1)),
        ((4, 3), (3,)),
        ((4, 3), ()),
        ((3,), (4, 3)),
        ((0, 3), (0, 3)),
        ((), ()),
    ],
    ids=str,
)
def test_gate(x, z):
    compare(Gate(), lambda x, z: torch.sigmoid(z) * x, (randn(*x), randn(*z, seed=1)))


def test_a_saturated_gate():
    z = torch.tensor([-1e3, 1e3, 0.0, -1e3], dtype=torch.float64, device=course.device())
    x = torch.tensor([2.0, 2.0, 2.0, 1e3], dtype=torch.float64, device=course.device())
    outputs, grads = compare(Gate(), lambda x, z: torch.sigmoid(z) * x, (x, z))
    torch.testing.assert_close(
        outputs[0], torch.tensor([0.0, 2.0, 1.0, 0.0], dtype=torch.float64, device=x.device)
    )
    assert all(grad.isfinite().all() for grad in grads)


def test_a_gate_of_views():
    compare(Gate(), lambda x, z: torch.sigmoid(z) * x, (randn(3, 4).T, randn(4, 6, seed=1)[:, ::2]))


def test_gate_refuses():
    with pytest.raises(SizeError, match=r"Gate: argument 'z' has shape \(4,\), which does not broadcast"):
        Gate()(randn(4, 3), randn(4))
    with pytest.raises(DtypeError, match="argument 'z' holds bool"):
        Gate()(randn(3), randn(3) > 0)
