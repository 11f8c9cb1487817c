"""Mutants: each operator makes the change it says, the names are right, and torch.autograd is the truth."""

import inspect
import re
from typing import Any

import pytest
import torch
from torch import Tensor

from benchmarks.strength import truth
from benchmarks.strength.mutants import CONTAINERS, Mutant, correct, equivalent, examples_of, mutants
from benchmarks.strength.operators import OPERATORS
from course import Module, Parameter, generator
from course.checks import check_module
from course.module import Example, as_tuple
from course.modules import Linear, Softmax
from course.modules.registry import all_modules

KINDS = {kind.__name__: kind for kind in (*all_modules().values(), *CONTAINERS)}
NAMES = {
    "sign",
    "upstream ignored",
    "overwritten",
    "mean for sum",
    "sum for mean",
    "missing transpose",
    "factors swapped",
    "swapped gradients",
    "input for output",
    "output for input",
    "zero gradient",
    "constant factor",
    "broadcast not reduced",
    "ties routed twice",
    "mask missing",
    "saved changed",
    "path lost",
    "constant statistics",
}


class Neuron(Module):
    """max(0, s · X Wᵀ + b)."""

    def __init__(self) -> None:
        rng = generator(0)
        self.weight, self.bias, self.slope = (
            Parameter.uniform((2, 3), 1, rng),
            Parameter.uniform((2,), 1, rng),
            0.5,
        )

    def forward(self, x: Tensor) -> Tensor:
        out = torch.relu(self.slope * (x @ self.weight.value.T) + self.bias.value)
        self.save(x=x, out=out)
        return out

    def backward(self, grad_output: Tensor) -> Tensor:
        x, out = self.saved["x"], self.saved["out"]
        grad = grad_output * (out > 0)
        self.bias.grad += grad.sum(dim=0)
        self.weight.grad += self.slope * (grad.T @ x)
        return self.slope * through(grad, self.weight.value)

    @classmethod
    def examples(cls, rng, scale=1):
        yield Example(
            cls(), (torch.randn(4, 3, generator=rng, device=rng.device),), lambda m, x: m.forward(x)
        )


def through(grad: Tensor, weight: Tensor) -> Tensor:
    return grad @ weight


class Loud(Neuron):
    """A backward that calls its parent's."""

    def backward(self, grad_output: Tensor) -> Tensor:
        return 1 * super().backward(grad_output)


class Centered(Module):
    """a_i = x_i + y_i − mean(x), y being one number for each row."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        self.save(x=x, y=y)
        return x + y - x.mean(dim=-1, keepdim=True)

    def backward(self, grad_output: Tensor) -> tuple[Tensor, Tensor]:
        grad_x = grad_output - grad_output.mean(dim=-1, keepdim=True)
        return grad_x, grad_output.sum_to_size(self.saved["y"].shape)


class Larger(Module):
    """The larger of two numbers, x in a tie."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        self.save(x=x, y=y)
        return torch.where(x >= y, x, y)

    def backward(self, grad_output: Tensor) -> tuple[Tensor, Tensor]:
        x, y = self.saved["x"], self.saved["y"]
        if x.dim() > 9:
            grad_output = grad_output.masked_fill(x > 0, 0)
        return grad_output * (x >= y), grad_output * (y > x)

    @classmethod
    def examples(cls, rng, scale=1):
        x, y = torch.randn(2, 4, 3, generator=rng, device=rng.device)
        yield Example(cls(), (x, y), lambda m, x, y: torch.maximum(x, y))


class Slow(Module):
    """2³ x, doubled in a loop."""

    def forward(self, x: Tensor) -> Tensor:
        self.save()
        return 8 * x

    def backward(self, grad_output: Tensor) -> Tensor:
        times = 0
        while times < 3:
            grad_output = grad_output + grad_output
            times = times + 1
        return grad_output


def after(mutant: Mutant) -> str:
    return mutant.place.split("  ->  ")[1]


