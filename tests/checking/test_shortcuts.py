"""Shortcuts: torch.autograd and numerical differences inside a backward are noticed, what is fair is not."""

import pytest
import torch

from course import Chain, Module, generator
from course.checking.scatter import SCATTERS
from course.checking.shortcuts import DELEGATED, ENGINE, MEASURED, REPEATED, read_source, watch
from course.checks import check_module
from course.exercises import find_exercise, grade
from course.gradients import complex_step_gradients, numerical_gradients, projected_gradients
from course.modes import falling_back
from course.modules import Linear, Softsign, Tanh

grad = torch.autograd.grad  # bound early, as by "from torch.autograd import grad" in a notebook's first cell
X = torch.randn(4, 3, generator=generator(3))


class ByHand(Module):
    def forward(self, x):
        out = torch.sigmoid(x)
        self.save(x=x, out=out)
        return out

    def backward(self, grad_output):
        out = self.saved["out"]
        return grad_output * out * (1 - out)


class Autograd(ByHand):
    def backward(self, grad_output):
        with torch.enable_grad():
            x = self.saved["x"].clone().requires_grad_()
            return torch.autograd.grad(torch.sigmoid(x), x, grad_output)[0]


class EarlyBound(ByHand):
    def backward(self, grad_output):
        with torch.enable_grad():
            x = self.saved["x"].clone().requires_grad_()
            return grad(torch.sigmoid(x), x, grad_output)[0]


class LossBackward(ByHand):
    def backward(self, grad_output):
        with torch.enable_grad():
            x = self.saved["x"].clone().requires_grad_()
            (torch.sigmoid(x) * grad_output).sum().backward()
        return x.grad


class Functional(ByHand):
    def backward(self, grad_output):
        return torch.func.vjp(torch.sigmoid, self.saved["x"])[1](grad_output)[0]


class ForwardMode(ByHand):
    def backward(self, grad_output):
        x = self.saved["x"]
        return torch.func.jvp(torch.sigmoid, (x,), (torch.ones_like(x),))[1] * grad_output


class Differences(ByHand):
    def backward(self, grad_output):
        x = self.saved["x"]
        return grad_output * (self.forward(x + 1e-6) - self.forward(x - 1e-6)) / 2e-6


class LibraryDifferences(ByHand):
    def backward(self, grad_output):
        return numerical_gradients(torch.sigmoid, [self.saved["x"].double()], [grad_output.double()])[0]


class ComplexSteps(ByHand):
    def backward(self, grad_output):
        return complex_step_gradients(torch.sigmoid, [self.saved["x"].double()], [grad_output.double()])[0]


class Projections(ByHand):
    def backward(self, grad_output):
        x = self.saved["x"].double()
        columns = torch.eye(x.numel(), dtype=x.dtype).view(-1, *x.shape)
        slopes = [
            projected_gradients(torch.sigmoid, [x], [grad_output.double()], [column])[0] for column in columns
        ]
        return torch.stack(slopes).view(x.shape)


class Kernel(ByHand):
    def backward(self, grad_output):
        return torch.ops.aten.sigmoid_backward(grad_output, self.saved["out"])


class Recomputes(ByHand):
    def backward(self, grad_output):
        out = self.forward(self.saved["x"])
        return grad_output * out * (1 - out)


@pytest.mark.parametrize("kind", [Autograd, EarlyBound, LossBackward, Functional, ForwardMode])
def test_differentiation_by_torch_is_noticed(kind):
    part = check_module(kind(), (X,))["by hand"]
    assert not part.passed
    assert ENGINE in part.message


@pytest.mark.parametrize("kind", [LibraryDifferences, ComplexSteps, Projections])
def test_the_librarys_own_differences_are_noticed(kind):
    part = check_module(kind(), (X,))["by hand"]
    assert not part.passed
    assert MEASURED in part.message


def test_numerical_differences_are_noticed():
    part = check_module(Differences(), (X,))["by hand"]
    assert not part.passed
    assert REPEATED in part.message


class TypedAgain(ByHand):
    """Central differences of the formula, in which nothing is called that could be noticed."""

    def __init__(self, step):
        self.step = step

    def backward(self, grad_output):
        x, step = self.saved["x"], self.step
        return grad_output * (torch.sigmoid(x + step) - torch.sigmoid(x - step)) / (2 * step)


class WeightMeasured(Linear):
    """Only the gradient of the weight is measured, number by number."""

    def backward(self, grad_output):
        x, weight, step = self.saved["x"], self.weight.value, 1e-6
        for index in range(weight.numel()):
            moved = weight.clone()
            moved.view(-1)[index] += step
            rise = grad_output * (x @ moved.T - x @ weight.T)
            self.weight.grad.view(-1)[index] += rise.sum() / step
        self.bias.grad += grad_output.sum(dim=0)
        return grad_output @ weight


class Guarded(ByHand):
    """Off by a little everywhere, and by as much at the next point."""

    def backward(self, grad_output):
        out = self.saved["out"]
        return grad_output * out * (1 - out) / (1 + 1e-10)


