"""Wrong rules of single steps: each kind of slip, written by hand on a module, gets its name."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from course import Module, generator
from course.checking.diagnosis.reverse import Program
from course.checking.truth import Truth, fresh_copy
from course.checks import check_module
from course.containers import Residual
from course.device import randn
from course.module import as_tuple
from course.modules import (
    Add,
    BatchNorm1d,
    Concatenate,
    Conv2d,
    CosineUnit,
    CrossEntropyLoss,
    Embedding,
    Exp,
    LayerNorm,
    Linear,
    LSTMCell,
    MatMul,
    Max,
    MaxPool2d,
    MSELoss,
    Multiply,
    ReLU,
    ScaledDotProductAttention,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from course.modules.registry import all_modules

CASES = []


def case(mistake, words, inputs, *args, tensor="x"):
    """A module with a mistake: what it is called, what is said, and for which gradient."""

    def register(kind):
        CASES.append(pytest.param(kind, args, inputs, tensor, mistake, words, id=kind.__name__))
        return kind

    return register


def numbers(*shapes):
    def make():
        rng = generator(3)
        return tuple(randn(rng, *shape) for shape in shapes)

    return make


class Length(Module):
    """x / |x|, row by row."""

    def forward(self, x: Tensor) -> Tensor:
        norm = torch.linalg.vector_norm(x, dim=1, keepdim=True)
        self.save(x=x, norm=norm, out=x / norm)
        return x / norm


class Gaussian(Module):
    """exp(−Σ x²) of each row."""

    def forward(self, x: Tensor) -> Tensor:
        out = torch.exp(-(x**2).sum(dim=1))
        self.save(x=x, out=out)
        return out


class MeanOfSquares(Module):
    """The mean of x² along the rows."""

    def forward(self, x: Tensor) -> Tensor:
        self.save(x=x)
        return (x**2).mean(dim=1)


class LargestOfRow(Module):
    """The largest number of each row."""

    def forward(self, x: Tensor) -> Tensor:
        out = x.amax(dim=1)
        self.save(x=x, mask=x == out[:, None])
        return out


class Halves(Module):
    """sigmoid of the first half of each row times tanh of the second."""

    def forward(self, x: Tensor) -> Tensor:
        gate, value = x.chunk(2, dim=1)
        self.save(gate=torch.sigmoid(gate), value=torch.tanh(value))
        return torch.sigmoid(gate) * torch.tanh(value)


# Functions of one number


@case("wrong slope", "is computed as 1 − out", numbers((4, 3)))
class TanhWithoutSquare(Tanh):
    def backward(self, grad_output):
        return grad_output * (1 - self.saved["out"])


@case("wrong slope", "is computed as out·(1 + out)", numbers((4, 3)))
class SigmoidPlus(Sigmoid):
    def backward(self, grad_output):
        return grad_output * self.saved["out"] * (1 + self.saved["out"])


@case("wrong slope", "parentheses are missing", numbers((4, 3)))
class SigmoidWithoutParentheses(Sigmoid):
    def backward(self, grad_output):
        return grad_output * self.saved["out"] * 1 - self.saved["out"]


@case("other formula", "the derivative of the sigmoid stands", numbers((4, 3)))
class TanhAsSigmoid(Tanh):
    def backward(self, grad_output):
        return grad_output * self.saved["out"] * (1 - self.saved["out"])


@case(
    "local derivative ignored",
    "the derivative of `torch.exp(-(x**2).sum(dim=1))` is missing",
    numbers((4, 3)),
)
class WithoutExp(Gaussian):
    def backward(self, grad_output):
        return -grad_output[:, None] * 2 * self.saved["x"]


@case("wrong slope", "`x**2` lacks the factor 2", numbers((4, 3)))
class SquareWithoutTwo(Gaussian):
    def backward(self, grad_output):
        return -(grad_output * self.saved["out"])[:, None] * self.saved["x"]


@case("sign", "the minus of", numbers((4, 3)))
class ExponentWithoutMinus(Gaussian):
    def backward(self, grad_output):
        return (grad_output * self.saved["out"])[:, None] * 2 * self.saved["x"]


@case("output for input", "is taken at its value", numbers((4, 3)))
class TanhTwice(Tanh):
    def backward(self, grad_output):
        return grad_output * (1 - torch.tanh(self.saved["out"]) ** 2)


# Masks


@case("wrong mask", "asks whether each number is above 0", numbers((4, 3), (4, 3)))
class MaxAboveZero(Max):
    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        self.save(x=x, y=y)
        return torch.maximum(x, y)

    def backward(self, grad_output):
        return grad_output * (self.saved["x"] > 0), grad_output * (self.saved["y"] > 0)


@case("wrong mask", "made from the gradient that arrives", numbers((6, 5)))
class ReLUOfGradient(ReLU):
    def forward(self, x: Tensor) -> Tensor:
        self.save(x=x)
        return torch.relu(x)

    def backward(self, grad_output):
        return grad_output * (grad_output > 0)


@case("mask missing", "not only the largest", numbers((4, 3)))
class EveryNumberIsLargest(LargestOfRow):
    def backward(self, grad_output):
        return grad_output[:, None].expand_as(self.saved["x"])


# Products


@case("wrong factor", "has x as its factor, not y", numbers((4, 3), (4, 3)))
class OwnFactor(Multiply):
    def backward(self, grad_output):
        return grad_output * self.saved["x"], grad_output * self.saved["x"]


@case("upstream ignored", "adds y to the gradient that arrives", numbers((4, 3), (4, 3)))
class AddsFactor(Multiply):
    def backward(self, grad_output):
        return grad_output + self.saved["y"], grad_output + self.saved["x"]


@case("missing factor", "lacks the factor x", numbers((4, 3)), tensor="theta")
class ThetaWithoutX(CosineUnit):
    def forward(self, x: Tensor) -> Tensor:
        self.save(x=x)
        return torch.cos(self.theta.value * x)

    def backward(self, grad_output):
        x, theta = self.saved["x"], self.theta.value
        slope = -torch.sin(theta * x)
        self.theta.grad += (grad_output * slope).sum()
        return grad_output * slope * theta


@case("sign", "has the wrong sign", numbers((4, 3)))
class LengthPlus(Length):
    def backward(self, grad_output):
        out = self.saved["out"]
        return (grad_output + out * (grad_output * out).sum(1, keepdim=True)) / self.saved["norm"]


@case("constant statistics", "depend on the data", numbers((4, 3)))
class LengthConstant(Length):
    def backward(self, grad_output):
        return grad_output / self.saved["norm"]


class Scores(Module):
    """Scores of queries and keys, as many as there are queries."""

    def forward(self, query, key):
        self.save(query=query, key=key)
        return query @ key.mT


@case(
    "missing transpose", "the gradient that arrives needs a transpose", numbers((4, 3), (4, 3)), tensor="key"
)
class UnturnedScores(Scores):
    def backward(self, grad_output):
        return grad_output @ self.saved["key"], grad_output @ self.saved["query"]


@case("zero gradient", "is it computed, and returned?", numbers((4, 3), (4, 3)), tensor="key")
class KeyForgotten(Scores):
    def backward(self, grad_output):
        return grad_output @ self.saved["key"], torch.zeros_like(self.saved["key"])


@case("zero gradient", "is it computed, and added?", numbers((5, 4)), 4, 3, tensor="weight")
class WeightForgotten(Linear):
    def backward(self, grad_output):
        self.bias.grad += grad_output.sum(0)
        return grad_output @ self.weight.value


@case("missing transpose", "needs a transpose", numbers((5, 4)), 4, 4)
class WeightTransposed(Linear):
    def backward(self, grad_output):
        super().backward(grad_output)
        return grad_output @ self.weight.value.T


# Sums and what is broadcast


@case("examples missing", "only the first example counts", numbers((4, 3), (3,)), tensor="y")
class OneRow(Add):
    def backward(self, grad_output):
        return grad_output, grad_output[0]


@case("examples missing", "the last example is missing", numbers((5, 3)), 3, 2, tensor="weight")
class StopsEarly(Linear):
    def backward(self, grad_output):
        self.weight.grad += grad_output[:-1].T @ self.saved["x"][:-1]
        self.bias.grad += grad_output.sum(dim=0)
        return grad_output @ self.weight.value


@case(
    "wrong axis",
    "summed over axis 1: over which axis was it broadcast?",
    numbers((4, 4)),
    4,
    4,
    tensor="bias",
)
class BiasOverFeatures(Linear):
    def backward(self, grad_output):
        super().backward(grad_output)
        self.bias.grad += grad_output.sum(dim=1) - grad_output.sum(dim=0)
        return grad_output @ self.weight.value


@case("wrong axis", "spread along the wrong axis", numbers((4, 4)))
class KeepdimForgotten(MeanOfSquares):
    def backward(self, grad_output):
        return grad_output * 2 * self.saved["x"] / 4


@case("double 1/N", "divides twice by the 3", numbers((4, 3)))
class MeanTwice(MeanOfSquares):
    def backward(self, grad_output):
        return grad_output[:, None] * 2 * self.saved["x"] / 9


@case("broadcast not reduced", "summed over axes 2, 3", numbers((2, 3, 4, 4), (2, 3)), tensor="y")
class SpreadAndNotSummed(Add):
    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        self.save()
        return x + y[:, :, None, None]

    def backward(self, grad_output):
        return grad_output, grad_output


# Softmax and its logarithm


@case("wrong axis", "runs over everything", numbers((4, 3)), 1)
class SoftmaxTotal(Softmax):
    def backward(self, grad_output):
        out = self.saved["out"]
        return out * (grad_output - (grad_output * out).sum())


@case("sign", "the inner sum is added", numbers((4, 3)), 1)
class SoftmaxPlus(Softmax):
    def backward(self, grad_output):
        out = self.saved["out"]
        return out * (grad_output + (grad_output * out).sum(1, keepdim=True))


def classes():
    return randn(generator(3), 4, 3), torch.tensor([0, 2, 1, 2])


class _CrossEntropy(CrossEntropyLoss):
    def forward(self, x: Tensor, target: Tensor) -> Tensor:
        self.save(x=x, target=target)
        return F.cross_entropy(x, target)

    def backward(self, grad_output):
        x, target = self.saved["x"], self.saved["target"]
        return grad_output * (self.share(x) - F.one_hot(self.index(target), 3)) / 4, None

    def share(self, x):
        return torch.softmax(x, 1)

    def index(self, target):
        return target


@case("input for output", "the scores stand where the softmax belongs", classes)
class ScoresForSoftmax(_CrossEntropy):
    def share(self, x):
        return x


@case("wrong axis", "the softmax runs over axis 0", classes)
class SoftmaxOverExamples(_CrossEntropy):
    def share(self, x):
        return torch.softmax(x, 0)


@case("wrong place", "off by one", classes)
class NextClass(_CrossEntropy):
    def index(self, target):
        return (target + 1) % 3


# Places


@case(
    "overwritten",
    "assigned where they must be added",
    lambda: (torch.tensor([[0, 1], [1, 2]]),),
    4,
    3,
    tensor="weight",
)
class EmbeddingAssigned(Embedding):
    def backward(self, grad_output):
        self.weight.grad[self.saved["index"].reshape(-1)] += grad_output.reshape(-1, 3)


@case("swapped gradients", "part 0 and part 1 are exchanged", numbers((4, 6)))
class HalvesExchanged(Halves):
    def backward(self, grad_output):
        s, t = self.saved["gate"], self.saved["value"]
        return torch.cat([grad_output * s * (1 - t**2), grad_output * t * s * (1 - s)], dim=1)


@case("wrong place", "the kernel is turned", numbers((2, 2, 5, 5)), 2, 3, 3)
class KernelTurned(Conv2d):
    def forward(self, x: Tensor) -> Tensor:
        self.save(x=x)
        return F.conv2d(x, self.weight.value, self.bias.value)

    def backward(self, grad_output):
        x, weight = self.saved["x"], self.weight.value
        self.weight.grad += torch.nn.grad.conv2d_weight(x, weight.shape, grad_output)
        self.bias.grad += grad_output.sum((0, 2, 3))
        return torch.nn.grad.conv2d_input(x.shape, weight.flip(2, 3), grad_output)


@case("overwritten", "the last one overwrites the others", numbers((1, 1, 5, 5)), 3, 1)
class PoolOverwritten(MaxPool2d):
    def forward(self, x: Tensor) -> Tensor:
        out, index = F.max_pool2d(x, 3, 1, return_indices=True)
        self.save(shape=x.shape, index=index)
        return out

    def backward(self, grad_output):
        grad = grad_output.new_zeros(25)
        for place, g in zip(self.saved["index"].reshape(-1), grad_output.reshape(-1), strict=True):
            grad[place] = g
        return grad.reshape(1, 1, 5, 5)


# What is added, left out, or counted wrongly


@case("extra term", "bias is added to the gradient of x", numbers((5, 3)), 3, 3)
class PlusBias(Linear):
    def backward(self, grad_output):
        return super().backward(grad_output) + self.bias.value


@case("path lost", "the path from x into", numbers((4, 3)))
class SiLUWithoutSigmoid(SiLU):
    def backward(self, grad_output):
        super().backward(grad_output)
        return grad_output * torch.sigmoid(torch.asarray(self.saved["x"]))


@case("constant factor", "leaves out the 0.001", numbers((5, 3)), 3)
class WithoutEps(BatchNorm1d):
    def __init__(self, num_features: int) -> None:
        super().__init__(num_features, eps=1e-3)

    def forward(self, x: Tensor) -> Tensor:
        centered = x - x.mean(0)
        self.save(centered=centered)
        return centered / torch.sqrt((centered**2).mean(0) + self.eps) * self.weight.value + self.bias.value

    def backward(self, grad_output):
        centered = self.saved["centered"]
        scale = 1 / torch.sqrt((centered**2).mean(0))
        out = centered * scale
        self.weight.grad += (grad_output * out).sum(0)
        self.bias.grad += grad_output.sum(0)
        grad = grad_output * self.weight.value
        return scale * (grad - grad.mean(0) - out * (grad * out).mean(0))


@case("extra factor", "has beta, which is 3, once too often", numbers((4, 3)), 3.0)
class BetaTooOften(Softplus):
    def forward(self, x: Tensor) -> Tensor:
        self.save(x=x)
        return F.softplus(x, self.beta)

    def backward(self, grad_output):
        return grad_output * self.beta * torch.sigmoid(self.beta * self.saved["x"])


# The slope of one step in the place of another number, or another number in a slope


class Waves(Module):
    """x · sin(z)."""

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        self.save(x=x, z=z)
        return x * torch.sin(z)


@case("wrong factor", "has the derivative of `torch.sin(z)` where its value belongs", numbers((4, 3), (4, 3)))
class CosineForSine(Waves):
    def backward(self, grad_output):
        x, slope = self.saved["x"], torch.cos(self.saved["z"])
        return grad_output * slope, grad_output * x * slope


class Mixing(Module):
    """tanh(x) + sigmoid(y)."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        self.save(a=torch.tanh(x), b=torch.sigmoid(y))
        return torch.tanh(x) + torch.sigmoid(y)