EXPECTED = [
    (Neuron, "drop factor", "grad = grad_output", "mask missing"),
    (Neuron, "drop factor", "grad = out > 0", "upstream ignored"),
    (Neuron, "drop factor", "return through(grad, self.weight.value)", "constant factor"),
    (Neuron, "swap matmul", "self.weight.grad += self.slope * (x @ grad.T)", "factors swapped"),
    (Neuron, "swap matmul", "return weight @ grad", "factors swapped"),
    (Neuron, "times for divide", "grad = grad_output / (out > 0)", None),
    (Neuron, "scale", "return 2 * (self.slope * through(grad, self.weight.value))", "constant factor"),
    (Neuron, "scale", "return 2 * (grad @ weight)", "constant factor"),
    (Neuron, "negate", "self.bias.grad -= grad.sum(dim=0)", "sign"),
    (Neuron, "negate", "return -(self.slope * through(grad, self.weight.value))", "sign"),
    (Neuron, "mean for sum", "self.bias.grad += grad.mean(dim=0)", "mean for sum"),
    (Neuron, "drop axis", "self.bias.grad += grad.sum()", None),
    (Neuron, "drop sum", "self.bias.grad += grad", "broadcast not reduced"),
    (Neuron, "drop transpose", "self.weight.grad += self.slope * (grad @ x)", "missing transpose"),
    (Neuron, "shift index", "self.bias.grad += grad.sum(dim=1)", None),
    (Neuron, "overwrite", "self.bias.grad = grad.sum(dim=0)", "overwritten"),
    (Neuron, "drop accumulation", "pass", "zero gradient"),
    (
        Neuron,
        "zero",
        "return torch.zeros_like(self.slope * through(grad, self.weight.value))",
        "zero gradient",
    ),
    (Neuron, "swap saved", "x, out = (self.saved['x'], self.saved['x'])", "input for output"),
    (Neuron, "swap saved", "x, out = (self.saved['out'], self.saved['out'])", "output for input"),
    (Neuron, "in place", "grad = grad_output.mul_(out > 0)", "saved changed"),
    (Neuron, "ignore upstream", "grad = torch.ones_like(grad_output) * (out > 0)", "upstream ignored"),
    (Neuron, "flip comparison", "grad = grad_output * (out >= 0)", None),
    (Neuron, "negate mask", "grad = grad_output * (1 - 1.0 * (out > 0))", None),
    (
        Neuron,
        "change constant",
        "return 2 * self.slope * through(grad, self.weight.value)",
        "constant factor",
    ),
    (Centered, "sum for mean", "grad_x = grad_output - grad_output.sum(dim=-1, keepdim=True)", None),
    (Centered, "plus for minus", "grad_x = grad_output + grad_output.mean(dim=-1, keepdim=True)", None),
    (Centered, "drop term", "grad_x = grad_output", "constant statistics"),
    (Centered, "drop term", "grad_x = -grad_output.mean(dim=-1, keepdim=True)", "path lost"),
    (Centered, "drop option", "grad_x = grad_output - grad_output.mean(dim=-1)", None),
    (Centered, "drop sum", "return (grad_x, grad_output)", "broadcast not reduced"),
    (
        Centered,
        "swap returned",
        "return (grad_output.sum_to_size(self.saved['y'].shape), grad_x)",
        "swapped gradients",
    ),
    (
        Larger,
        "flip comparison",
        "return (grad_output * (x >= y), grad_output * (y >= x))",
        "ties routed twice",
    ),
    (Larger, "flip comparison", "return (grad_output * (x > y), grad_output * (y > x))", None),
    (Larger, "drop mask", "grad_output = grad_output", "mask missing"),
    (Larger, "negate mask", "grad_output = grad_output.masked_fill(~(x > 0), 0)", None),
    (Larger, "negate condition", "if not x.dim() > 9", None),
]