class InSingle(ByHand):
    """Computed in float32, which rounds at random."""

    def backward(self, grad_output):
        out = self.saved["out"].float()
        return grad_output * (out * (1 - out)).double()


class DropsAtRandom(ByHand):
    """Another mask with each forward."""

    def forward(self, x):
        mask = torch.rand(x.shape).to(x) < 0.5
        self.save(mask=mask)
        return torch.where(mask, x, 0.0)

    def backward(self, grad_output):
        return torch.where(self.saved["mask"], grad_output * (1 + 1e-10), 0.0)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("step", [1e-4, 1e-5, 1e-6, 1e-7])
def test_differences_of_a_formula_typed_again_are_told_by_their_scatter(step, seed):
    part = check_module(TypedAgain(step), (torch.randn(4, 3, generator=generator(seed)),), seed=seed)[
        "by hand"
    ]
    assert not part.passed
    assert SCATTERS in part.message


def test_one_measured_gradient_among_others_is_told():
    assert SCATTERS in check_module(WeightMeasured(3, 2), (X,))["by hand"].message


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("kind", [ByHand, Guarded, InSingle, DropsAtRandom])
def test_other_small_errors_are_not_taken_for_differences(kind, seed):
    torch.manual_seed(seed)
    assert check_module(kind(), (torch.randn(4, 3, generator=generator(seed)),), seed=seed)["by hand"].passed


@pytest.mark.parametrize("module", [ByHand(), Recomputes(), Chain(Linear(3, 2), Tanh())])
def test_what_is_fair_is_not_noticed(module):
    assert check_module(module, (X,))["by hand"].passed


def test_a_library_module_that_falls_back_is_not_the_callers_doing():
    class Fallback(Module):
        def forward(self, x):
            return x * x

    class Wraps(Module):
        def __init__(self):
            self.inner = Fallback()

        def forward(self, x):
            self.save()
            return self.inner(x)

        def backward(self, grad_output):
            return self.inner.backward(grad_output)

    assert check_module(Wraps(), (X,)).passed


class ByTorch(Module):
    def forward(self, x, y):
        return x * y


class Delegates(Module):
    def forward(self, x, y):
        self.save(x=x, y=y)
        return x * y

    def backward(self, grad_output):
        helper = ByTorch()
        helper.forward(self.saved["x"], self.saved["y"])
        return helper.backward(grad_output)


def test_an_exercise_gives_nothing_for_work_that_is_handed_to_a_module_that_falls_back():
    score = grade(find_exercise("multiply"), Delegates)
    assert score.points == 0
    assert DELEGATED in score.verdicts[0].message
    # what the library's own modules are made of is theirs to decide
    assert check_module(Delegates(), (X, X)).passed


def test_what_torch_does_for_one_module_is_no_excuse_for_another():
    module = Delegates()
    with falling_back(module), watch(module) as seen, falling_back(None), torch.enable_grad():
        grad(X.clone().requires_grad_().sum(), X.clone().requires_grad_(), allow_unused=True)
    assert seen == [ENGINE]


def test_torch_is_as_before_afterwards():
    engine = torch.autograd._engine_run_backward
    check_module(Autograd(), (X,))
    assert torch.autograd._engine_run_backward is engine


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        (Autograd, "torch.enable_grad"),
        (Autograd, "torch.autograd"),
        (LossBackward, "torch.autograd"),
        (Functional, "torch.func"),
        (EarlyBound, "requires_grad_"),
        (Kernel, "torch.ops"),
    ],
)
def test_the_source_shows_it_with_the_line(kind, word):
    found = [what for what in read_source(kind) if word in what]
    assert found
    assert " in line " in found[0]


@pytest.mark.parametrize("kind", [ByHand, Recomputes, Linear, Softsign, 3, None, len])
def test_the_source_of_what_is_fair_shows_nothing(kind):
    assert read_source(kind) == ()


class MultiplyByTorch(Module):
    def forward(self, x, y):
        self.save(x=x, y=y)
        return x * y

    def backward(self, grad_output):
        with torch.enable_grad():
            x, y = (self.saved[name].clone().requires_grad_() for name in "xy")
            return torch.autograd.grad(x * y, (x, y), grad_output)


class MultiplyNamingIt(MultiplyByTorch):
    def backward(self, grad_output):
        with torch.enable_grad():
            return grad_output.detach() * self.saved["y"].detach(), grad_output.detach() * self.saved[
                "x"
            ].detach()


def test_an_exercise_gives_nothing_for_gradients_that_torch_computed_and_asks_for_a_look():
    score = grade(find_exercise("multiply"), MultiplyByTorch)
    assert score.points == 2  # it leaves its inputs alone
    assert "the chain rule is yours to apply" in score.verdicts[0].message
    assert any("torch.autograd" in reason for reason in score.review)
    assert "For review" in repr(score)
    assert "For review" in score._repr_html_()


def test_what_only_stands_in_the_source_costs_nothing_but_is_marked():
    score = grade(find_exercise("multiply"), MultiplyNamingIt)
    assert score.points == 12
    assert any("torch.enable_grad" in reason for reason in score.review)