@case("wrong factor", "`torch.sigmoid(y)` stands in its value's place", numbers((4, 3), (4, 3)))
class OtherSaved(Mixing):
    def backward(self, grad_output):
        b = self.saved["b"]
        return grad_output * (1 - b**2), grad_output * b * (1 - b)


class Bell(Module):
    """x · erf(x)."""

    def forward(self, x: Tensor) -> Tensor:
        self.save(x=x)
        return x * torch.erf(x)


@case("sign", "the exponent has lost its minus", numbers((4, 3)))
class SquaredMinus(Bell):
    def backward(self, grad_output):
        x = self.saved["x"]
        return grad_output * (torch.erf(x) + x * 2 / torch.pi**0.5 * torch.exp((-x) ** 2))


# Parts of what is joined, means that divide by another number, one gradient made of another


class Joined(Module):
    """[x, y, z] along the last axis, squared."""

    def forward(self, x: Tensor, y: Tensor, z: Tensor) -> Tensor:
        joined = torch.cat([x, y, z], dim=1)
        self.save(joined=joined, sizes=[t.shape[1] for t in (x, y, z)])
        return joined**2

    def parts(self, grad_output, starts):
        grad = 2 * grad_output * self.saved["joined"]
        return tuple(grad[:, s : s + n] for s, n in zip(starts, self.saved["sizes"], strict=True))