@pytest.mark.parametrize(
    ("kind", "operator", "text", "name"),
    EXPECTED,
    ids=[f"{kind.__name__}-{text}" for kind, _, text, _ in EXPECTED],
)
def test_operator_makes_the_change_and_names_the_mistake(kind, operator, text, name):
    assert (operator, name) in {(m.operator, m.name) for m in mutants([kind]) if after(m) == text}


def test_every_operator_is_tested_here():
    assert {operator for _, operator, _, _ in EXPECTED} == set(OPERATORS)


def test_no_mutant_is_made_twice_and_none_is_the_original():
    places = [mutant.place for mutant in mutants([Neuron])]
    assert len(places) == len(set(places))
    assert all(
        before.split(": ", 1)[1] != changed for before, changed in (place.split("  ->  ") for place in places)
    )


def test_place_says_where(root):
    mutant = next(m for m in mutants([Linear]) if m.name == "mean for sum")
    where, text = mutant.place.split(": ", 1)
    path, line = where.split(":")
    assert path == "course/modules/linear.py"
    assert text == "self.bias.grad += grad_rows.sum(dim=0)  ->  self.bias.grad += grad_rows.mean(dim=0)"
    assert (root / path).read_text().splitlines()[int(line) - 1].strip() == text.split("  ->  ")[0]


CLASSICS = {
    "self.bias.grad += grad_rows.mean(dim=0)": "mean for sum",
    "self.bias.grad = grad_rows.sum(dim=0)": "overwritten",
    "self.bias.grad -= grad_rows.sum(dim=0)": "sign",
    "self.bias.grad += grad_rows": "broadcast not reduced",
    "self.weight.grad = grad_rows.T @ rows": "overwritten",
    "self.weight.add_product(grad_rows, rows)": "missing transpose",
    "self.weight.add_product(rows, grad_rows.T)": "factors swapped",
    "return torch.ones_like(grad_output) @ self.weight.value": "upstream ignored",
    "return torch.zeros_like(grad_output @ self.weight.value)": "zero gradient",
    "return -(grad_output @ self.weight.value)": "sign",
    "return self.weight.value @ grad_output": "factors swapped",
}


def test_linear_yields_the_classics_and_all_of_them_are_refused():
    found = {after(mutant): mutant for mutant in mutants([Linear]) if after(mutant) in CLASSICS}
    assert {text: mutant.name for text, mutant in found.items()} == CLASSICS
    example = next(Linear.examples(generator(0)))
    for mutant in found.values():
        assert not equivalent(mutant)
        assert not check_module(
            mutant.build(example.module), example.inputs, reference=example.reference
        ).passed


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_every_original_is_correct(kind):
    assert examples_of(kind)
    for example in examples_of(kind):
        assert correct(example.module, example.inputs, range(3))


FACTORS = {"sign": {-1.0}, "zero gradient": {0.0}, "constant factor": {0.5, 1.5, 2.0, 3.0}}


@pytest.mark.parametrize("name", ["Linear", "GRUCell", "Square", "Residual"])
def test_names_say_what_the_gradients_are(name):
    """Negated, zero, or multiplied by one number, while every other gradient is right."""
    kind = KINDS[name]
    example = examples_of(kind)[0]
    right = gradients(example.module, example.inputs)
    named = [mutant for mutant in mutants([kind]) if mutant.name in FACTORS and not equivalent(mutant, [0])]
    assert len(named) >= 3
    for mutant in named:
        wrong = gradients(mutant.build(example.module), example.inputs)
        ratios = {one_factor(a, b) for a, b in zip(wrong, right, strict=True)} - {1.0}
        assert len(ratios) == 1, mutant.place
        assert ratios <= FACTORS[mutant.name], mutant.place


def gradients(module: Module, inputs: tuple[Any, ...]) -> list[Tensor]:
    module.zero_grad()
    outputs = as_tuple(module(*inputs))
    found = as_tuple(module.backward(*(torch.cos(3 * o + 1) for o in outputs)))
    return [*found, *(parameter.grad for parameter in module.parameters())]


