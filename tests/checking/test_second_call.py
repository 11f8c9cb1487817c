"""Beyond one call: kept masks, changed values, other dtypes, detours around torch, infinite numbers."""

import pytest
import torch

from course import Module, Parameter, generator
from course.checking.finding import Problem
from course.checking.part import Kind
from course.checks import check_module
from course.device import device, randn
from course.exercises import find_exercise
from course.exercises.grading import grade
from course.modules import (
    CrossEntropyLoss,
    Dropout,
    LeakyReLU,
    Linear,
    LogSoftmax,
    Max,
    Multiply,
    NoisyReLU,
    ReLU,
    ScaledDotProductAttention,
    Softmax,
)
from course.modules.registry import all_modules


def check(module, *shape, seed=0):
    return check_module(module, (randn(generator(seed), *(shape or (4, 3))),), seed=seed)


def failed(report):
    return {(part.kind, part.tensor): part.finding for part in report.parts if not part.passed}


class KeepsMask(ReLU):
    def forward(self, x):
        if not hasattr(self, "mask"):
            self.mask = x > 0
        self.save()
        return torch.relu(x)

    def backward(self, grad_output):
        return grad_output * self.mask


class KeepsCount(Module):
    def forward(self, x):
        self.count = getattr(self, "count", len(x))
        self.save(like=x)
        return x.sum(0) / len(x)

    def backward(self, grad_output):
        return torch.ones_like(self.saved["like"]) * grad_output / self.count


@pytest.mark.parametrize("kind", [KeepsMask, KeepsCount])
def test_what_is_kept_from_the_first_call_is_found(kind):
    finding = failed(check(kind()))[Kind.GRADIENT, "x"]
    assert finding.problem is Problem.DIFFERENT
    assert "kept from its first call" in finding.words


class KeepsOutput(ReLU):
    def forward(self, x):
        self.out = getattr(self, "out", torch.relu(x))
        self.save(out=self.out)
        return self.out


def test_an_output_that_is_kept_is_found():
    assert (Kind.OUTPUT, "") in failed(check(KeepsOutput()))


def test_what_draws_or_counts_is_not_called_stale():
    class Counts(ReLU):
        calls = 0

        def forward(self, x):
            self.calls += 1
            return super().forward(x)

    for module in (Counts(), Dropout(0.4), Dropout(0.4, rng=generator(3))):
        assert check(module).passed


class TrainsAfter(Linear):
    def backward(self, grad_output):
        grad_x = super().backward(grad_output)
        self.weight.value = self.weight.value - 0.1 * self.weight.grad
        return grad_x


class TrainsInPlace(Linear):
    def backward(self, grad_output):
        grad_x = super().backward(grad_output)
        self.bias.value -= 0.1 * self.bias.grad
        return grad_x


class ForgetsItself(Linear):
    def forward(self, x):
        out = super().forward(x)
        self.bias.value = self.bias.value * 0
        return out


@pytest.mark.parametrize(
    ("kind", "name"), [(TrainsAfter, "weight"), (TrainsInPlace, "bias"), (ForgetsItself, "bias")]
)
def test_a_module_that_changes_its_parameters_values_is_refused(kind, name):
    findings = failed(check(kind(3, 2)))
    assert findings[Kind.UNTOUCHED, ""].problem is Problem.CHANGED
    assert findings[Kind.GRADIENT, name].words.startswith(f"{name}.value was changed")


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        (lambda grad: grad.float(), "float32"),
        (lambda grad: grad.cpu().numpy(), "numpy array"),
        (lambda grad: (grad,), "a comma behind it"),
    ],
    ids=["float32", "numpy", "a tuple of one"],
)
def test_a_gradient_of_another_kind_is_refused(returned, words):
    class Other(ReLU):
        def backward(self, grad_output):
            return returned(super().backward(grad_output))

    finding = failed(check(Other()))[Kind.GRADIENT, "x"]
    assert finding.problem is Problem.WRONG_KIND
    assert words in finding.words


DETOURS = {
    "item": lambda x: x - x.mean().item(),
    "detach": lambda x: x - x.mean().detach(),
    "no_grad": lambda x: x - without_grad(x),
    "numpy": lambda x: x - float(x.detach().cpu().numpy().mean()),
}


@torch.no_grad()
def without_grad(x):
    return x.mean()


