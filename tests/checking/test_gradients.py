"""Numerical gradients: known derivatives, many coordinates at once the same as one by one.

The quick projection is tested, too.
"""

import copy
from typing import Any

import jaxtyping
import pytest
import torch
from torch import Tensor

from course import Chain, generator
from course.gradients import (
    complex_step_gradients,
    numerical_gradients,
    projected_gradients,
    random_directions,
    sample,
)
from course.module import Example, as_tuple
from course.modules import Linear, Sigmoid
from tests.test_modules import differentiable, examples, in_float64


def ones(*shape: int) -> Tensor:
    return torch.ones(shape, dtype=torch.float64)


def example_function(example: Example) -> tuple[Any, list[Tensor], list[Tensor]]:
    """An example's reference as a function of its inputs, the inputs, and an upstream gradient."""
    module, inputs = in_float64(example)
    places = [place for place, value in enumerate(inputs) if differentiable(value)]

    def function(*moved: Tensor) -> Any:
        now = dict(zip(places, moved, strict=True))
        return example.reference(
            copy.deepcopy(module), *(now.get(place, value) for place, value in enumerate(inputs))
        )

    tensors, rng = [inputs[place] for place in places], generator(5)
    outputs = as_tuple(function(*tensors))
    upstream = [torch.randn(o.shape, dtype=o.dtype, device=o.device, generator=rng) for o in outputs]
    return function, tensors, upstream


@examples
def test_many_at_once_is_the_same_as_one_by_one(example):
    function, tensors, upstream = example_function(example)
    at_once = numerical_gradients(function, tensors, upstream)
    one_by_one = numerical_gradients(function, tensors, upstream, vectorize=False)
    for many, single in zip(at_once, one_by_one, strict=True):
        torch.testing.assert_close(many, single, rtol=1e-8, atol=1e-8)


def test_coordinates_are_moved_in_one_call():
    calls = []

    def function(x: Tensor) -> Tensor:
        calls.append(1)
        return torch.sin(x)

    (gradient,) = numerical_gradients(function, [ones(50)], [ones(50)])
    assert len(calls) == 1  # all fifty, moved up and moved down
    torch.testing.assert_close(gradient, torch.cos(ones(50)), rtol=1e-9, atol=0)


@pytest.mark.parametrize("chunk", [1, 7, 10, 10**6])
def test_the_number_moved_at_a_time_changes_nothing(chunk, monkeypatch):
    monkeypatch.setattr("course.checking.gradients.CHUNK", chunk)
    x = torch.linspace(-2, 2, 10, dtype=torch.float64).view(5, 2)
    (gradient,) = numerical_gradients(torch.exp, [x], [ones(5, 2)])
    torch.testing.assert_close(gradient, torch.exp(x), rtol=1e-8, atol=0)


def test_a_function_that_branches_on_its_values_is_called_for_each():
    def function(x: Tensor) -> Tensor:
        return x * 2 if x.sum().item() > 0 else x * 3

    (gradient,) = numerical_gradients(function, [ones(4)], [ones(4)])
    torch.testing.assert_close(gradient, 2 * ones(4), rtol=1e-8, atol=0)


def test_a_mistake_in_the_function_comes_out():
    def function(x: Tensor) -> Tensor:
        raise ZeroDivisionError("not a number")

    with pytest.raises(ZeroDivisionError, match="not a number"):
        numerical_gradients(function, [ones(2)], [ones(2)])


def test_tensors_are_left_alone_and_may_be_empty():
    x, y = ones(3), torch.zeros(0, dtype=torch.float64)
    gradients = numerical_gradients(lambda x, y: x * 2 + y.sum(), [x, y], [ones(3)])
    assert x.tolist() == [1, 1, 1]
    assert [tuple(g.shape) for g in gradients] == [(3,), (0,)]


@examples
def test_the_projection_agrees_with_every_coordinate(example):
    function, tensors, upstream = example_function(example)
    rng = generator(9)
    directions = [1e-2 * torch.randn(t.shape, dtype=t.dtype, device=t.device, generator=rng) for t in tensors]
    slopes = projected_gradients(function, tensors, upstream, directions)
    for slope, gradient, direction in zip(
        slopes, numerical_gradients(function, tensors, upstream), directions, strict=True
    ):
        torch.testing.assert_close(slope, (gradient * direction).sum(), rtol=1e-6, atol=1e-7)


def test_the_projection_sees_a_wrong_number():
    x = torch.linspace(0.1, 1, 40, dtype=torch.float64)
    wrong = torch.cos(x)
    wrong[17] *= 1.001
    direction = torch.randn(40, dtype=torch.float64)
    (slope,) = projected_gradients(torch.sin, [x], [ones(40)], [direction])
    assert abs((torch.cos(x) * direction).sum() - slope) < 1e-8
    assert abs((wrong * direction).sum() - slope) > 1e-6