def one_factor(a: Tensor, b: Tensor) -> float | None:
    """The number c in a = c · b, if there is one."""
    c = round(float((a * b).sum() / (b * b).sum()), 4)
    return c if torch.allclose(a, c * b, atol=1e-5) else None


def test_only_known_names_are_given():
    kinds = [KINDS[name] for name in ("Softmax", "BatchNorm1d", "Divide", "Max", "Dropout")]
    assert {mutant.name for mutant in mutants(kinds)} <= {None, *NAMES}


def test_what_changes_nothing_is_recognized():
    texts = {after(mutant): equivalent(mutant) for mutant in mutants([Neuron, Larger])}
    assert not texts["grad = grad_output * (out >= 0)"], "all outputs are at least 0: no mask is left"
    assert texts["return (grad_output * (x > y), grad_output * (y > x))"], "numbers drawn at random never tie"
    assert texts["return (grad_output * (x >= y), grad_output * (y >= x))"]
    assert texts["grad_output = grad_output"], "no example goes there"
    assert not texts["return (grad_output, grad_output * (y > x))"]


def test_a_tie_tells_them_apart():
    x = torch.ones(2, 3)
    twice = next(mutant for mutant in mutants([Larger]) if mutant.name == "ties routed twice").build(Larger())
    twice(x, x)
    assert [float(grad.sum()) for grad in twice.backward(x)] == [6, 6]


def test_forward_does_not_see_the_change():
    """Softmax finds its axis with the same method in both passes; only backward's is changed."""
    example = next(Softmax.examples(generator(0)))
    expected = example.module(*example.inputs)
    found = list(mutants([Softmax]))
    assert any("_axis.py" in mutant.place for mutant in found)
    for mutant in found:
        assert torch.equal(mutant.build(example.module)(*example.inputs), expected)
    assert type(example.module) is Softmax


def test_super_works_in_a_mutant():
    wrong = next(mutant for mutant in mutants([Loud]) if after(mutant).startswith("return 2 *")).build(Loud())
    right, x = Loud(), torch.randn(4, 3)
    assert torch.allclose(gradients(wrong, (x,))[0], 2 * gradients(right, (x,))[0])


def test_a_loop_that_never_ends_is_stopped(monkeypatch):
    monkeypatch.setattr(truth, "SECONDS", 0.2)
    endless = next(mutant for mutant in mutants([Slow]) if after(mutant) == "times = times - 1")
    x = torch.randn(2)
    assert correct(Slow(), (x,), range(3))
    assert not correct(endless.build(Slow()), (x,), range(3))


class Wrong(Module):
    """x; its backward does what the test says."""

    def __init__(self, how: str) -> None:
        self.how, self.calls = how, 0

    def forward(self, x: Tensor) -> Tensor:
        self.save(x=x)
        return x.clone()

    def backward(self, grad_output: Tensor) -> Any:
        self.calls += 1
        match self.how:
            case "changes its input":
                self.saved["x"].add_(1)
            case "changes grad_output":
                return grad_output.mul_(1 + 1e-6) / (1 + 1e-6)
            case "differs the second time":
                return grad_output * self.calls
            case "gives two gradients":
                return grad_output, grad_output
            case "gives none":
                return None
            case "gives another shape":
                return grad_output[None]
            case "gives NaN":
                return grad_output * torch.nan
            case "is a little wrong":
                return grad_output * (1 + 1e-8)
            case "fails":
                raise ValueError("no")
        return grad_output


@pytest.mark.parametrize("how", re.findall(r'case "([^"]*)"', inspect.getsource(Wrong)))
def test_correct_refuses_a_backward_that(how):
    assert correct(Wrong("is right"), (torch.randn(3),), range(2))
    assert not correct(Wrong(how), (torch.randn(3),), range(2))