@pytest.mark.parametrize("name", DETOURS)
def test_torch_does_not_overrule_the_differences(name):
    """Forward leaves torch on its way: torch's gradient and backward's are wrong alike."""

    class Detour(Module):
        def forward(self, x):
            self.save()
            return DETOURS[name](x)

        def backward(self, grad_output):
            return grad_output

    finding = failed(check(Detour()))[Kind.GRADIENT, "x"]
    assert finding.problem is Problem.DIFFERENT
    assert "torch.autograd agrees with backward" in finding.words


@pytest.mark.parametrize("kind", [Multiply, LeakyReLU])
def test_an_exercise_asks_at_zero_too(kind):
    class Divides(kind):
        def forward(self, *inputs):
            out = super().forward(*inputs)
            self.save(inputs=inputs, out=out)
            return out

        def backward(self, grad_output):
            grads = tuple(grad_output * self.saved["out"] / value for value in self.saved["inputs"])
            return grads if len(grads) > 1 else grads[0]

    name = {Multiply: "multiply", LeakyReLU: "leaky_relu"}[kind]
    verdicts = {part.name: part for part in grade(find_exercise(name), Divides).verdicts}
    assert verdicts["∂L/∂x"].finding.problem is Problem.NOT_FINITE


class OwnMask(Module):
    """A dropout that draws from torch's own generator."""

    def __init__(self):
        self.weight = Parameter(torch.ones(3))

    def forward(self, x):
        mask = (torch.rand(x.shape, device=x.device) > 0.4).to(x.dtype)
        self.save(mask=mask, x=x)
        return x * mask * self.weight.value

    def backward(self, grad_output):
        self.weight.grad += (grad_output * self.saved["mask"] * self.saved["x"]).sum(0)
        return grad_output * self.saved["mask"] * self.weight.value


NEVER = -torch.inf


@pytest.mark.parametrize("seed", range(4))
def test_outputs_and_inputs_may_be_infinite(seed):
    rng = generator(seed)
    query, key, value = randn(rng, 3, 2, 3, 4)
    mask = torch.where(randn(rng, 3, 3) > 0.3, NEVER, 0.0)
    mask[:, 0] = 0.0
    assert check_module(ScaledDotProductAttention(), (query, key, value, mask), seed=seed).passed
    logits = randn(rng, 3, 4)
    logits[0, 1] = NEVER
    for kind in (LogSoftmax, Softmax):
        assert check_module(kind(1), (logits,), seed=seed).passed


def test_a_loss_of_nothing_is_compared_as_it_is():
    ignored = torch.full((3,), -100, device=device())
    assert check_module(CrossEntropyLoss(), (randn(generator(0), 3, 4), ignored)).passed


def test_an_infinite_output_in_the_wrong_place_is_found():
    class Moved(LogSoftmax):
        def forward(self, x):
            return super().forward(x).flip(1)

    logits = randn(generator(0), 3, 4)
    logits[0, 1] = NEVER
    report = check_module(Moved(1), (logits,), reference=lambda m, x: torch.log_softmax(x, 1))
    assert failed(report)[Kind.OUTPUT, ""].problem is Problem.DIFFERENT


@pytest.mark.parametrize("seed", range(5))
def test_noise_is_no_tie(seed):
    report = check(NoisyReLU(), seed=seed)
    assert report.passed
    assert Kind.TIES not in {part.kind for part in report.parts}


def test_ties_are_told_only_where_the_gradients_are_right():
    class Wrong(Max):
        def backward(self, grad_output):
            grad_x, grad_y = super().backward(grad_output)
            return -grad_x, grad_y

    x, y = randn(generator(0), 2, 4, 3)
    assert Kind.TIES in {part.kind for part in check_module(Max(), (x, y)).parts}
    assert Kind.TIES not in {part.kind for part in check_module(Wrong(), (x, y)).parts}


def test_a_mask_from_torchs_own_generator_is_measured_as_drawn():
    torch.manual_seed(5)
    module, expected = OwnMask(), torch.rand(2)
    torch.manual_seed(5)
    assert check(module).passed
    assert torch.equal(torch.rand(2), expected)  # and the caller's draws go on as if nothing had been


@pytest.mark.parametrize("seed", [0, pytest.param(range(1, 20), marks=pytest.mark.slow)], ids=["one", "more"])
@pytest.mark.parametrize("name", all_modules())
def test_every_example_passes_without_its_reference(name, seed):
    for each in [seed] if isinstance(seed, int) else seed:
        torch.manual_seed(each)
        for example in all_modules()[name].examples(generator(each)):
            report = check_module(example.module, example.inputs, seed=each)
            assert report.passed, (example.label, each, report)
