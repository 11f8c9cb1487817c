"""The zoo: the classic mistakes, made by hand as students make them, each with the name it should get."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Generator, Tensor

from course.containers.graph import Graph
from course.module import Module, as_tuple
from course.modules import (
    Add,
    BatchNorm1d,
    Conv2d,
    CosineUnit,
    CrossEntropyLoss,
    Dropout,
    EuclideanLoss,
    Exp,
    FiLM,
    GRUCell,
    LayerNorm,
    Linear,
    LSTMCell,
    Max,
    Mean,
    MSELoss,
    Multiply,
    ReLU,
    RNNCell,
    Sigmoid,
    Softmax,
    Subtract,
    Tanh,
)


@dataclass(frozen=True)
class Wrong:
    """A module with a mistake, inputs to see it at, and names for the mistake (the first is the best)."""

    label: str
    names: tuple[str, ...]
    make: Callable[[Generator], tuple[Module, tuple[Any, ...]]]


ZOO: list[Wrong] = []


def wrong(names: str, *shapes: tuple[int, ...], **options: Any) -> Callable[[type[Module]], type[Module]]:
    """Put a module with a mistake into the zoo.

    Give the mistake's names, separated by bars, and the shapes of the module's inputs.
    """

    def add(kind: type[Module]) -> type[Module]:
        def make(rng: Generator) -> tuple[Module, tuple[Any, ...]]:
            positional = options.get("args", ())
            return kind(*positional), tuple(
                torch.randn(shape, generator=rng, device=rng.device) for shape in shapes
            )

        ZOO.append(Wrong(kind.__name__, tuple(names.split("|")), options.get("make", make)))
        return kind

    return add


# Linear


@wrong("mean for sum", (5, 3), args=(3, 2))
class BiasMean(Linear):
    def backward(self, grad_output: Tensor) -> Tensor:
        self.weight.grad += grad_output.T @ self.saved["x"]
        self.bias.grad += grad_output.mean(dim=0)
        return grad_output @ self.weight.value


@wrong("mean for sum", (7, 3), args=(3, 2))
class WeightMean(Linear):
    def backward(self, grad_output: Tensor) -> Tensor:
        self.weight.grad += grad_output.T @ self.saved["x"] / len(grad_output)
        self.bias.grad += grad_output.sum(dim=0)
        return grad_output @ self.weight.value


@wrong("broadcast not reduced", (5, 3), args=(3, 2))
class BiasNotSummed(Linear):
    def backward(self, grad_output: Tensor) -> Tensor:
        self.weight.grad += grad_output.T @ self.saved["x"]
        self.bias.grad = self.bias.grad + grad_output
        return grad_output @ self.weight.value


@wrong("overwritten", (5, 3), args=(3, 2))
class WeightOverwritten(Linear):
    def backward(self, grad_output: Tensor) -> Tensor:
        self.weight.grad = grad_output.T @ self.saved["x"]
        self.bias.grad += grad_output.sum(dim=0)
        return grad_output @ self.weight.value


@wrong("missing transpose", (5, 4), args=(4, 4))
class WeightTransposed(Linear):
    def backward(self, grad_output: Tensor) -> Tensor:
        self.weight.grad += grad_output.T @ self.saved["x"]
        self.bias.grad += grad_output.sum(dim=0)
        return grad_output @ self.weight.value.T


@wrong("transposed", (5, 4), args=(4, 4))
class FactorsSwapped(Linear):
    def backward(self, grad_output: Tensor) -> Tensor:
        self.weight.grad += self.saved["x"].T @ grad_output
        self.bias.grad += grad_output.sum(dim=0)
        return grad_output @ self.weight.value


@wrong("transposed", (5, 3), args=(3, 2))
class ResultTransposed(Linear):
    def backward(self, grad_output: Tensor) -> Tensor:
        self.weight.grad += grad_output.T @ self.saved["x"]
        self.bias.grad += grad_output.sum(dim=0)
        return (grad_output @ self.weight.value).T


@wrong("zero gradient", (5, 3), args=(3, 2))
class WeightForgotten(Linear):
    def backward(self, grad_output: Tensor) -> Tensor:
        self.bias.grad += grad_output.sum(dim=0)
        return grad_output @ self.weight.value


@wrong("upstream ignored", (5, 3), args=(3, 2))
class BiasOnes(Linear):
    def backward(self, grad_output: Tensor) -> Tensor:
        self.weight.grad += grad_output.T @ self.saved["x"]
        self.bias.grad += torch.ones_like(grad_output).sum(dim=0)
        return grad_output @ self.weight.value


@wrong("wrong in places", (6, 3), args=(3, 2))
class LastRowForgotten(Linear):
    def backward(self, grad_output: Tensor) -> Tensor:
        self.weight.grad += grad_output.T @ self.saved["x"]
        self.bias.grad += grad_output.sum(dim=0)
        grad = grad_output @ self.weight.value
        grad[-1] = 0
        return grad


@wrong("examples missing", (6, 3), args=(3, 2))
class LastExampleOnly(Linear):
    def backward(self, grad_output: Tensor) -> Tensor:
        self.weight.grad += grad_output.T @ self.saved["x"]
        self.bias.grad += grad_output[-1]
        return grad_output @ self.weight.value


@wrong("extra term", (6, 3), args=(3, 3))
class PlusBias(Linear):
    def backward(self, grad_output: Tensor) -> Tensor:
        return super().backward(grad_output) + self.bias.value


# Elementwise


@wrong("wrong slope", (5, 3))
class SigmoidPlus(Sigmoid):
    def backward(self, grad_output: Tensor) -> Tensor:
        out = self.saved["out"]
        return grad_output * out * (1 + out)


@wrong("wrong factor", (5, 3), (5, 3))
class OwnFactor(Multiply):
    def backward(self, grad_output: Tensor) -> tuple[Tensor, Tensor]:
        x = self.saved["x"]
        return grad_output * x, grad_output * x


@wrong("upstream ignored", (5, 3))
class SigmoidOnes(Sigmoid):
    def backward(self, grad_output: Tensor) -> Tensor:
        out = self.saved["out"]
        return out * (1 - out)


@wrong("sign", (5, 3))
class SigmoidSign(Sigmoid):
    def backward(self, grad_output: Tensor) -> Tensor:
        out = self.saved["out"]
        return grad_output * out * (out - 1)


@wrong("other formula", (5, 3))
class SigmoidAsTanh(Sigmoid):
    def backward(self, grad_output: Tensor) -> Tensor:
        return grad_output * (1 - self.saved["out"] ** 2)


class KeepsInput(Sigmoid):
    def forward(self, x: Tensor) -> Tensor:
        self.save(x=x)
        return torch.sigmoid(x)


@wrong("input for output", (5, 3))
class SigmoidInput(KeepsInput):
    def backward(self, grad_output: Tensor) -> Tensor:
        x = self.saved["x"]
        return grad_output * x * (1 - x)


class KeepsInputTanh(Tanh):
    def forward(self, x: Tensor) -> Tensor:
        self.save(x=x)
        return torch.tanh(x)


@wrong("input for output", (5, 3))
class TanhInput(KeepsInputTanh):
    def backward(self, grad_output: Tensor) -> Tensor:
        return grad_output * (1 - self.saved["x"] ** 2)


@wrong("output for input", (4, 3))
class CosOutput(CosineUnit):
    def forward(self, x: Tensor) -> Tensor:
        out = torch.cos(self.theta.value * x) + torch.pi
        self.save(x=x, out=out)
        return out

    def backward(self, grad_output: Tensor) -> Tensor:
        theta, x, out = self.theta.value, self.saved["x"], self.saved["out"]
        self.theta.grad += (grad_output * -x * torch.sin(theta * x)).sum()
        return -grad_output * theta * torch.sin(theta * out)


@wrong("missing factor", (4, 3))
class CosineWithoutTheta(CosineUnit):
    def backward(self, grad_output: Tensor) -> Tensor:
        theta, x = self.theta.value, self.saved["x"]
        self.theta.grad += (grad_output * -x * torch.sin(theta * x)).sum()
        return -grad_output * torch.sin(theta * x)


@wrong("mask missing|local derivative ignored", (5, 3))
class ReLUWithoutMask(ReLU):
    def backward(self, grad_output: Tensor) -> Tensor:
        return grad_output


@wrong("zero gradient", (5, 3))
class Detached(Sigmoid):
    def backward(self, grad_output: Tensor) -> Tensor:
        return torch.zeros_like(grad_output)


@wrong("local derivative ignored", (5, 3))
class HandsOn(Exp):
    def backward(self, grad_output: Tensor) -> Tensor:
        return grad_output


@wrong("extra factor", (5, 3))
class UpstreamTwice(Sigmoid):
    def backward(self, grad_output: Tensor) -> Tensor:
        out = self.saved["out"]
        return grad_output * out * (1 - out) * grad_output


@wrong("constant factor", (5, 3))
class Doubled(Tanh):
    def backward(self, grad_output: Tensor) -> Tensor:
        return 2 * grad_output * (1 - self.saved["out"] ** 2)


@wrong("saved changed", (5, 3))
class ChangesUpstream(Sigmoid):
    def backward(self, grad_output: Tensor) -> Tensor:
        out = self.saved["out"]
        return grad_output.mul_(out * (1 - out))


@wrong("saved changed", (5, 3))
class ChangesSaved(Sigmoid):
    def backward(self, grad_output: Tensor) -> Tensor:
        out = self.saved["out"]
        return grad_output * out.mul_(1 - out)


@wrong("wrong in places", (5, 3))
class OneWrongColumn(Tanh):
    def backward(self, grad_output: Tensor) -> Tensor:
        grad = grad_output * (1 - self.saved["out"] ** 2)
        grad[:, 1] *= 3
        return grad


# Two inputs


@wrong("swapped gradients", (4, 2), (4, 2))
class Swapped(Multiply):
    def backward(self, grad_output: Tensor) -> tuple[Tensor, Tensor]:
        return grad_output * self.saved["x"], grad_output * self.saved["y"]


@wrong("sign", (4, 2), (4, 2))
class SubtractAsAdd(Subtract):
    def backward(self, grad_output: Tensor) -> tuple[Tensor, Tensor]:
        return grad_output, grad_output


@wrong("broadcast not reduced", (4, 3), (3,))
class AddWithoutReducing(Add):
    def backward(self, grad_output: Tensor) -> tuple[Tensor, Tensor]:
        return grad_output, grad_output


def _tied(rng: Generator) -> tuple[Module, tuple[Any, ...]]:
    x = torch.randn(4, 3, generator=rng, device=rng.device)
    y = torch.randn(4, 3, generator=rng, device=rng.device)
    return MaxTwice(), (x, y)


@wrong("ties routed twice", make=_tied)
class MaxTwice(Max):
    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        self.save(x=x, y=y)
        return torch.maximum(x, y)

    def backward(self, grad_output: Tensor) -> tuple[Tensor, Tensor]:
        x, y = self.saved["x"], self.saved["y"]
        return grad_output * (x >= y), grad_output * (y >= x)


@wrong("wrong mask", (5, 4), (5, 4))
class MaxAboveZero(Max):
    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        self.save(x=x, y=y)
        return torch.maximum(x, y)

    def backward(self, grad_output: Tensor) -> tuple[Tensor, Tensor]:
        return grad_output * (self.saved["x"] > 0), grad_output * (self.saved["y"] > 0)


# Jacobians and statistics


@wrong("wrong axis", (5, 4), args=(1,))
class SoftmaxTotal(Softmax):
    def backward(self, grad_output: Tensor) -> Tensor:
        out = self.saved["out"]
        return out * (grad_output - (grad_output * out).sum())


@wrong("diagonal only", (5, 4), args=(1,))
class SoftmaxDiagonal(Softmax):
    def backward(self, grad_output: Tensor) -> Tensor:
        out = self.saved["out"]
        return grad_output * out * (1 - out)


@wrong("constant statistics|path lost", (5, 4), args=(1,))
class SoftmaxConstantSum(Softmax):
    def backward(self, grad_output: Tensor) -> Tensor:
        return grad_output * self.saved["out"]


@wrong("constant statistics", (6, 3), args=(3,))
class LayerNormConstant(LayerNorm):
    def backward(self, grad_output: Tensor) -> Tensor:
        normalized = (self.saved["x"] - self.saved["mean"]) * self.saved["scale"]
        self.weight.grad += (grad_output * normalized).sum(dim=0)
        self.bias.grad += grad_output.sum(dim=0)
        return grad_output * self.weight.value * self.saved["scale"]


@wrong("constant statistics", (6, 4), args=(4,))
class LayerNormConstantVariance(LayerNorm):
    def backward(self, grad_output: Tensor) -> Tensor:
        scale = self.saved["scale"]
        normalized = (self.saved["x"] - self.saved["mean"]) * scale
        self.weight.grad += (grad_output * normalized).sum(dim=0)
        self.bias.grad += grad_output.sum(dim=0)
        grad = grad_output * self.weight.value
        return scale * (grad - grad.mean(-1, keepdim=True))


@wrong("constant statistics", (6, 3), args=(3,))
class BatchNormConstant(BatchNorm1d):
    def backward(self, grad_output: Tensor) -> Tensor:
        normalized = (self.saved["x"] - self.saved["mean"]) * self.saved["scale"]
        self.weight.grad += (grad_output * normalized).sum(dim=0)
        self.bias.grad += grad_output.sum(dim=0)
        return grad_output * self.weight.value * self.saved["scale"]


@wrong("wrong axis", (5, 3), args=(3,))
class BatchNormOverFeatures(BatchNorm1d):
    def backward(self, grad_output: Tensor) -> Tensor:
        scale = self.saved["scale"]
        normalized = (self.saved["x"] - self.saved["mean"]) * scale
        self.weight.grad += (grad_output * normalized).sum(dim=0)
        self.bias.grad += grad_output.sum(dim=0)
        grad = grad_output * self.weight.value
        along = (grad * normalized).mean(1, keepdim=True)
        return scale * (grad - grad.mean(1, keepdim=True) - normalized * along)


@wrong("misplaced factor", (5, 4), args=(4,))
class LayerNormWeightLast(LayerNorm):
    def backward(self, grad_output: Tensor) -> Tensor:
        scale = self.saved["scale"]
        normalized = (self.saved["x"] - self.saved["mean"]) * scale
        self.weight.grad += (grad_output * normalized).sum(dim=0)
        self.bias.grad += grad_output.sum(dim=0)
        mean, along = (part.mean(-1, keepdim=True) for part in (grad_output, grad_output * normalized))
        return self.weight.value * scale * (grad_output - mean - normalized * along)


@wrong("wrong statistics", (5, 3), args=(3,))
class BatchNormUnbiased(BatchNorm1d):
    def backward(self, grad_output: Tensor) -> Tensor:
        super().backward(grad_output)
        x = self.saved["x"]
        scale = (x.var(0) + self.eps).rsqrt()
        normalized = (x - x.mean(0)) * scale
        grad = grad_output * self.weight.value
        return scale * (grad - grad.mean(0) - normalized * (grad * normalized).mean(0))


# Convolution and recurrence


@wrong("wrong place", (2, 2, 5, 4), args=(2, 3, 3))
class ConvolutionTurned(Conv2d):
    def backward(self, grad_output: Tensor) -> Tensor:
        right = self.weight.value
        self.weight.value = right.flip(2, 3)
        grad = super().backward(grad_output)
        self.weight.value = right
        return grad


@wrong("examples missing", (5, 3), args=(3,))
class BiasOfLastExample(BatchNorm1d):
    def backward(self, grad_output: Tensor) -> Tensor:
        grad = super().backward(grad_output)
        assert self.bias is not None
        self.bias.grad += grad_output[-1] - grad_output.sum(dim=0)
        return grad


@wrong("permuted", (4, 2), (4, 3), args=(2, 3))
class GatesExchanged(GRUCell):
    def to_input(self, grad: Tensor, x: Tensor) -> Tensor:
        reset, update, candidate = grad.chunk(3, -1)
        return super().to_input(torch.cat([update, reset, candidate], -1), x)


@wrong("wrong slope", (4, 2), (4, 3), args=(2, 3))
class TanhWithoutSquare(RNNCell):
    def backward(self, grad_output: Tensor) -> tuple[Tensor, Tensor]:
        grad = grad_output * (1 - self.saved["out"])
        return self.to_input(grad, self.saved["x"]), self.to_state(grad, self.saved["h"])


@wrong("extra term", (3, 2, 4), (3, 2), (3, 2))
class ShiftInSlope(FiLM):
    def backward(self, grad_output: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        _, grad_gamma, grad_beta = super().backward(grad_output)
        gamma = self.saved["gamma"]
        return grad_output * gamma[:, :, None] + self.shift[:, :, None], grad_gamma, grad_beta

    def forward(self, x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        self.shift = beta
        return super().forward(x, gamma, beta)


@wrong("wrong factor", (3, 2, 4), (3, 2), (3, 2))
class InputForScale(FiLM):
    def backward(self, grad_output: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        _, grad_gamma, grad_beta = super().backward(grad_output)
        return grad_output * self.saved["x"], grad_gamma, grad_beta


# Dropout


def _dropout(kind: type[Module]) -> Callable[[Generator], tuple[Module, tuple[Any, ...]]]:
    def make(rng: Generator) -> tuple[Module, tuple[Any, ...]]:
        mask = Generator(rng.device).manual_seed(3)
        return kind(0.4, rng=mask), (torch.randn(6, 5, generator=rng, device=rng.device),)

    return make


class _Masked(Dropout):
    def forward(self, x: Tensor) -> Tensor:
        mask = torch.rand(x.shape, generator=self.rng, device=x.device) > self.p
        self.save(mask=mask)
        return x * mask / (1 - self.p)


class DropoutWithoutMask(_Masked):
    def backward(self, grad_output: Tensor) -> Tensor:
        return grad_output / (1 - self.p)


class DropoutWithoutScale(_Masked):
    def backward(self, grad_output: Tensor) -> Tensor:
        return grad_output * self.saved["mask"]


ZOO += [
    Wrong("DropoutWithoutMask", ("mask missing",), _dropout(DropoutWithoutMask)),
    Wrong("DropoutWithoutScale", ("mask scale missing",), _dropout(DropoutWithoutScale)),
]


# Losses


@wrong("sum for mean", (4, 5), args=(1,))
class MeanAsSum(Mean):
    def backward(self, grad_output: Tensor) -> Tensor:
        return grad_output.unsqueeze(1).expand(4, 5)


@wrong("missing 1/N", (5, 3), (5, 3))
class MSEWithoutMean(MSELoss):
    def backward(self, grad_output: Tensor) -> tuple[Tensor, Tensor]:
        x_grad, target_grad = super().backward(grad_output)
        return 15 * x_grad, 15 * target_grad


@wrong("double 1/N", (5, 3), (5, 3))
class MSETwiceMean(MSELoss):
    def backward(self, grad_output: Tensor) -> tuple[Tensor, Tensor]:
        x_grad, target_grad = super().backward(grad_output)
        return x_grad / 15, target_grad / 15


@wrong("inverse 1/N", (5, 3), (5, 3))
class MSEInverseMean(MSELoss):
    def backward(self, grad_output: Tensor) -> tuple[Tensor, Tensor]:
        x_grad, target_grad = super().backward(grad_output)
        return x_grad * 15**2, target_grad * 15**2


@wrong("sign", (5, 3), (5, 3))
class EuclideanSign(EuclideanLoss):
    def backward(self, grad_output: Tensor) -> tuple[Tensor, Tensor]:
        x_grad, target_grad = super().backward(grad_output)
        return -x_grad, -target_grad


def _classes(kind: type[Module]) -> Callable[[Generator], tuple[Module, tuple[Any, ...]]]:
    def make(rng: Generator) -> tuple[Module, tuple[Any, ...]]:
        target = torch.randint(0, 3, (5,), generator=rng, device=rng.device)
        return kind(), (torch.randn(5, 3, generator=rng, device=rng.device), target)

    return make


class _Joined(CrossEntropyLoss):
    def forward(self, x: Tensor, target: Tensor) -> Tensor:
        self.save(x=x, target=target)
        rows = torch.arange(len(x), device=x.device)
        return (x.logsumexp(1) - x[rows, target]).mean()


class CrossEntropyWithoutMean(_Joined):
    def backward(self, grad_output: Tensor) -> tuple[Tensor, None]:
        x, target = self.saved["x"], self.saved["target"]
        return grad_output * (torch.softmax(x, 1) - torch.nn.functional.one_hot(target, 3)), None


class CrossEntropyWithoutSoftmax(_Joined):
    def backward(self, grad_output: Tensor) -> tuple[Tensor, None]:
        x, target = self.saved["x"], self.saved["target"]
        return -grad_output * torch.nn.functional.one_hot(target, 3) / len(x), None


class ClassOffByOne(_Joined):
    def backward(self, grad_output: Tensor) -> tuple[Tensor, None]:
        x, target = self.saved["x"], self.saved["target"]
        classes = torch.nn.functional.one_hot((target + 1) % 3, 3)
        return grad_output * (torch.softmax(x, 1) - classes) / len(x), None


ZOO += [
    Wrong("ClassOffByOne", ("permuted",), _classes(ClassOffByOne)),
    Wrong("CrossEntropyWithoutMean", ("missing 1/N",), _classes(CrossEntropyWithoutMean)),
    Wrong(
        "CrossEntropyWithoutSoftmax",
        ("path lost", "constant statistics"),
        _classes(CrossEntropyWithoutSoftmax),
    ),
]


# Wrong formulas


@wrong("wrong axis", (5, 4), args=(1,))
class SoftmaxOverEverything(Softmax):
    def backward(self, grad_output: Tensor) -> Tensor:
        out = self.saved["out"]
        return out * (grad_output - (grad_output * out).sum())


@wrong("examples missing", (5, 3), args=(3, 2))
class BiasOfTheFirst(Linear):
    def backward(self, grad_output: Tensor) -> Tensor:
        self.weight.grad += grad_output.T @ self.saved["x"]
        self.bias.grad += grad_output[0]
        return grad_output @ self.weight.value


@wrong("wrong factor", (5, 3))
class TimesOutput(Tanh):
    def backward(self, grad_output: Tensor) -> Tensor:
        return grad_output * self.saved["out"]


@wrong("misplaced factor", (5, 3), args=(3, 2))
class WeightOfSums(Linear):
    def backward(self, grad_output: Tensor) -> Tensor:
        self.weight.grad += torch.outer(grad_output.sum(dim=0), self.saved["x"].sum(dim=0))
        self.bias.grad += grad_output.sum(dim=0)
        return grad_output @ self.weight.value


@wrong("extra term", (4, 2), (4, 2))
class AddedNotMultiplied(Multiply):
    def backward(self, grad_output: Tensor) -> tuple[Tensor, Tensor]:
        return grad_output + self.saved["y"], grad_output + self.saved["x"]


@wrong("wrong mask", (5, 3))
class MaskOfUpstream(ReLU):
    def backward(self, grad_output: Tensor) -> Tensor:
        return torch.relu(grad_output)


class OneClassTooFar(_Joined):
    def backward(self, grad_output: Tensor) -> tuple[Tensor, None]:
        x, target = self.saved["x"], self.saved["target"]
        hot = torch.nn.functional.one_hot((target + 1) % 3, 3)
        return grad_output * (torch.softmax(x, 1) - hot) / len(x), None


class LogitsForSoftmax(_Joined):
    def backward(self, grad_output: Tensor) -> tuple[Tensor, None]:
        x, target = self.saved["x"], self.saved["target"]
        return grad_output * (x - torch.nn.functional.one_hot(target, 3)) / len(x), None


ZOO += [
    Wrong("OneClassTooFar", ("permuted",), _classes(OneClassTooFar)),
    Wrong("LogitsForSoftmax", ("step left out",), _classes(LogitsForSoftmax)),
]


# Recurrence and modulation


@wrong("path lost", (4, 3), (4, 2), args=(3, 2))
class RNNWithoutState(RNNCell):
    def backward(self, grad_output: Tensor) -> tuple[Tensor, Tensor]:
        grad_x, grad_h = super().backward(grad_output)
        return grad_x, torch.zeros_like(grad_h)


ZOO[-1] = Wrong("RNNWithoutState", ("zero gradient",), ZOO[-1].make)


@wrong("path lost", (4, 3), (4, 2), (4, 2), args=(3, 2))
class LSTMWithoutCellPath(LSTMCell):
    """The gradient that arrives at c' from the next step is forgotten."""

    def backward(self, grad_h: Tensor, grad_c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return super().backward(grad_h, torch.zeros_like(grad_c))


@wrong("broadcast not reduced|path lost", (4, 3), (4, 3), (4, 3))
class FiLMShiftForScale(FiLM):
    def backward(self, grad_output: Tensor) -> tuple[Tensor, ...]:
        grad_x, *rest = super().backward(grad_output)
        return grad_x, *reversed(rest)


ZOO[-1] = Wrong("FiLMShiftForScale", ("swapped gradients",), ZOO[-1].make)


# Graphs


def _graph(kind: type[Graph]) -> Callable[[Generator], tuple[Module, tuple[Any, ...]]]:
    def make(rng: Generator) -> tuple[Module, tuple[Any, ...]]:
        graph = kind("x", "y")
        graph.add("early", Sigmoid(), "x")
        graph.add("aside", Multiply(), "early", "y")
        graph.add("late", Tanh(), "aside")
        graph.add("f", Multiply(), "early", "late")
        return graph, tuple(torch.randn(3, generator=rng, device=rng.device) for _ in range(2))

    return make


class _Backward(Graph):
    def _send(self, node: Any, grads: dict[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
        returned = as_tuple(node.module.backward(grads[node.name]))
        return zip((str(read) for read in node.reads), returned, strict=True)


class KeepsLast(_Backward):
    def backward(self, grad_output: Tensor) -> tuple[Tensor, ...]:
        grads = {self.outputs[0]: grad_output}
        for node in reversed(self.nodes.values()):
            grads.update(self._send(node, grads))
        return tuple(grads[name] for name in self.inputs)


class BreadthFirst(_Backward):
    def backward(self, grad_output: Tensor) -> tuple[Tensor, ...]:
        grads, waiting, done = {self.outputs[0]: grad_output}, [self.outputs[0]], set()
        while waiting:
            name = waiting.pop(0)
            if name in self.inputs or name in done:
                continue
            done.add(name)
            for read, grad in self._send(self.nodes[name], grads):
                grads[read] = grads[read] + grad if read in grads else grad
                waiting.append(read)
        return tuple(grads[name] for name in self.inputs)


class LosesOnePath(_Backward):
    def backward(self, grad_output: Tensor) -> tuple[Tensor, ...]:
        grads = {self.outputs[0]: grad_output}
        for node in reversed(self.nodes.values()):
            for read, grad in self._send(node, grads):
                if (node.name, read) != ("aside", "early"):
                    grads[read] = grads[read] + grad if read in grads else grad
        return tuple(grads[name] for name in self.inputs)


ZOO += [
    Wrong("KeepsLast", ("overwritten", "path lost"), _graph(KeepsLast)),
    Wrong("BreadthFirst", ("wrong order", "path lost"), _graph(BreadthFirst)),
    Wrong("LosesOnePath", ("path lost", "wrong order", "overwritten"), _graph(LosesOnePath)),
]
