"""The checks themselves: each wrong module of the zoo must be caught, by the right part, in one line."""

import numpy as np
import pytest
import torch

from course import generator
from course.checking.evidence import probe
from course.checking.truth import Truth
from course.checking.verdicts import judge
from course.checks import FunctionWithGradient, check_module
from course.modules import CosineUnit, Linear, MaxPool2d, MultiheadAttention, Multiply, Sigmoid


class MeanForSum(Linear):
    def backward(self, grad_output):
        self.weight.grad += grad_output.T @ self.saved["x"]
        self.bias.grad += grad_output.mean(dim=0)
        return grad_output @ self.weight.value


class Overwrites(Linear):
    def backward(self, grad_output):
        self.weight.grad = grad_output.T @ self.saved["x"]
        self.bias.grad += grad_output.sum(dim=0)
        return grad_output @ self.weight.value


class DamagesGradOutput(Sigmoid):
    def backward(self, grad_output):
        out = self.saved["out"]
        return grad_output.mul_(1 - out).mul_(out)


class DamagesInput(Multiply):
    def forward(self, x, y):
        self.save(x=x, y=y.clone())
        result = x * y
        y += 1
        return result


class DamagesSaved(Sigmoid):
    def backward(self, grad_output):
        slope = self.saved["out"].mul_(1 - self.saved["out"])
        return grad_output * slope


class OffInOnePlace(Sigmoid):
    def backward(self, grad_output):
        out = self.saved["out"]
        grad = grad_output * out * (1 - out)
        grad[2, 1] *= 1.001
        return grad


class IgnoresUpstream(Sigmoid):
    def backward(self, grad_output):
        out = self.saved["out"]
        return out * (1 - out)


class WrongShape(Linear):
    def backward(self, grad_output):
        super().backward(grad_output)
        return (grad_output @ self.weight.value).T


class WrongForward(Sigmoid):
    def forward(self, x):
        out = torch.tanh(x)
        self.save(out=out)
        return out


class TooFew(Multiply):
    def backward(self, grad_output):
        return grad_output * self.saved["y"]


class NotANumber(Sigmoid):
    def backward(self, grad_output):
        return grad_output * float("nan")


class NotATensor(Sigmoid):
    def backward(self, grad_output):
        return "gradient"


class Missing(Sigmoid):
    def backward(self, grad_output):
        return None


class Raises(Sigmoid):
    def backward(self, grad_output):
        raise ZeroDivisionError("oh")


class NotWritten(Sigmoid):
    def backward(self, grad_output):
        raise NotImplementedError


class NeverAdds(CosineUnit):
    def backward(self, grad_output):
        theta = self.theta.value
        return -grad_output * theta * torch.sin(theta * self.saved["x"])


class Empty(Sigmoid):
    def backward(self, grad_output):
        return grad_output[0:-0]


X = torch.randn(5, 3, generator=generator(1))
ZOO = [
    (MeanForSum(3, 2), (X,), "∂L/∂bias", "but the numeric gradient is"),
    (Overwrites(3, 2), (X,), "accumulation", "must add to weight.grad, not replace it"),
    (DamagesGradOutput(), (X,), "leaves inputs alone", "grad_output was changed in place"),
    (DamagesGradOutput(), (X,), "repeatable", "another ∂L/∂x: grad_output was changed in place"),
    (Empty(), (X,), "∂L/∂x", "is it a slice that ends at −0, which is empty?"),
    (DamagesInput(), (X, X + 1), "leaves inputs alone", "y was changed in place"),
    (DamagesSaved(), (X,), "repeatable", "something saved was changed in place"),
    (OffInOnePlace(), (X,), "∂L/∂x", "at [2, 1]"),
    (OffInOnePlace(), (X,), "∂L/∂x", "(1 of 15 differ)"),
    (IgnoresUpstream(), (X,), "∂L/∂x", "(15 of 15 differ)"),
    (WrongShape(3, 2), (X,), "shapes", "∂L/∂x has shape (3, 5), but x has shape (5, 3)"),
    (WrongForward(), (X,), "output", "but the expected output is"),
    (TooFew(), (X, X + 1), "shapes", "backward returned 1 gradient for 2 inputs (x, y)"),
    (NotANumber(), (X,), "∂L/∂x", "is nan"),
    (NotATensor(), (X,), "∂L/∂x", "returned a str where a tensor belongs"),
    (Missing(), (X,), "∂L/∂x", "is missing: backward gave None"),
    (Raises(), (X,), "∂L/∂x", "backward raised ZeroDivisionError: oh"),
    (NotWritten(), (X,), "∂L/∂x", "backward is not written yet"),
    (NeverAdds(), (X,), "accumulation", "theta.grad is all zeros: nothing was added"),
]


@pytest.mark.parametrize(
    ("module", "inputs", "part", "said"), ZOO, ids=[f"{type(z[0]).__name__}-{z[2]}" for z in ZOO]
)
def test_the_zoo_is_caught(module, inputs, part, said):
    def sigmoid(m, x):
        return torch.sigmoid(x)

    report = check_module(module, inputs, reference=sigmoid if isinstance(module, WrongForward) else None)
    assert not report.passed
    assert not report[part].passed
    assert said in report[part].message
    assert "\n" not in report[part].message


def test_a_mistake_fails_only_the_parts_that_it_spoils():
    failed = [part.name for part in check_module(MeanForSum(3, 2), (X,)).parts if not part.passed]
    assert failed == ["∂L/∂bias"]


def test_a_backward_that_never_ends_is_stopped():
    class Endless(Sigmoid):
        def backward(self, grad_output):
            while True:
                pass

    truth = Truth(Sigmoid(), (X[:1],), generator(0))
    evidence = probe(Endless(), truth.names, truth.inputs, truth.grad_outputs, seconds=0.2)
    report = judge("Endless", evidence, truth)
    assert "did not finish within 0.2 s (line " in report["∂L/∂x"].message


def test_checking_has_no_side_effects():
    module = Linear(3, 2)
    state = module.state_dict()
    x = X.clone()
    check_module(module, (x,))
    assert not module.weight.grad.any()
    assert not module.saved.filled
    assert torch.equal(x, X)
    for name, value in module.state_dict().items():
        assert torch.equal(value, state[name])


def test_a_plain_function_with_its_gradient():
    def right(x, y):
        return (x * y).sum(), (y, x)

    def wrong(x, y):
        return (x * y).sum(), (x, y)

    assert check_module(FunctionWithGradient(right), (X, X + 1)).passed
    assert not check_module(FunctionWithGradient(wrong), (X, X + 1)).passed


def test_report_reads_well():
    report = check_module(MeanForSum(3, 2), (X,))
    lines = str(report).splitlines()
    assert lines[0] == "MeanForSum"
    assert sum(line.startswith("FAIL") for line in lines) == 1
    assert "✗ not yet" in report._repr_html_()
    assert report.numeric["bias"].shape == (2,)
    np.testing.assert_allclose(report.analytic["bias"] * 5, report.numeric["bias"], rtol=1e-6)  # pyright: ignore


def test_outputs_without_a_gradient():
    x = torch.randn(3, 2, 4)
    attention = MultiheadAttention(4, 2)
    # the second output is None, and one tensor comes three times
    assert check_module(attention, (x, x, x, None, False)).passed
    assert check_module(MaxPool2d(2, return_indices=True), (torch.randn(1, 2, 4, 4),)).passed  # it is indices
