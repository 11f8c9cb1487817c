"""Other courses' checkers: each accepts what is right, and rejects what is all wrong.

It misses what its settings cannot see.
"""

import pytest
import torch
from torch import Tensor

from benchmarks.strength.peers import PEERS
from course import generator
from course.checks import check_module
from course.module import as_tuple
from course.modules import BatchNorm1d, Linear, NoisyReLU, Sigmoid, Softmax

RNG = generator(0)
X = torch.randn(5, 3, generator=RNG, device=RNG.device)
peers = pytest.mark.parametrize("name", PEERS)


class LinearZeros(Linear):
    def backward(self, grad_output):
        return torch.zeros_like(self.saved["x"])


class SigmoidZeros(Sigmoid):
    def backward(self, grad_output):
        return torch.zeros_like(grad_output)


class Raises(Sigmoid):
    def backward(self, grad_output):
        raise ZeroDivisionError


class Missing(Sigmoid):
    def backward(self, grad_output):
        return None


class WrongShape(Linear):
    def backward(self, grad_output):
        return super().backward(grad_output).T


@peers
@pytest.mark.parametrize("seed", range(3))
def test_a_peer_accepts_what_is_right(name, seed):
    rng = generator(seed)
    x = torch.randn(5, 3, generator=rng, device=rng.device)
    assert PEERS[name](Linear(3, 2, rng=rng), (x,), rng)
    assert PEERS[name](Sigmoid(), (x,), rng)


@peers
@pytest.mark.parametrize(
    "kind", [LinearZeros, SigmoidZeros, Raises, Missing, WrongShape], ids=lambda kind: kind.__name__
)
def test_a_peer_rejects_what_is_all_wrong(name, kind):
    module = kind(3, 2, rng=generator(0)) if issubclass(kind, Linear) else kind()
    assert not PEERS[name](module, (X,), generator(1))


@peers
def test_a_peer_has_no_side_effects(name):
    module, x = BatchNorm1d(3), X.clone()
    state = module.state_dict()
    PEERS[name](module, (x,), generator(1))
    assert torch.equal(x, X)
    assert not module.saved.filled
    assert all(torch.equal(value, state[key]) for key, value in module.state_dict().items())


@peers
def test_random_numbers_that_depend_on_the_input_need_a_reference(name):
    example = next(iter(NoisyReLU.examples(generator(0))))
    assert PEERS[name](example.module, example.inputs, generator(1), example.reference)


class IgnoresUpstream(Sigmoid):
    """All-ones cannot see it: the mistake leaves out exactly that factor."""

    def backward(self, grad_output):
        out = self.saved["out"]
        return out * (1 - out)


class SoftmaxOfNothing(Softmax):
    """The outputs' sum is always one, so that under all-ones the true gradient is zero."""

    def backward(self, grad_output):
        return torch.zeros_like(grad_output)


class Overwrites(Linear):
    """One backward cannot tell `=` from `+=`."""

    def backward(self, grad_output):
        for parameter in self.parameters():
            parameter.zero_grad()
        return super().backward(grad_output)


class DamagesUpstream(Sigmoid):
    """Nobody looks at grad_output afterward."""

    def backward(self, grad_output):
        out = self.saved["out"]
        return grad_output.mul_(1 - out).mul_(out)


class OffByHalfAPercent(Sigmoid):
    """Less than a tolerance of one percent."""

    def backward(self, grad_output):
        return 1.005 * super().backward(grad_output)


class OffInTheFourthDigit(Sigmoid):
    """Less than a relative tolerance of 1e-3."""

    def backward(self, grad_output):
        return 1.0005 * super().backward(grad_output)


class WrongBias(Linear):
    """A bias whose gradient is the mean over the rows where it should be the sum."""

    def backward(self, grad_output):
        self.bias.grad -= 0.8 * grad_output.sum(dim=0)
        return super().backward(grad_output)


class WrongWeight(Linear):
    """Twice the weight's gradient."""

    def backward(self, grad_output):
        self.weight.grad += grad_output.T @ self.saved["x"]
        return super().backward(grad_output)


class NotANumber(Sigmoid):
    """NaN is not above any limit."""

    def backward(self, grad_output):
        return grad_output * torch.nan


def sigmoid_like(kind: type) -> tuple:
    return kind(), (X,)


def linear_like(kind: type, x: Tensor = X) -> tuple:
    return kind(3, 2, rng=generator(0)), (x,)


ESCAPES = [
    ("CS231n", linear_like(Overwrites)),
    ("CS231n", sigmoid_like(DamagesUpstream)),
    ("CS231n, lenient", sigmoid_like(OffByHalfAPercent)),
    ("UvA Deep Learning", linear_like(WrongBias)),
    ("UvA Deep Learning", linear_like(Overwrites)),
    ("EECS 498/598", linear_like(Overwrites)),
    ("EECS 498/598", sigmoid_like(DamagesUpstream)),
    ("MiniTorch", sigmoid_like(IgnoresUpstream)),
    ("MiniTorch", sigmoid_like(OffByHalfAPercent)),
    ("MiniTorch", (SoftmaxOfNothing(1), (X,))),
    ("TinyTorch", sigmoid_like(IgnoresUpstream)),
    ("TinyTorch", linear_like(WrongWeight)),
    ("CMU 10-414 (needle)", sigmoid_like(IgnoresUpstream)),
    ("CMU 10-414 (needle)", (SoftmaxOfNothing(1), (X,))),
    ("DeepLearning.AI", linear_like(WrongBias, 2e6 * X)),
    ("DeepLearning.AI", sigmoid_like(NotANumber)),
    ("DeepLearning.AI", linear_like(Overwrites)),
    ("torch gradcheck", sigmoid_like(OffInTheFourthDigit)),
    ("torch gradcheck", linear_like(Overwrites)),
    ("torch gradcheck, fast", sigmoid_like(OffInTheFourthDigit)),
    ("torch gradcheck, fast", linear_like(Overwrites)),
]


@pytest.mark.parametrize(("name", "wrong"), ESCAPES, ids=[f"{n}-{type(w[0]).__name__}" for n, w in ESCAPES])
def test_a_wrong_backward_gets_past_a_peer(name, wrong):
    module, inputs = wrong
    assert PEERS[name](module, inputs, generator(1))


@pytest.mark.parametrize(
    "wrong", [wrong for _, wrong in ESCAPES], ids=[f"{n}-{type(w[0]).__name__}" for n, w in ESCAPES]
)
def test_what_got_past_a_peer_does_not_get_past_our_checker(wrong):
    module, inputs = wrong
    assert not check_module(module, inputs).passed


def test_every_peer_lets_some_wrong_backward_through():
    assert {name for name, _ in ESCAPES} == set(PEERS)


@pytest.mark.parametrize("name", ["CS231n", "EECS 498/598", "torch gradcheck", "torch gradcheck, fast"])
@pytest.mark.parametrize(
    "kind", [IgnoresUpstream, OffByHalfAPercent, NotANumber], ids=lambda kind: kind.__name__
)
def test_a_random_upstream_gradient_sees_more(name, kind):
    assert not PEERS[name](*sigmoid_like(kind), generator(1))


def test_a_peer_checks_every_output():
    class OneOfTwo(Linear):
        def forward(self, x):
            out = super().forward(x)
            return out, 2 * out

        def backward(self, grad_first, grad_second):
            return super().backward(grad_first)

    module = OneOfTwo(3, 2, rng=generator(0))
    assert len(as_tuple(module(X))) == 2
    assert not any(peer(module, (X,), generator(1)) for peer in PEERS.values())
