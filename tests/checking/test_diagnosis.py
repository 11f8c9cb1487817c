"""Diagnosis: every mistake of the zoo gets its name, and what is no known mistake gets none."""

import numpy as np
import pytest
import torch

from benchmarks.strength.zoo import ZOO
from course import Graph, Module, generator
from course.checking.diagnosis import MISTAKES, Mistake
from course.checking.diagnosis.suspect import same
from course.checks import check_module
from course.device import randn
from course.modules import LSTM, Add, Linear, Multiply, Sigmoid, SiLU, Tanh


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("wrong", ZOO, ids=lambda wrong: wrong.label)
def test_the_zoo_is_named(wrong, seed):
    module, inputs = wrong.make(generator(seed))
    report = check_module(module, inputs, seed=seed)
    assert not report.passed
    named = [mistake.name for mistake in report.mistakes.values()]
    assert named
    assert set(named) <= set(wrong.names)
    for part in report.parts:
        if part.mistake is not None and part.name.startswith("∂L/∂"):
            assert part.mistake.sentence in part.message
            assert "\n" not in part.message


def test_the_zoo_has_every_mistake_that_has_a_name():
    shown = {name for wrong in ZOO for name in wrong.names}
    assert shown == set(MISTAKES)


@pytest.mark.parametrize("seed", range(20))
def test_nothing_is_said_about_noise(seed):
    class Noise(Linear):
        def backward(self, grad_output):
            grad = super().backward(grad_output)
            self.weight.grad += torch.randn(self.weight.value.shape, dtype=torch.float64)
            return grad + torch.randn(grad.shape, dtype=torch.float64)

    torch.manual_seed(seed)
    report = check_module(Noise(3, 2), (torch.randn(5, 3),), seed=seed)
    assert not report["∂L/∂x"].passed
    assert report.mistakes == {}


def test_it_is_less_sure_of_a_single_number():
    class Half(Multiply):
        def backward(self, grad_output):
            return 0.5 * grad_output * self.saved["y"], grad_output * self.saved["x"]

    few = check_module(Half(), (torch.randn(()), torch.randn(()))).mistakes["∂L/∂x"]
    many = check_module(Half(), (torch.randn(9), torch.randn(9))).mistakes["∂L/∂x"]
    assert few.name == many.name == "constant factor"
    assert few.confidence < 0.8 <= many.confidence
    assert few.sentence.startswith("Perhaps")
    assert many.sentence.startswith("Likely")


def test_the_factor_is_named():
    class Third(Tanh):
        def backward(self, grad_output):
            return super().backward(grad_output) / 3

    message = check_module(Third(), (torch.randn(4, 5),))["∂L/∂x"].message
    assert "∂L/∂x is 1/3 of the true one" in message


def test_a_mean_over_the_batch_is_named_with_its_size():
    class Mean(Linear):
        def backward(self, grad_output):
            self.weight.grad += grad_output.T @ self.saved["x"]
            self.bias.grad += grad_output.mean(dim=0)
            return grad_output @ self.weight.value

    message = check_module(Mean(3, 2), (torch.randn(7, 3),))["∂L/∂bias"].message
    assert "the gradient of bias is a mean over 7 numbers, where a sum belongs" in message


def test_the_wrong_columns_are_named():
    class Column(Linear):
        def backward(self, grad_output):
            grad = super().backward(grad_output)
            grad[:, 2] += 1
            return grad

    message = check_module(Column(4, 2), (torch.randn(5, 4),))["∂L/∂x"].message
    assert "only in_features number 2 is wrong" in message or "only column 2 is wrong" in message


@pytest.mark.parametrize(
    ("kept", "words"),
    [("σ", "only the first is there"), ("x", "only the one through σ(x) is there")],
)
def test_half_of_the_product_rule_is_a_lost_path(kept, words):
    class Half(SiLU):
        def backward(self, grad_output):
            super().backward(grad_output)
            x = torch.asarray(self.saved["x"])
            s = torch.sigmoid(x)
            return grad_output * (s if kept == "σ" else x * s * (1 - s))

    mistake = check_module(Half(), (torch.randn(4, 3),)).mistakes["∂L/∂x"]
    assert mistake.name == "path lost"
    assert words in mistake.what


def test_a_gradient_where_nothing_flows_is_named():
    class Unmasked(Module):
        def forward(self, x, target):
            self.save(x=x, target=target)
            return torch.relu(1 - target * x).mean()

        def backward(self, grad_output):
            x, target = self.saved["x"], self.saved["target"]
            return -grad_output * target / x.numel(), -grad_output * x / x.numel()

    rng = generator(0)
    x = 2 * torch.randn(4, 3, generator=rng, device=rng.device)
    mistakes = check_module(Unmasked(), (x, torch.where(x > 0.5, 1.0, -1.0))).mistakes
    assert {mistake.name for mistake in mistakes.values()} == {"mask missing"}
    assert mistakes.keys() == {"∂L/∂x", "∂L/∂target"}
    assert "the mask of `torch.relu(1 - target * x)` is not applied" in mistakes["∂L/∂x"].what


def test_the_lost_edge_of_a_graph_is_named():
    class Forgets(Graph):
        def backward(self, grad_output):
            grads = {self.outputs[0]: grad_output}
            for node in reversed(self.nodes.values()):
                returned = node.module.backward(grads[node.name])
                for read, one in zip(
                    node.reads, returned if isinstance(returned, tuple) else (returned,), strict=True
                ):
                    if (read, node.name) != ("x", "sum"):
                        grads[read] = grads[read] + one if read in grads else one
            return tuple(grads[name] for name in self.inputs)

    graph = Forgets("x", "y")
    graph.add("product", Multiply(), "x", "y")
    graph.add("squashed", Sigmoid(), "product")
    graph.add("sum", Add(), "squashed", "x")
    graph.add("f", Multiply(), "sum", "x")
    mistake = check_module(graph, (torch.randn(4), torch.randn(4))).mistakes["∂L/∂x"]
    assert mistake.name == "path lost"
    assert "from 'x' to 'sum'" in mistake.what


@pytest.mark.filterwarnings("error:no diagnosis")
def test_outputs_of_several_shapes_are_no_hindrance():
    class Wrong(LSTM):
        def backward(self, *grads):
            return tuple(2 * grad for grad in super().backward(*grads))

    rng = generator(0)
    inputs = (randn(rng, 5, 2, 4), randn(rng, 2, 2, 4), randn(rng, 2, 2, 4))
    report = check_module(Wrong(4, 4, 2), inputs)
    assert report["∂L/∂x"].mistake.mistake is Mistake.CONSTANT_FACTOR


def test_what_is_infinite_agrees_with_nothing():
    given = np.array([1.0, 2.0])
    assert same(given, np.array([1.0, 2.0]))
    assert not same(given, np.array([1.0, np.inf]))