@pytest.mark.parametrize("vectorize", [True, False])
def test_complex_steps_are_exact(vectorize):
    x = torch.linspace(0.1, 3, 7, dtype=torch.float64)
    function = lambda x: torch.exp(torch.sin(x)) / x  # noqa: E731
    (gradient,) = complex_step_gradients(function, [x], [ones(7)], vectorize=vectorize)
    leaf = x.clone().requires_grad_()
    (exact,) = torch.autograd.grad(function(leaf).sum(), leaf)
    torch.testing.assert_close(gradient, exact, rtol=1e-15, atol=0)
    (central,) = numerical_gradients(function, [x], [ones(7)])
    assert (gradient - exact).abs().max() < 1e-3 * (central - exact).abs().max()


def test_complex_steps_go_through_modules(monkeypatch):
    # only in tests are annotations enforced by a type checker
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    net = Chain(Linear(3, 4), Sigmoid(), Linear(4, 2)).to(dtype=torch.float64)
    x, upstream = torch.randn(5, 3, dtype=torch.float64), torch.randn(5, 2, dtype=torch.float64)
    parameters = list(net.parameters())

    def function(x: Tensor, *values: Tensor) -> Any:
        kept = [parameter.value for parameter in parameters]
        for parameter, value in zip(parameters, values, strict=True):
            parameter.value = value
        found = net(x)
        for parameter, value in zip(parameters, kept, strict=True):
            parameter.value = value
        return found

    gradients = complex_step_gradients(
        function, [x, *(parameter.value for parameter in parameters)], [upstream]
    )
    net(x)
    torch.testing.assert_close(net.backward(upstream), gradients[0], rtol=1e-13, atol=1e-13)
    for parameter, gradient in zip(parameters, gradients[1:], strict=True):
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize(
    "function", [torch.relu, torch.maximum, lambda x: x.abs() > 0], ids=["relu", "maximum", "compare"]
)
def test_complex_steps_refuse_what_is_not_analytic(function):
    x = ones(3)
    inputs = [x, 2 * x] if function is torch.maximum else [x]
    with pytest.raises(ValueError, match="use central differences"):
        complex_step_gradients(function, inputs, [ones(3)])


def test_a_sample_measures_some_numbers_of_every_tensor():
    x, bias = (
        torch.linspace(-1, 1, 60, dtype=torch.float64).view(6, 10),
        torch.linspace(0, 1, 10, dtype=torch.float64),
    )
    at = sample([x, bias], 15, generator(0))
    assert at[1] is None
    assert len(set(at[0].tolist())) == 15
    for vectorize in (True, False):
        gradients = numerical_gradients(
            lambda x, b: torch.sin(x + b), [x, bias], [ones(6, 10)], at=at, vectorize=vectorize
        )
        measured = ~gradients[0].isnan()
        assert measured.view(-1).nonzero().view(-1).tolist() == at[0].tolist()
        torch.testing.assert_close(
            gradients[0][measured], torch.cos(x + bias)[measured], rtol=1e-8, atol=1e-9
        )
        torch.testing.assert_close(gradients[1], torch.cos(x + bias).sum(0), rtol=1e-8, atol=1e-9)


def test_where_the_function_cannot_go_is_infinite():
    def root(x: Tensor) -> Tensor:
        if (x < 0).any():
            raise ValueError("below zero")
        return x.sqrt()

    x = torch.tensor([0.0, 1.0, 4.0], dtype=torch.float64)
    (gradient,) = numerical_gradients(root, [x], [ones(3)], skip_kinks=True)
    assert gradient.isinf().tolist() == [True, False, False]
    with pytest.raises(ValueError, match="below zero"):
        numerical_gradients(root, [x], [ones(3)])


@pytest.mark.parametrize("size", [1e-3, 1e-1, 1.0, 1e3, 1e6])
def test_the_step_fits_the_size_of_the_number(size):
    x = torch.tensor([size], dtype=torch.float64)
    (gradient,) = numerical_gradients(torch.log, [x], [ones(1)])
    assert abs(float(gradient) * size - 1) < 1e-6


@pytest.mark.parametrize("seed", range(30))
def test_a_direction_hides_no_single_wrong_number(seed):
    x = torch.randn(50, dtype=torch.float64, generator=generator(seed)) * 10
    (direction,) = random_directions([x], generator(seed + 1))
    share = (direction / x.abs().clamp(min=0.1)).abs()
    assert (share >= 1).all()
    assert (share <= 2).all()
    assert 10 < (direction > 0).sum() < 40


@pytest.mark.parametrize("vectorize", [True, False])
def test_a_function_may_spoil_what_it_is_given(vectorize, monkeypatch):
    monkeypatch.setattr("course.checking.gradients.CHUNK", 60)

    def function(x: Tensor) -> Tensor:
        return x.mul_(3).sin()

    x = torch.linspace(-1, 1, 20, dtype=torch.float64)
    (gradient,) = numerical_gradients(function, [x], [ones(20)], vectorize=vectorize)
    torch.testing.assert_close(gradient, 3 * torch.cos(3 * x), rtol=1e-8, atol=1e-8)