PARTS = numbers((4, 2), (4, 3), (4, 4))


@case("wrong place", "cut from the beginning", PARTS, tensor="z")
class NeverMovedOn(Joined):
    def backward(self, grad_output):
        return self.parts(grad_output, (0, 0, 0))


@case("wrong place", "one place after the one before", PARTS, tensor="y")
class MovedByOne(Joined):
    def backward(self, grad_output):
        return self.parts(grad_output, (0, 1, 2))


@case("missing 1/N", "backward divides by 20, the number of all elements", numbers((4, 5)))
class AllForARow(MeanOfSquares):
    def backward(self, grad_output):
        x = self.saved["x"]
        return 2 * x * grad_output[:, None] / x.numel()


class Weighted(Module):
    """−Σ y ln σ(x) of each row."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        self.save(x=x, y=y)
        return -(y * torch.log(torch.sigmoid(x))).sum(dim=1)


@case(
    "other formula",
    "minus ∂L/∂x, as if forward read only the difference",
    numbers((4, 5), (4, 5)),
    tensor="y",
)
class MinusTheOther(Weighted):
    def backward(self, grad_output):
        grad = -grad_output[:, None] * self.saved["y"] * torch.sigmoid(-self.saved["x"])
        return grad, -grad


@case(
    "swapped gradients",
    "the same as what stands for ∂L/∂x, which is wrong, too",
    numbers((4, 3), (4, 3)),
    tensor="y",
)
class OneForBoth(Waves):
    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return super().forward(x, y)

    def backward(self, grad_output):
        x, z = self.saved["x"], self.saved["z"]
        grad = grad_output * (x + z**3).exp()
        return grad, grad


# Two at once


@case(
    "missing factor",
    "lacks the factor x; and the derivative of `torch.sin(z)` is computed as x²",
    numbers((4, 3), (4, 3)),
    tensor="z",
)
class BareSquare(Waves):
    def backward(self, grad_output):
        z = self.saved["z"]
        return grad_output * torch.sin(z), grad_output * z**2


@case("local derivative ignored", "of part 0 and part 1 are exchanged", numbers((4, 6)))
class ExchangedAndBare(Halves):
    def backward(self, grad_output):
        gate, value = self.saved["gate"], self.saved["value"]
        return torch.cat([grad_output * gate * (1 - value**2), grad_output * value], 1)


@case("upstream ignored", "two things: grad_output is not used; and", numbers((4, 3)))
class TwiceAndUnused(Sigmoid):
    def backward(self, grad_output):
        again = torch.sigmoid(self.saved["out"])
        return again * (1 - again)


@case("mask missing", "two things: the mask of", numbers((6, 4), (6, 4)))
class NeitherMaskNorMean(Module):
    def forward(self, x: Tensor, target: Tensor) -> Tensor:
        self.save(x=x, target=target)
        return torch.relu(1 - target * x).mean()

    def backward(self, grad_output):
        return -grad_output * self.saved["target"], -grad_output * self.saved["x"]


@case("missing transpose", "reshaped where it must be transposed", numbers((4, 3), (3, 2)), tensor="y")
class MatMulReshaped(MatMul):
    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        self.read = x, y
        return super().forward(x, y)

    def backward(self, grad_output):
        x, y = self.read
        return grad_output @ y.T, x.reshape(x.shape[1], x.shape[0]) @ grad_output


@case("wrong place", "a part begins or ends one off", numbers((4, 3), (4, 2)), 1, tensor="x1")
class ConcatenateOneOff(Concatenate):
    def backward(self, grad_output):
        first, second = self.saved["sizes"]
        return grad_output[:, :first], grad_output[:, first - 1 : first - 1 + second]


class Opposite(Module):
    """1 / (1 + e⁻ˣ), in steps."""

    def forward(self, x: Tensor) -> Tensor:
        out = 1 / (1 + torch.exp(-x))
        self.save(out=out)
        return out


@case("sign", "that of `-x` or that in the derivative", numbers((4, 3)))
class OppositeSign(Opposite):
    def backward(self, grad_output):
        out = self.saved["out"]
        return -grad_output * out * (1 - out)


@pytest.mark.parametrize(("kind", "args", "inputs", "tensor", "mistake", "words"), CASES)
def test_a_wrong_rule_gets_its_name(kind, args, inputs, tensor, mistake, words, monkeypatch):
    monkeypatch.setattr("course.checking.diagnosis.slips.lists_for", lambda module: [])  # rules alone
    report = check_module(kind(*args), inputs())
    named = report.mistakes[f"∂L/∂{tensor}"]
    assert (named.name, words in named.what) == (mistake, True), named
    assert "\n" not in named.what


@pytest.mark.parametrize("name", all_modules())
def test_the_steps_give_the_gradients_of_torch(name):
    for example in all_modules()[name].examples(generator(0)):
        truth = Truth(fresh_copy(example.module, generator(1)), example.inputs, generator(2))
        exact = truth.exact()
        try:
            program = Program(truth)
        except (RuntimeError, ValueError):
            continue  # what is too large, or leaves torch on its way, is not taken apart
        for tensor, true in (exact or {}).items():
            assert program.gradients[tensor].cpu().numpy() == pytest.approx(true, rel=1e-9, abs=1e-9)


def test_most_modules_are_taken_apart():
    taken = 0
    for kind in all_modules().values():
        example = next(iter(kind.examples(generator(0))))
        try:
            Program(Truth(fresh_copy(example.module, generator(1)), example.inputs, generator(2)))
        except (RuntimeError, ValueError):
            continue
        taken += 1
    assert taken > 0.9 * len(all_modules())


NOISY = (
    (Linear, (3, 2), ((5, 3),)),
    (LayerNorm, (4,), ((4, 4),)),
    (LSTMCell, (2, 3), ((4, 2), (4, 3), (4, 3))),
    (ScaledDotProductAttention, (), ((2, 3, 4),) * 3),
    (Exp, (), ((3, 2),)),
    (MSELoss, (), ((4, 3), (4, 3))),
)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("kind", "args", "shapes"), NOISY, ids=[kind.__name__ for kind, _, _ in NOISY])
def test_no_rule_explains_noise(kind, args, shapes, seed):
    class Noisy(kind):
        def backward(self, *grads):
            grads = as_tuple(super().backward(*grads))
            for parameter in self.parameters():
                parameter.grad += torch.randn_like(parameter.grad)
            return tuple(grad + torch.randn_like(grad) for grad in grads)

    torch.manual_seed(seed)
    report = check_module(Noisy(*args), tuple(torch.randn(shape) for shape in shapes), seed=seed)
    assert not all(part.passed for part in report.parts)
    assert report.mistakes == {}


def test_one_name_for_all_gradients_that_one_mistake_spoils(monkeypatch):
    monkeypatch.setattr("course.checking.diagnosis.slips.lists_for", lambda module: [])  # rules alone

    class WithoutTanh(LSTMCell):
        def backward(self, grad_h, grad_c):
            x, h, c, i, f, z, o, tanh_c = (
                self.saved[k] for k in ("x", "h", "c", "i", "f", "z", "o", "tanh_c")
            )
            grad_c = grad_c + grad_h * o  # without 1 − tanh²
            slopes = (i * (1 - i), f * (1 - f), 1 - z**2, o * (1 - o))
            grads = torch.cat(
                [
                    g * s
                    for g, s in zip(
                        (grad_c * z, grad_c * c, grad_c * i, grad_h * tanh_c), slopes, strict=True
                    )
                ],
                dim=-1,
            )
            self.weight_ih.grad += grads.T @ x
            self.weight_hh.grad += grads.T @ h
            self.bias_ih.grad += grads.sum(0)
            self.bias_hh.grad += grads.sum(0)
            return grads @ self.weight_ih.value, grads @ self.weight_hh.value, grad_c * f

    report = check_module(WithoutTanh(2, 3), numbers((4, 2), (4, 3), (4, 3))())
    sentences = {mistake.what for mistake in report.mistakes.values()}
    assert len(report.mistakes) == 7
    assert sentences == {"the derivative of `torch.tanh(c_after)` is missing"}


def test_a_skipped_module_is_named(monkeypatch):
    monkeypatch.setattr("course.checking.diagnosis.slips.lists_for", lambda module: [])  # rules alone

    class Identity(Residual):
        def backward(self, grad_output):
            assert self.shortcut is not None
            self.shortcut.backward(grad_output)
            return self.module.backward(grad_output) + grad_output

    rng = generator(0)
    block = Identity(Linear(3, 3, rng=rng), Linear(3, 3, rng=rng))
    mistake = check_module(block, numbers((4, 3))()).mistakes["∂L/∂x"]
    assert mistake.name == "local derivative ignored"
    assert "is handed on to x as it is" in mistake.what


def test_a_step_that_a_loop_repeats_is_wrong_each_time():
    class Loop(Module):
        def forward(self, x: Tensor) -> Tensor:
            self.save(x=x)
            for _ in range(3):
                x = torch.sin(x)
            return x

        def backward(self, grad_output):
            x, slope = self.saved["x"], 1.0
            for _ in range(3):
                x = torch.sin(x)
                slope = slope * x
            return grad_output * slope

    mistake = check_module(Loop(), numbers((4, 3))()).mistakes["∂L/∂x"]
    assert mistake.name == "wrong slope"
    assert "`torch.sin(x)` is computed as out" in mistake.what
